"""The nets that come with the package: their files, their cards, and what they still get right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

from dbnjax.data import sources
from dbnjax.inference import classify
from dbnjax.models import feedforward
from dbnjax.weights import shipped
from experiments import classify as classify_job
from experiments import paper_figures
from experiments.ship import report as ship_report

SIZES = {shipped.PATH: 5e6, shipped.CLASSIFIER_PATH: 3.5e6}


@pytest.fixture(scope="module")
def loaded():
    return shipped.load()


@pytest.fixture(scope="module")
def classifier():
    return shipped.load_classifier()


@pytest.fixture(scope="module")
def digits():
    """A thousand embedded digits, and their labels.

    Training images: a regression check and no result.
    """
    source = sources.load("mnist5k", None)
    pixels = source.train.pixels.reshape(5000, 784)[::5]
    return jnp.asarray(pixels / 255.0, jnp.float32), source.train.known_labels()[::5]


def n_wrong(scores, labels):
    return int((np.asarray(scores).argmax(-1) != labels).sum())


@pytest.mark.parametrize("path", SIZES, ids=lambda path: path.stem)
def test_the_files_are_small_and_half_precision(path):
    assert path.stat().st_size < SIZES[path]
    with safe_open(path, framework="numpy") as file:
        types = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert types == {"F16"}


def test_they_have_the_papers_size_and_compute_in_single_precision(loaded, classifier):
    (net, metadata), (tuned, about) = loaded, classifier
    assert net.memory.weights.shape == (510, 2000)
    assert [layer.weights.shape[1] for layer in (*tuned.hidden, tuned.output)] == [
        500, 500, 2000, 10
    ]  # fmt: skip
    assert net.memory.weights.dtype == tuned.output.weights.dtype == jnp.float32
    assert metadata["image_shape"] == about["image_shape"] == [28, 28]


@pytest.mark.parametrize("load", [shipped.load, shipped.load_classifier])
def test_the_card_is_made_from_the_files_own_record(load):
    path = shipped.PATH if load is shipped.load else shipped.CLASSIFIER_PATH
    assert path.with_suffix(".md").read_text() == ship_report.card(load()[1])


@pytest.mark.parametrize("load", [shipped.load, shipped.load_classifier])
def test_rounding_changed_at_most_a_handful_of_decisions(load):
    rounded = load()[1]["rounded"]
    assert rounded["changed"] <= 10
    assert abs(rounded["errors"] - rounded["exact_errors"]) <= rounded["changed"]


def test_the_embedded_digits_are_read_as_before(loaded, classifier, digits):
    pixels, labels = digits
    # 1.5 %; a swapped axis or a lost bias gives hundreds
    assert n_wrong(jax.jit(classify.deterministic)(loaded[0], pixels), labels) < 15
    assert n_wrong(jax.jit(feedforward.log_probabilities)(classifier[0], pixels), labels) < 15


def test_the_official_test_set_gives_the_error_of_the_card(loaded, mnist_dir, capsys):
    results = classify_job.run(classify_job.Config(data_dir=str(mnist_dir)))
    assert results.errors == loaded[1]["rounded"]["errors"]
    last = list(loaded[1]["summary"]["wrong"].values())[-1]
    assert loaded[1]["rounded"]["exact_errors"] == len(last)
    assert f"errors: {results.errors} of 10000" in capsys.readouterr().out


def test_the_classifier_errs_on_the_official_test_set_as_its_card_says(classifier, mnist_dir):
    config = classify_job.Config(net=shipped.CLASSIFIER, data_dir=str(mnist_dir))
    metadata = classifier[1]
    assert classify_job.run(config).errors == metadata["rounded"]["errors"]
    record = metadata["summary"]["nets"][metadata["net"] - 1]
    last = record.get("all cases", record["chosen"])
    assert metadata["rounded"]["exact_errors"] == len(last["wrong"])


def test_the_figures_of_the_shipped_net(tmp_path):
    only = ("receptive_fields", "error", "free")
    written = paper_figures.run(paper_figures.Config(output=str(tmp_path), only=only))
    assert {path.stem for path in written} == set(only)
    assert all(path.stat().st_size > 10_000 for path in written)
