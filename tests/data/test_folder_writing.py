"""Folders of images are written whole or not at all, wherever a user wants them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from image_folders import N, batches, cases, write

from dbnjax.checks import InputError
from dbnjax.data import folders
from dbnjax.data.images import Images


def test_what_is_written_is_what_numpy_saves(tmp_path):
    write(tmp_path / "set")
    np.save(tmp_path / "images.npy", cases().pixels)
    np.save(tmp_path / "labels.npy", cases().labels)
    for name in ("images.npy", "labels.npy"):
        assert (tmp_path / "set" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_folder_in_use_is_not_overwritten(tmp_path):
    write(tmp_path / "set")
    before = (tmp_path / "set" / "images.npy").read_bytes()
    with pytest.raises(InputError, match="expected a new or empty folder, got one in use"):
        write(tmp_path / "set")
    assert (tmp_path / "set" / "images.npy").read_bytes() == before


@pytest.mark.parametrize("named", ["{}", "."])
def test_an_empty_folder_is_filled_and_stays_the_one_that_it_was(tmp_path, monkeypatch, named):
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path / "set")
    before = os.stat(tmp_path / "set").st_ino
    write(named.format(tmp_path / "set"))
    assert folders.read(".", 3).n_cases == N
    assert os.stat(".").st_ino == os.stat(tmp_path / "set").st_ino == before
    assert {path.name for path in Path().iterdir()} == {"images.npy", "labels.npy", "origin.json"}
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]


def stopping(images):
    yield from list(batches(images))[:-1]
    raise KeyboardInterrupt


@pytest.mark.parametrize("there", [False, True])
def test_a_writer_that_is_stopped_leaves_nothing(tmp_path, there):
    if there:
        (tmp_path / "set").mkdir()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "set", stopping(cases()))
    assert list(tmp_path.rglob("*")) == ([tmp_path / "set"] if there else [])


@pytest.mark.parametrize("left", [".set.tmp", "set/.new.tmp"])
def test_what_a_killed_writer_left_is_overwritten(tmp_path, left):
    (tmp_path / left).mkdir(parents=True)
    (tmp_path / left / "images.npy").write_bytes(b"half")
    write(tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert len(list((tmp_path / "set").iterdir())) == 3
    np.testing.assert_array_equal(
        folders.read(tmp_path / "set", 3).read([(0, N)]).pixels, cases()[0]
    )


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    needed = N * (20 + 4)
    free = shutil.disk_usage(tmp_path)._replace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    message = f"set: expected {needed} free bytes on its disk, got {needed - 1}; write fewer"
    with pytest.raises(InputError, match=message):
        write(tmp_path / "set")
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
        write(tmp_path / "set", [given])
    assert list(tmp_path.iterdir()) == []


def test_no_images_are_refused(tmp_path):
    with pytest.raises(InputError, match="images to write: expected 1 or more, a whole number"):
        write(tmp_path / "set", [], 0)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="file/set: expected a place to write"):
        write(tmp_path / "file" / "set")
