"""Folders of images: written whole or not at all, read a range at a time, refused when damaged."""

import os
import shutil

import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data import folders
from dbnjax.data.images import Images

N, SHAPE = 23, (5, 4)


def cases(n=N):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (n, *SHAPE), dtype=np.uint8)
    return Images(pixels, (np.arange(n) % 3).astype(np.int32))


def batches(images, size=10):
    for start in range(0, len(images.pixels), size):
        yield Images(*(array[start : start + size] for array in images))


@pytest.fixture
def folder(tmp_path):
    folders.write(tmp_path / "set", batches(cases()), N, SHAPE, {"from": "a test"})
    return tmp_path / "set"


def test_what_is_written_is_what_numpy_saves(folder, tmp_path):
    np.save(tmp_path / "images.npy", cases().pixels)
    np.save(tmp_path / "labels.npy", cases().labels)
    for name in ("images.npy", "labels.npy"):
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


def test_ranges_are_read_in_their_order(folder):
    found = folders.read(folder, 3)
    assert (found.n_cases, found.shape, found.n_classes) == (N, SHAPE, 3)
    rows = [*range(7, 19), *range(2, 5)]
    pixels, labels = found.read([(7, 9), (9, 19), (2, 5)])
    np.testing.assert_array_equal(pixels, cases().pixels[rows])
    np.testing.assert_array_equal(labels, cases().labels[rows])
    assert folders.origin(folder) == {"from": "a test"}


def test_anybodys_folder_will_do(tmp_path):
    np.save(tmp_path / "images.npy", cases().pixels)
    np.save(tmp_path / "labels.npy", cases().labels.astype(np.uint8))
    assert folders.read(tmp_path, 3).read([(0, 4)]).labels.tolist() == [0, 1, 2, 0]
    assert folders.origin(tmp_path) == {}


def test_a_folder_in_use_is_not_overwritten(folder):
    before = (folder / "images.npy").read_bytes()
    with pytest.raises(InputError, match="expected a new or empty folder, got one in use"):
        folders.write(folder, batches(cases()), N, SHAPE, {})
    assert (folder / "images.npy").read_bytes() == before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "set").mkdir()
    folders.write(tmp_path / "set", batches(cases()), N, SHAPE, {})
    assert folders.read(tmp_path / "set", 3).n_cases == N


def stopping(images):
    yield from list(batches(images))[:-1]
    raise KeyboardInterrupt


def test_a_writer_that_is_stopped_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        folders.write(tmp_path / "set", stopping(cases()), N, SHAPE, {})
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_overwritten(tmp_path):
    (tmp_path / ".set.tmp").mkdir()
    (tmp_path / ".set.tmp" / "images.npy").write_bytes(b"half")
    folders.write(tmp_path / "set", batches(cases()), N, SHAPE, {})
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    np.testing.assert_array_equal(
        folders.read(tmp_path / "set", 3).read([(0, N)]).pixels, cases()[0]
    )


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    needed = N * (20 + 4)
    free = shutil.disk_usage(tmp_path)._replace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    message = f"set: expected {needed} free bytes on its disk, got {needed - 1}; write fewer"
    with pytest.raises(InputError, match=message):
        folders.write(tmp_path / "set", batches(cases()), N, SHAPE, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Images(cases().pixels, None), "labels: expected one for each of 23 images, got none"),
        (Images(cases().pixels / 255.0, cases().labels), "got float64"),
        (Images(cases().pixels[:, :4], cases().labels), r"got uint8 \(23, 4, 4\)"),
        (cases(22), "expected 23 in all, got 22"),
        (cases(24), "expected 23 in all, got 24"),
    ],
)
def test_batches_of_another_kind_are_refused(tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        folders.write(tmp_path / "set", [given], N, SHAPE, {})
    assert list(tmp_path.iterdir()) == []


def test_no_images_are_refused(tmp_path):
    with pytest.raises(InputError, match="images to write: expected 1 or more, a whole number"):
        folders.write(tmp_path / "set", [], 0, SHAPE, {})


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="file/set: expected a place to write"):
        folders.write(tmp_path / "file" / "set", batches(cases()), N, SHAPE, {})


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("images", np.zeros((N, 5, 4)), r"images.npy: expected uint8 \[n, height, width\], got f"),
        ("images", np.zeros((N, 20), np.uint8), r"got uint8 \(23, 20\); scaled or flattened"),
        ("images", np.zeros((0, 5, 4), np.uint8), r"got uint8 \(0, 5, 4\)"),
        ("images", np.zeros((N, 5, 4), np.uint8, order="F"), "expected one image after the other"),
        ("images", np.zeros((N + 1, 5, 4), np.uint8), "labels.npy: expected 24 labels.*got shape"),
        ("labels", np.zeros((N, 1), np.int32), r"got shape \(23, 1\); the two files belong"),
        ("labels", np.zeros(N), "labels.npy: expected integer labels, got 23 values of type float"),
        ("labels", np.arange(N) % 4, "labels.npy: expected labels from 0 to 2, got 0 to 3"),
    ],
)
def test_a_bad_folder_is_one_line(folder, name, array, message):
    np.save(folder / f"{name}.npy", array)
    with pytest.raises(InputError, match=message) as caught:
        folders.read(folder, 3)
    assert "\n" not in str(caught.value)


def test_labels_beyond_the_first_that_are_looked_at_are_checked(folder, monkeypatch):
    monkeypatch.setattr(folders, "CHECKED", 4)
    labels = cases().labels.copy()
    labels[-1] = 3
    np.save(folder / "labels.npy", labels)
    with pytest.raises(InputError, match="expected labels from 0 to 2, got 0 to 3"):
        folders.read(folder, 3)


def test_a_missing_folder_or_file_says_what_it_should_hold(folder):
    with pytest.raises(InputError, match=r"no/images.npy: expected a folder with images"):
        folders.read(folder / "no", 3)
    (folder / "labels.npy").unlink()
    with pytest.raises(InputError, match=r"labels.npy: expected a folder with.*found no such file"):
        folders.read(folder, 3)


def test_a_file_that_was_cut_is_one_line_before_and_after_it_is_opened(folder):
    opened = folders.read(folder, 3)
    os.truncate(folder / "images.npy", 200)
    for look in (lambda: folders.read(folder, 3), lambda: opened.read([(0, 20)])):
        with pytest.raises(InputError, match=r"images.npy: expected an NPY file") as said:
            look()
        assert "\n" not in str(said.value)


def test_an_archive_and_objects_are_refused(folder):
    with open(folder / "labels.npy", "wb") as file:
        np.savez(file, labels=cases().labels)
    with pytest.raises(InputError, match=r"labels.npy: expected one array.*got an archive"):
        folders.read(folder, 3)
    np.save(folder / "labels.npy", np.array([{}] * N, object), allow_pickle=True)
    with pytest.raises(InputError, match=r"labels.npy: expected an NPY file of numbers"):
        folders.read(folder, 3)


def test_an_origin_that_is_damaged_is_refused(folder):
    (folder / "origin.json").write_text("[1]")
    with pytest.raises(InputError, match=r"origin.json: expected a JSON object, got \[1\]"):
        folders.origin(folder)
