import csv
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_classes
from idx_files import write_idx
from PIL import Image
from refusals import one_line

from dbnjax.checks import InputError
from dbnjax.data import ink
from dbnjax.models import feedforward
from dbnjax.weights import io, shipped
from experiments import classify
from experiments.common import nets

LABELS = np.array([0, 1, 1, 0, 1, 0, 0])


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.safetensors"
    io.save(path, two_classes.deep(), {"image_shape": two_classes.SHAPE})
    return str(path)


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, two_classes.pixels(LABELS))
    return str(path)


@pytest.fixture
def labelled(tmp_path):
    """An IDX folder whose fourth label is wrong."""
    folder = tmp_path / "idx"
    folder.mkdir()
    write_idx(folder / "t10k-images-idx3-ubyte.gz", two_classes.pixels(LABELS))
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.where(np.arange(7) == 3, 1, LABELS))
    return str(folder)


def test_labels_give_a_confusion_matrix_and_the_errors_last(net, labelled, tmp_path, capsys):
    output = tmp_path / "new" / "predictions.csv"
    results = classify.run(classify.Config(net=net, data_dir=labelled, output=str(output)))
    assert results.errors == 1
    printed = capsys.readouterr().out.rstrip("\n").split("\n")
    assert printed[-1] == "errors: 1 of 7 (14.29 %)"
    counts = [line.split("|")[1].split() for line in printed if "|" in line]
    assert counts == [["0", "1"], ["3", "."], ["1", "3"]]
    rows = list(csv.DictReader(output.open()))
    assert [row["class"] for row in rows] == [str(label) for label in LABELS]
    assert [row["label"] for row in rows] == ["0", "1", "1", "1", "1", "0", "0"]
    assert rows[3]["image"] == "3"


def test_images_without_labels_get_a_line_each(net, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, pixels in zip("bca", two_classes.pixels([0, 1, 1]), strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "note.txt").write_text("not a picture")
    classify.run(classify.Config(net=net, images=str(folder)))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["a.png", "class", "1"],
        ["b.png", "class", "0"],
        ["c.png", "class", "1"],
    ]
    classify.run(classify.Config(net=net, images=str(folder / "b.png")))
    assert capsys.readouterr().out == "b.png  class 0  probability 1.0000\n"


def refuse(message, **options):
    with one_line(message):
        classify.run(classify.Config(**options))


def test_what_does_not_fit_is_refused(net, images, labelled, tmp_path):
    refuse("nowhere: expected a safetensors file", net="nowhere", images=images)
    refuse("expected images by --images .*, got neither", net=net)
    refuse("got both", net=net, images=images, data_dir=labelled)
    refuse("expected train-images", net=net, data_dir=labelled, split="train")
    np.save(tmp_path / "large.npy", np.zeros((2, 6, 4), np.uint8))
    refuse(
        "expected images of 4 x 6 pixels, .*, got 6 x 4",
        net=net,
        images=str(tmp_path / "large.npy"),
    )
    plain = str(tmp_path / "plain")
    io.save(plain, two_classes.label_free(), {"image_shape": two_classes.SHAPE})
    refuse("no label units", net=plain, images=images)
    write_idx(tmp_path / "idx" / "t10k-labels-idx1-ubyte.gz", LABELS + 1)
    refuse("labels: expected labels from 0 to 1, got 1 to 2", net=net, data_dir=labelled)


def test_images_are_square_unless_the_net_says_otherwise(tmp_path, images):
    path = str(tmp_path / "net")
    io.save(path, two_classes.deep())
    refuse("expected visible units for images of 4 x 4, got 24", net=path, images=images)


@pytest.mark.parametrize(
    "shape", [[1, 4, 6], [24], "46", 24, None, [4.0, 6.0], [-4, -6], [0, 24], [True, 24], {"4": 6}]
)
def test_an_image_shape_that_is_none_is_refused(tmp_path, images, shape):
    path = str(tmp_path / "net")
    io.save(path, two_classes.deep(), {"image_shape": shape})
    refuse(f"{path}: expected image_shape .*a height and a width", net=path, images=images)


@pytest.mark.parametrize("shape", [[24], [5, 5]])
def test_the_shipped_net_is_named(tmp_path, images, monkeypatch, shape):
    monkeypatch.setattr(shipped, "PATH", tmp_path / "net")
    io.save(shipped.PATH, two_classes.deep(), {"image_shape": shape})
    refuse("^the shipped net: expected ", images=images)


def classifier(strength=0.02):
    """Two hidden units, one for each half of the image, below a softmax of two classes."""
    net = feedforward.unroll(jax.random.key(0), two_classes.label_free(strength), 2)
    output = net.output.replace(weights=10.0 * jnp.eye(2))
    lowest = net.hidden[0].replace(weights=strength * jnp.asarray(two_classes.SIDES)[:, None]
                                   * jnp.array([1.0, -1.0]))  # fmt: skip
    return feedforward.create((lowest,), output)


def test_a_classifier_answers_by_its_softmax(tmp_path, labelled, capsys):
    path = str(tmp_path / "classifier")
    io.save(path, classifier(), {"image_shape": two_classes.SHAPE})
    results = classify.run(classify.Config(net=path, data_dir=labelled))
    np.testing.assert_array_equal(results.guesses, LABELS)
    side = 0.02 * np.abs(two_classes.SIDES).sum() / 2  # of the unit for the half with the ink
    on, off = 10 / (1 + np.exp(-side)), 10 / (1 + np.exp(side))
    expected = np.full(7, 1 / (1 + np.exp(off - on)))
    np.testing.assert_allclose(results.probabilities, expected, rtol=1e-5)
    assert 0.7 < expected[0] < 0.95
    assert capsys.readouterr().out.splitlines()[-1] == "errors: 1 of 7 (14.29 %)"
    for read_out in classify.READ_OUTS[1:]:
        refuse(
            f"read_out: expected deterministic for a feedforward net, .* got {read_out}",
            net=path,
            data_dir=labelled,
            read_out=read_out,
        )


def test_the_shipped_classifier_has_a_name(tmp_path, images, monkeypatch):
    monkeypatch.setattr(shipped, "CLASSIFIER_PATH", tmp_path / "classifier")
    io.save(shipped.CLASSIFIER_PATH, classifier(), {"image_shape": two_classes.SHAPE})
    results = classify.run(classify.Config(net=shipped.CLASSIFIER, images=images))
    np.testing.assert_array_equal(results.guesses, LABELS)
    with pytest.raises(InputError, match="mnist_classifier: expected a net that generates, got a"):
        nets.read_net(shipped.CLASSIFIER)


def test_softmax_regression_sees_its_pixels(tmp_path, images):
    path = str(tmp_path / "regression")
    output = feedforward.softmax_layer(jax.random.key(0), two_classes.SIDES.size, 2)
    weights = jnp.asarray(two_classes.SIDES)[:, None] * jnp.array([1.0, -1.0])
    io.save(path, feedforward.create((), output.replace(weights=weights)))
    refuse("expected visible units for images of 4 x 4, got 24", net=path, images=images)
    io.save(path, io.load(path)[0], {"image_shape": two_classes.SHAPE})
    results = classify.run(classify.Config(net=path, images=images))
    np.testing.assert_array_equal(results.guesses, LABELS)


def test_the_command_prints_its_answer(net, labelled):
    flags = f"--net={net}", f"--data_dir={labelled}", "--read_out=gibbs"
    done = subprocess.run(
        [sys.executable, "-m", "experiments.classify", *flags],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "errors: 1 of 7 (14.29 %)"


def test_labels_are_those_of_the_nets_own_data(tmp_path, images, capsys):  # F6
    known = {"labels": [3, 7], "names": ["three", "seven"]}
    path, folder = str(tmp_path / "named"), tmp_path / "idx"
    io.save(path, two_classes.deep(), {"image_shape": two_classes.SHAPE, "classes": known})
    folder.mkdir()
    write_idx(folder / "t10k-images-idx3-ubyte", two_classes.pixels(LABELS))
    write_idx(folder / "t10k-labels-idx1-ubyte", np.where(LABELS, 7, 3))
    output = tmp_path / "said.csv"
    results = classify.run(classify.Config(net=path, data_dir=str(folder), output=str(output)))
    assert results.errors == 0
    assert "three" in capsys.readouterr().out
    rows = list(csv.DictReader(output.open()))
    assert [row["class"] for row in rows] == [row["label"] for row in rows]
    assert rows[0]["class"] == "three"
    write_idx(folder / "t10k-labels-idx1-ubyte", LABELS)
    refuse("labels: expected labels among 3, 7, .*got 0, 1", net=path, data_dir=str(folder))


def test_labels_are_never_renumbered_for_a_net_that_counts_from_zero(net, labelled, tmp_path):
    """A set of the label 1 alone is of a two-class net's second class."""  # F6
    write_idx(tmp_path / "idx" / "t10k-labels-idx1-ubyte.gz", np.ones(7))
    results = classify.run(classify.Config(net=net, data_dir=labelled))
    assert results.errors == int((LABELS != 1).sum())


def test_images_unlike_those_learned_from_get_a_warning(tmp_path, images, capsys):  # F15
    learned = ink.record(two_classes.pixels(LABELS) // 4)
    path = str(tmp_path / "seen")
    io.save(path, two_classes.deep(), {"image_shape": two_classes.SHAPE, "ink": learned})
    results = classify.run(classify.Config(net=path, images=images))
    np.testing.assert_array_equal(results.guesses, LABELS)
    warned = [x for x in capsys.readouterr().err.splitlines() if x.startswith("warning: ")]
    assert len(warned) == 1
    assert "mean intensity 0.500" in warned[0]
