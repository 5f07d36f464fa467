import struct
import sys
import zlib

import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data.grey import to_grey
from dbnjax.data.images import names, read_images

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
        assert_refused(path, "expected a whole PNG or other picture, cannot read it")


def test_bad_paths_are_refused(tmp_path):
    assert_refused(tmp_path, "found none in it")
    assert_refused(tmp_path / "none.png", "found no file")
    (tmp_path / "digit.svg").write_bytes(b"")
    assert_refused(tmp_path / "digit.svg", r"ends in .png or .npy")


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
        (np.uint8(3), r"got shape \(\)"),
        (np.zeros((2, 2, 2, 2), np.uint8), r"colours, got shape \(2, 2, 2, 2\)"),
        (np.zeros((1, 2, 2, 2, 3), np.uint8), r"got shape \(1, 2, 2, 2, 3\)"),
        (np.array([[0, 256]]), "whole numbers from 0 to 255, got 0 to 256"),
        (np.array([[-1, 1]], np.int8), "whole numbers from 0 to 255, got -1 to 1"),
        (np.array([[0.0, 256.0]]), r"\[0, 1\], got values from 0 to 256"),
        (np.array([[0.5, 1 + 1e-9]]), r"got values from 0.5 to 1\.000000001"),  # F13
        (np.array([[-1e-12, 1.0]]), r"got values from -1e-12 to 1;"),
        (np.zeros((2, 2), complex), "got complex128"),
        (np.array([["a"]]), "got <U1"),
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
        np.savez(file, x=GREY, y=GREY)
    assert_refused(path, r"expected one array, got an archive of 2 \(x, y\)")
    with path.open("wb") as file:
        np.savez(file)
    assert_refused(path, "expected one array, got an archive of 0")
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


WIDE = np.random.default_rng(1).integers(0, 256, (4, 8, 6), dtype=np.uint8)


@pytest.mark.parametrize(  # F13
    ("array", "expected"),
    [
        (WIDE.reshape(4, 48), WIDE),
        (WIDE[0].ravel() / 255, WIDE[:1]),
        (WIDE[0, ..., None], WIDE[:1]),
        (WIDE[..., None], WIDE),
        (np.stack([WIDE] * 3, -1), WIDE),
        (np.stack([WIDE[0]] * 3, -1), WIDE[:1]),
        (np.stack([*[WIDE] * 3, np.full_like(WIDE, 255)], -1), WIDE),
        (np.stack([WIDE] * 3, 1) / 255, WIDE),
        (WIDE[:, None], WIDE),
        (WIDE.astype(np.int64), WIDE),
        (WIDE.astype(np.uint16), WIDE),
        (WIDE.astype(np.float32), WIDE),
        (WIDE > 127, np.where(WIDE > 127, 255, 0)),
        (WIDE // 128, np.where(WIDE > 127, 255, 0)),
        (np.float64(WIDE // 128), np.where(WIDE > 127, 255, 0)),
        (np.asfortranarray(WIDE), WIDE),
        (WIDE.astype(">i4"), WIDE),
    ],
)
def test_arrays_of_usual_forms_are_read_where_the_size_is_known(tmp_path, array, expected):
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(read_images(tmp_path / "x.npy", WIDE.shape[1:]), expected)
    np.savez_compressed(tmp_path / "x.npz", array)
    np.testing.assert_array_equal(read_images(tmp_path / "x.npz", WIDE.shape[1:]), expected)


def test_sizes_that_look_like_others_are_taken_as_they_are_known(tmp_path):
    np.save(tmp_path / "x.npy", WIDE[0])  # [8, 6] is one image, or eight flattened ones
    assert read_images(tmp_path / "x.npy").shape == (1, 8, 6)
    assert read_images(tmp_path / "x.npy", (8, 6)).shape == (1, 8, 6)
    assert read_images(tmp_path / "x.npy", (2, 3)).shape == (8, 2, 3)
    np.save(tmp_path / "x.npy", WIDE[..., :3])  # [4, 8, 3] is four images, or one of colours
    assert read_images(tmp_path / "x.npy", (8, 3)).shape == (4, 8, 3)
    assert read_images(tmp_path / "x.npy", (4, 8)).shape == (1, 4, 8)


def test_transparent_arrays_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.stack([WIDE] * 4, -1))
    assert_refused(tmp_path / "x.npy", "transparent")


@pytest.mark.parametrize("ending", ["bmp", "gif", "tif", "tiff", "webp", "jpg", "jpeg", "PNG"])
def test_other_pictures_are_read_whatever_they_are_called(tmp_path, ending):
    picture = np.full((8, 8), 200, np.uint8)
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(picture).save(tmp_path / f"a.{ending}")
    (tmp_path / f"a.{ending}").rename(tmp_path / "a.png")
    # JPEG and WebP are lossy, though hardly on one shade.
    assert np.abs(read_images(tmp_path / "a.png").astype(int) - picture).max() <= 2


def test_sixteen_bits_of_grey_are_read(tmp_path):
    deep = save_png(tmp_path / "deep.png", GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_images(deep), GREY[None])


def test_a_film_and_floats_are_refused(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    first, second = (pillow.fromarray(np.full((2, 2), shade, np.uint8)) for shade in (1, 99))
    first.save(tmp_path / "film.gif", save_all=True, append_images=[second])
    assert_refused(tmp_path / "film.gif", "expected one image, got 2 in one file")
    pillow.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "f.tif")
    assert_refused(tmp_path / "f.tif", "8 bits a channel, or 16 of grey, got mode F")


def png_chunks(width, height, pixels):
    """Returns a grey PNG of 8 bits with these compressed bytes, or without any."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = b"" if pixels is None else chunk(b"IDAT", pixels)
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [14_000, 12_000, 9_000, 2**31 - 1])
def test_a_picture_that_unpacks_to_too_much_is_one_line(tmp_path, side, recwarn):  # F5
    path = tmp_path / "bomb.png"
    path.write_bytes(png_chunks(side, side, zlib.compress(bytes(1000))))
    assert_refused(path, "bomb.png: expected ")
    assert not recwarn.list


def test_a_png_without_image_data_is_one_line(tmp_path):  # F5
    for name, content in {"none": None, "empty": b"", "void": zlib.compress(b"")}.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(png_chunks(4, 4, content))
        assert_refused(path, "expected a whole PNG or other picture, cannot read it")


def test_dot_files_and_folders_are_passed_over(tmp_path):  # F14
    (tmp_path / "._1.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / ".DS_Store").write_bytes(b"")
    (tmp_path / "2.png").mkdir()
    with pytest.raises(InputError, match="found none in it"):
        read_images(tmp_path)
    save_png(tmp_path / "1.png", GREY)
    assert read_images(tmp_path).shape == (1, 2, 3)
    assert names(tmp_path, 1) == ["1.png"]
