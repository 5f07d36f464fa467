import gzip

import numpy as np
import pytest
from idx_files import digits, idx_bytes, write_idx

from dbnjax.checks import InputError
from dbnjax.data import idx

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def assert_refused(path, message):
    """The error is one line that names the file, and the file is left as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError, match=message) as caught:
        idx.read_idx(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("name", ["plain", "zipped.gz"])
@pytest.mark.parametrize("array", [PIXELS, np.array([3, 1, 4, 1, 5], np.uint8)])
def test_reads_what_was_written(tmp_path, name, array):
    write_idx(tmp_path / name, array)
    read = idx.read_idx(tmp_path / name)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


def test_gzip_is_seen_from_the_content(tmp_path):
    write_idx(tmp_path / "zipped.gz", PIXELS)
    (tmp_path / "zipped.gz").rename(tmp_path / "zipped")
    write_idx(tmp_path / "plain", PIXELS)
    (tmp_path / "plain").rename(tmp_path / "plain.gz")
    for name in ["zipped", "plain.gz"]:
        np.testing.assert_array_equal(idx.read_idx(tmp_path / name), PIXELS)


def test_missing_file_and_folder_are_refused(tmp_path):
    assert_refused(tmp_path / "none", "No such file")
    assert_refused(tmp_path, "cannot read it")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got nothing"),
        (idx_bytes(PIXELS)[:3], "expected an IDX file"),
        (idx_bytes(PIXELS)[:10], "header of 16 bytes, got 10.*truncated"),
        (idx_bytes(PIXELS)[:-1], r"24 bytes after the header .*got 23.*truncated"),
        (idx_bytes(PIXELS) + b"\0", "got 25.*longer than its header"),
        (b"\0\0\x0d\x03" + idx_bytes(PIXELS)[4:], "uint8.*got 00 00 0d 03"),
        (b"\0\0\x08\x02" + idx_bytes(PIXELS)[4:], "1 or 3 dimensions.*got 00 00 08 02"),
        (b"PK\x03\x04" + bytes(40), "another kind of file"),
        (idx_bytes(PIXELS[:0]), "empty"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + bytes(9), "truncated"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damaged_content_is_refused(tmp_path, content, message, pack):
    path = tmp_path / "damaged"
    path.write_bytes(pack(content))
    assert_refused(path, message)


def test_damaged_gzip_is_refused(tmp_path):
    whole = gzip.compress(idx_bytes(digits(20, 0)[0]))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    wrong_sum = whole[:-8] + bytes(4) + whole[-4:]
    cases = {
        "truncated": whole[: len(whole) // 2],
        "flipped": bytes(flipped),
        "sum": wrong_sum,
        "trailing": whole + b"more",
        "magic": whole[:2],
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        assert_refused(
            tmp_path / name, "truncated" if name in ("truncated", "magic") else "corrupt"
        )


def test_reads_both_splits_of_a_folder(idx_folder):
    for split, n, seed in [("train", 40, 0), ("test", 20, 1)]:
        images = idx.read_folder(idx_folder, split)
        pixels, labels = digits(n, seed)
        np.testing.assert_array_equal(images.pixels, pixels)
        np.testing.assert_array_equal(images.labels, labels)
        assert images.labels.dtype == np.int32


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_all_spellings_of_the_names(tmp_path, mark, ending):
    assert not idx.holds_idx(tmp_path)
    write_idx(tmp_path / f"t10k-images{mark}idx3-ubyte{ending}", PIXELS)
    write_idx(tmp_path / f"t10k-labels{mark}idx1-ubyte{ending}", [7, 2])
    assert idx.holds_idx(tmp_path)
    assert idx.read_folder(tmp_path, "test").labels.tolist() == [7, 2]


def test_a_folder_without_labels(idx_folder):
    (idx_folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="train-labels-idx1-ubyte"):
        idx.read_folder(idx_folder, "train")
    assert idx.read_folder(idx_folder, "train", need_labels=False).labels is None


def test_labels_that_may_be_absent_are_read_where_present(idx_folder):
    images = idx.read_folder(idx_folder, "train", need_labels=False)
    assert images.labels.shape == (40,)


def test_an_incomplete_set_is_refused(idx_folder, tmp_path):
    with pytest.raises(InputError, match="expected one of train, test, got 'tests'"):
        idx.read_folder(idx_folder, "tests")
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte.*no such folder"):
        idx.read_folder(tmp_path / "none", "test")
    (idx_folder / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte.*found neither"):
        idx.read_folder(idx_folder, "test")


def test_labels_of_another_set_are_refused(idx_folder):
    labels = idx_folder / "train-labels-idx1-ubyte.gz"
    write_idx(labels, np.zeros(39))
    with pytest.raises(InputError, match=f"{labels}: expected 40 labels.*got 39"):
        idx.read_folder(idx_folder, "train")


def test_exchanged_files_are_refused(idx_folder):
    images, labels = (idx_folder / f"train-{k}-ubyte.gz" for k in ("images-idx3", "labels-idx1"))
    with pytest.raises(InputError, match="exchanged"):
        idx.read_pair(labels, images)
    with pytest.raises(InputError, match="exchanged"):
        idx.read_pair(images, images)


def test_official_mnist(mnist_dir):
    train, test = (idx.read_folder(mnist_dir, split) for split in ("train", "test"))
    assert train.pixels.shape == (60000, 28, 28)
    assert test.pixels.shape == (10000, 28, 28)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test.labels).tolist() == counts


def kaggle(folder, name, array):
    """Writes a file into a folder of its own name, as Kaggle unpacks MNIST."""
    (folder / name).mkdir()
    write_idx(folder / name / name, array)


def test_kaggles_layout_is_read(tmp_path):  # F21
    for prefix, labels in (("train", [3, 1]), ("t10k", [7, 2])):
        kaggle(tmp_path, f"{prefix}-images-idx3-ubyte", PIXELS)
        kaggle(tmp_path, f"{prefix}-labels-idx1-ubyte", labels)
    assert idx.holds_idx(tmp_path)
    assert idx.read_folder(tmp_path, "train").labels.tolist() == [3, 1]
    assert idx.read_folder(tmp_path, "test").labels.tolist() == [7, 2]
    # Kaggle keeps each file a second time, above; what lies higher counts.
    write_idx(tmp_path / "t10k-images.idx3-ubyte", PIXELS[:1])
    write_idx(tmp_path / "t10k-labels.idx1-ubyte", [4])
    assert idx.read_folder(tmp_path, "test").labels.tolist() == [4]


@pytest.mark.parametrize("below", ["raw", "MNIST/raw"])
def test_torchvisions_layout_is_read(tmp_path, below):  # F21
    folder = tmp_path / below
    folder.mkdir(parents=True)
    for ending in ("", ".gz"):  # torchvision keeps both
        write_idx(folder / f"train-images-idx3-ubyte{ending}", PIXELS)
        write_idx(folder / f"train-labels-idx1-ubyte{ending}", [3, 1])
    assert idx.read_folder(tmp_path, "train").labels.tolist() == [3, 1]


def test_of_several_sets_below_none_is_guessed(tmp_path):  # F21
    for name in ("MNIST", "FashionMNIST"):
        folder = tmp_path / name / "raw"
        folder.mkdir(parents=True)
        write_idx(folder / "train-images-idx3-ubyte", PIXELS)
    with pytest.raises(InputError, match=r"one image set, found several .*FashionMNIST/raw"):
        idx.read_folder(tmp_path, "train")


def test_labels_of_a_set_further_below_are_not_taken(tmp_path):  # F21
    write_idx(tmp_path / "t10k-images-idx3-ubyte", PIXELS)
    (tmp_path / "raw").mkdir()
    write_idx(tmp_path / "raw" / "t10k-labels-idx1-ubyte", [7, 2])
    assert idx.read_folder(tmp_path, "test", need_labels=False).labels is None
    with pytest.raises(InputError, match="t10k-labels"):
        idx.read_folder(tmp_path, "test")


def test_a_folder_of_tables_is_one_line(tmp_path):  # F21
    (tmp_path / "mnist_test.csv").write_text("label,1x1\n")
    with pytest.raises(InputError, match=r"t10k-images.*found mnist_test\.csv, a table") as caught:
        idx.read_folder(tmp_path, "test")
    assert "\n" not in str(caught.value)
