"""Folders of images: read a range at a time, told apart, refused when damaged."""

import os

import numpy as np
import pytest
from image_folders import SHAPE, N, cases, write

from dbnjax.checks import InputError
from dbnjax.data import folders


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "set", origin={"from": "a test"})
    return tmp_path / "set"


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


def test_a_digest_tells_folders_apart_wherever_they_lie(folder, tmp_path):
    found = folders.digest(folder)
    assert len(found) == 12
    folder.rename(tmp_path / "moved")
    assert folders.digest(str(tmp_path / "moved")) == found
    write(tmp_path / "other", origin={"from": "another test"})
    write(tmp_path / "silent")
    np.save(tmp_path / "moved/labels.npy", cases().labels[::-1])
    write(tmp_path / "replaced")
    np.save(tmp_path / "replaced/images.npy", 255 - cases().pixels)
    names = ("moved", "other", "silent", "replaced")
    assert len({folders.digest(tmp_path / name) for name in names} | {found}) == 5


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
