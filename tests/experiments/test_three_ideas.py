"""The three ideas side by side at the size of a test: what is learned, judged and told."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import result_records
from idx_files import write_idx, write_set
from refusals import one_line

from dbnjax import files
from dbnjax.checks import InputError
from dbnjax.models import feedforward
from dbnjax.scoring import statistics
from dbnjax.training.stages import DivergenceError
from dbnjax.units import Bernoulli, Rectifier
from experiments.three_ideas import main, methods, report, train
from experiments.three_ideas.config import NONE, RATES, Config, Pretraining
from experiments.three_ideas.methods import ERAS, METHODS

PAIRS = [(era, method) for era in RATES for method in RATES[era] if method != NONE]


@pytest.fixture
def config(idx_folder, tmp_path):
    """Two cells of two seeds: rectified nets of a layer, without and with an auto-encoder."""
    return Config(
        data_dir=str(idx_folder),
        workdir=str(tmp_path / "run"),
        n_train=20,
        n_validation=10,
        seeds=2,
        eras=("rectified",),
        methods=("none", "squared"),
        layers=(6,),
        batch_size=10,
        layer_epochs=2,
        tuning_epochs=3,
        factors=(1.0, 0.0001),
        output=str(tmp_path / "copy.json"),
        figure=str(tmp_path / "copy.png"),
    )


def test_a_run_has_a_cell_for_each_method_and_copies_what_it_found(config, tmp_path):
    record = main.run(config)
    assert files.read_json(tmp_path / "copy.json") == record
    assert (tmp_path / "run/three_ideas.png").read_bytes() == (tmp_path / "copy.png").read_bytes()
    cells = [(c["era"], c["method"], c["depth"]) for c in record["cells"]]
    assert cells == [("rectified", method, "shallow") for method in ("none", "squared")]
    assert record["cases"] == {"training": 20, "validation": 10, "test": 20}
    for cell in record["cells"]:
        assert (cell["seeds"], cell["layers"]) == ([0, 1], [6])
        assert [len(cell[k]) for k in ("test", "validation", "training", "epochs")] == [2] * 4
        assert [min(curve) for curve in cell["curves"]] == cell["validation"]
        np.testing.assert_allclose([t["rate"] for t in cell["tried"]], [1e-3, 1e-7])
        assert cell["rate"] == min(cell["tried"], key=lambda t: sum(t["validation"]))["rate"]
        assert cell["seconds"]["pretraining"] >= 0 < cell["seconds"]["tuning"]


def test_seeds_together_are_what_they_are_alone(config):
    which = Pretraining("2006", "rbm")
    both = dataclasses.replace(config, layer_epochs=1, seed=4)
    alone = dataclasses.replace(both, seed=5, seeds=1)
    found = [train.pretrain(main.prepare(c), which, 1)[0].layer for c in (both, alone)]
    assert found[0].weights.shape == (2, 784, 6)
    np.testing.assert_allclose(found[0].weights[1], found[1].weights[0], atol=1e-5)
    assert np.abs(found[0].weights[0] - found[0].weights[1]).max() > 0.01


@pytest.mark.parametrize(("era", "method"), PAIRS)
def test_every_method_gives_a_layer_of_its_era_back(era, method):
    """By shapes alone: from features of the layer below to a layer that a net can have."""
    chosen, key, level = ERAS[era], jax.random.key(0), 1
    training = METHODS[method](chosen, 0.1, level, 3)

    def learn(pixels, labels):
        net = feedforward.init(key, (4, 5, 6), 3, chosen.unit, chosen.bound)
        below = net.hidden[:level]
        params = training.start(key, net.hidden[level])
        batch = training.prepare(key, below, pixels, labels)
        state = training.learner.init(key, params)
        state, _ = training.learner.step(key, training.hyper(0), state, batch)
        return net, training.layer(state.params)

    pixels, labels = jnp.zeros((7, 4), jnp.uint8), jnp.zeros(7, jnp.int32)
    net, layer = jax.eval_shape(learn, pixels, labels)
    assert jax.tree.structure(layer) == jax.tree.structure(net.hidden[level])
    assert jax.tree.map(jnp.shape, layer) == jax.tree.map(jnp.shape, net.hidden[level])


def test_intensities_are_given_back_by_logistic_units_and_rectified_codes_by_rectified_ones():
    layer = feedforward.init(jax.random.key(0), (4, 5), 3, Rectifier).hidden[0]
    for level, unit in enumerate((Bernoulli, Rectifier)):
        training = METHODS["squared_tied"](ERAS["rectified"], 0.1, level, 3)
        assert type(training.start(jax.random.key(1), layer).visible) is unit


@pytest.mark.parametrize(("unit", "layers"), [(Bernoulli, 2), (Rectifier, 2), (Bernoulli, 0)])
def test_features_are_the_means_of_the_layers_below(unit, layers):
    net = feedforward.init(jax.random.key(1), (4, 5, 6), 3, unit)
    pixels = jnp.array([[0, 51, 255, 102]], jnp.uint8)
    v = jnp.array([[0.0, 0.2, 1.0, 0.4]])
    expected = (v, *feedforward.states(net, v))[layers]
    found = methods.features(jax.random.key(2), net.hidden[:layers], pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_softmax_layer_of_supervised_pretraining_is_thrown_away(config):
    task = main.prepare(config)
    layers = tuple(one.layer for one in train.pretrain(task, Pretraining("2006", "none"), 1))
    moved = jax.tree.map(lambda x: x + 1.0, layers)
    nets = [train.first_nets(task, hidden) for hidden in (layers, moved)]
    np.testing.assert_array_equal(nets[0].output.weights, nets[1].output.weights)
    assert nets[0].output.weights.shape == (4, 6, 10)  # both seeds at both rates
    np.testing.assert_array_equal(nets[0].output.weights[:2], nets[0].output.weights[2:])
    assert nets[1].hidden[0] is not layers[0]
    np.testing.assert_array_equal(nets[1].hidden[0].weights[:2], moved[0].weights)


def test_pretraining_that_diverges_is_one_line(config, monkeypatch):
    monkeypatch.setitem(RATES["2006"], "rbm", np.inf)
    with one_line(r"after epoch 1 of 2006, rbm, layer 1;", DivergenceError):
        train.pretrain(main.prepare(config), Pretraining("2006", "rbm"), 1)


def test_what_is_asked_for_is_what_is_tried():
    asked = Config(eras=("glorot", "2006"), methods=("rbm", "none")).pretrainings
    assert asked == [("glorot", "none"), ("2006", "rbm"), ("2006", "none")]
    assert Config(layers=(7, 5)).depths == {"shallow": 1, "deep": 2}
    assert Config(layers=(7,)).depths == {"shallow": 1}


def test_a_class_without_cases_is_refused(config, tmp_path):
    folder = tmp_path / "nine"
    folder.mkdir()
    write_set(folder)
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.arange(40) % 9)
    with pytest.raises(InputError, match="test labels: expected labels from 0 to 8, got 0 to 9"):
        main.run(dataclasses.replace(config, data_dir=str(folder)))


def test_it_is_said_where_pretraining_helps_and_where_it_no_longer_does():
    assert report.verdicts(result_records.three_ideas()) == [
        "2006, deep: ahead of no pretraining: rbm; behind: no method",
        "rectified, shallow: ahead of no pretraining: no method; behind: squared",
    ]


def test_the_figure_has_every_cell_with_its_interval_beside_the_paper():
    record = result_records.three_ideas()
    figure = report.chart(record | {"cells": record["cells"][:2]})
    (axes,) = figure.axes
    words = [label.get_text().replace("\n", " ") for label in axes.get_xticklabels()]
    assert words == ["no pretraining", "RBM"]
    assert axes.get_ylabel() == "test error (%)"
    assert axes.get_title() == "deep: 50-50 hidden units"
    assert report.PAPER in axes.get_legend_handles_labels()[1]
    means = {float(y) for line in axes.containers for y in line.lines[0].get_ydata()}
    np.testing.assert_allclose(sorted(means), [2.1, 5.2])
    (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert crosses.get_ydata().tolist() == [2.4, 1.2]
    tops = [segment[1][1] for bar in axes.containers[0].lines[2] for segment in bar.get_segments()]
    np.testing.assert_allclose(tops[0], 5.2 + statistics.half_width([5.0, 5.2, 5.4]))
