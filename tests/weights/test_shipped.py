"""The net that comes with the package: its file, its card, and what it still gets right."""

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

from dbnjax.data import sources
from dbnjax.inference import classify
from dbnjax.weights import shipped
from experiments import classify as classify_job
from experiments import paper_figures, ship


@pytest.fixture(scope="module")
def loaded():
    return shipped.load()


def test_the_file_is_small_and_half_precision(loaded):
    net, metadata = loaded
    assert shipped.PATH.stat().st_size < 5e6
    with safe_open(shipped.PATH, framework="numpy") as file:
        types = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert types == {"F16"}
    assert net.memory.weights.dtype == jnp.float32
    assert net.memory.weights.shape == (510, 2000)
    assert metadata["image_shape"] == [28, 28]


def test_the_card_is_made_from_the_files_own_record(loaded):
    assert shipped.CARD.read_text() == ship.card(loaded[1])


def test_rounding_changed_at_most_a_handful_of_decisions(loaded):
    rounded = loaded[1]["rounded"]
    assert rounded["changed"] <= 10
    assert abs(rounded["errors"] - rounded["exact_errors"]) <= rounded["changed"]


def test_the_embedded_digits_are_read_as_before(loaded):
    """Training images: a regression check and no result."""
    source = sources.load("mnist5k", None)
    pixels = source.train.pixels.reshape(5000, 784)
    scores = classify.deterministic(loaded[0], jnp.asarray(pixels / 255.0, jnp.float32))
    errors = int((np.asarray(scores).argmax(-1) != source.train.known_labels()).sum())
    assert errors < 75  # 1.5 %; a swapped axis or a lost bias gives hundreds


def test_the_official_test_set_gives_the_error_of_the_card(loaded, mnist_dir, capsys):
    results = classify_job.run(classify_job.Config(data_dir=str(mnist_dir)))
    assert results.errors == loaded[1]["rounded"]["errors"]
    last = list(loaded[1]["summary"]["wrong"].values())[-1]
    assert loaded[1]["rounded"]["exact_errors"] == len(last)
    assert f"errors: {results.errors} of 10000" in capsys.readouterr().out


def test_the_figures_of_the_shipped_net(tmp_path):
    only = ("receptive_fields", "error", "free")
    written = paper_figures.run(paper_figures.Config(output=str(tmp_path), only=only))
    assert {path.stem for path in written} == set(only)
    assert all(path.stat().st_size > 10_000 for path in written)
