import struct
import sys

import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data.images import read_images, to_grey

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 50


def save_png(path, array, mode=None):
    image = pytest.importorskip("PIL.Image").fromarray(array)
    (image if mode is None else image.convert(mode)).save(path)
    return path


def assert_refused(path, message):
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError, match=message) as caught:
        read_images(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_grey_is_the_itu_601_luma():
    primaries = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    assert to_grey(primaries).tolist() == [76, 150, 29, 9]
    greys = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_grey(np.stack([greys] * 3, -1)), greys)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_one_png_of_any_mode(tmp_path, mode):
    pixels = read_images(save_png(tmp_path / "digit.PNG", GREY, mode))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, GREY[None])


def test_black_and_white_png(tmp_path):
    path = save_png(tmp_path / "bits.png", np.array([[0, 255], [255, 0]], np.uint8), "1")
    assert read_images(path).tolist() == [[[0, 255], [255, 0]]]


def test_colour_png(tmp_path):
    colours = np.array([[[200, 10, 30], [0, 255, 0]]], np.uint8)
    expected = np.rint(colours @ [0.299, 0.587, 0.114])
    np.testing.assert_array_equal(
        read_images(save_png(tmp_path / "c.png", colours)), expected[None]
    )


def test_a_folder_of_pngs_is_read_in_the_order_of_names(tmp_path):
    for name, value in [("b", 2), ("c", 3), ("a", 1)]:
        save_png(tmp_path / f"{name}.png", np.full((2, 2), value, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    assert read_images(str(tmp_path))[:, 0, 0].tolist() == [1, 2, 3]


def test_bad_pngs_are_refused(tmp_path):
    deep = save_png(tmp_path / "deep.png", GREY.astype(np.uint16))
    assert_refused(deep, "at most 8 bits")
    clear = np.dstack([GREY, GREY // 2])
    assert_refused(save_png(tmp_path / "clear.png", clear), "transparent")
    whole = save_png(tmp_path / "whole.png", GREY)
    content = whole.read_bytes()
    for name, damaged in [
        ("empty", b""),
        ("cut", content[:45]),
        ("text", b"not an image"),
        ("flipped", content[:50] + bytes([content[50] ^ 255]) + content[51:]),
    ]:
        path = tmp_path / f"{name}.png"
        path.write_bytes(damaged)
        assert_refused(path, "expected a PNG image, cannot read it")


def test_bad_paths_are_refused(tmp_path):
    assert_refused(tmp_path, "found none in it")
    assert_refused(tmp_path / "none.png", "found no file")
    (tmp_path / "digit.jpeg").write_bytes(b"")
    assert_refused(tmp_path / "digit.jpeg", r"ends in .png or .npy")


def test_png_sizes_must_agree(tmp_path):
    save_png(tmp_path / "a.png", GREY)
    save_png(tmp_path / "b.png", GREY.T.copy())
    with pytest.raises(InputError, match=r"b\.png: expected \(2, 3\) pixels.*got \(3, 2\)"):
        read_images(tmp_path)


def test_missing_pillow_names_the_extra(tmp_path, monkeypatch):
    path = save_png(tmp_path / "a.png", GREY)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(InputError, match=r"package PIL.*pip install 'dbnjax\[experiments\]'"):
        read_images(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (4, 2, 3)])
def test_npy_of_one_or_many(tmp_path, dtype, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "x.npy", pixels if dtype == np.uint8 else (pixels / 255).astype(dtype))
    read = read_images(tmp_path / "x.npy")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, pixels.reshape(-1, 2, 3))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[0.5, np.nan]]), "1 NaN or infinite of 2"),
        (np.array([[0.5, np.inf]]), "1 NaN or infinite of 2"),
        (np.array([[0.0, 1.5]]), r"\[0, 1\], got values from 0 to 1.5"),
        (np.array([[-0.1, 1.0]]), r"\[0, 1\], got values from -0.1 to 1"),
        (np.zeros((0, 2, 2), np.uint8), r"got shape \(0, 2, 2\)"),
        (np.zeros(784, np.uint8), r"got shape \(784,\)"),
        (np.zeros((2, 2, 2, 3), np.uint8), r"got shape \(2, 2, 2, 3\)"),
        (np.zeros((2, 2), np.int64), "got int64"),
        (np.array([[None]]), "cannot read it"),
    ],
)
def test_bad_arrays_are_refused(tmp_path, array, message):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    assert_refused(tmp_path / "x.npy", message)


def test_damaged_npy_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, GREY)
    content = path.read_bytes()
    for damaged in [b"", b"text", content[:20], content[:-1]]:
        path.write_bytes(damaged)
        assert_refused(path, "cannot read it")
    with path.open("wb") as file:
        np.savez(file, GREY)
    assert_refused(path, "archive")
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    assert_refused(path, "cannot read it .*not a zip file")


@pytest.mark.parametrize(
    "shape",
    [
        "(100000000000, 28, 28)",
        f"({2**62}, 28)",
        f"({10**30},)",
        "(2, 3",
        "(2 3)",
        "1" + " " * 20000,
    ],
    ids=["no memory", "no memory at all", "no integer", "open", "no tuple", "long"],
)
def test_an_npy_header_that_cannot_be_meant_is_refused(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(6))
    assert_refused(path, "expected an NPY file of numbers, cannot read it")
