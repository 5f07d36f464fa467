"""The three ideas side by side at the size of a test: what is learned, resumed and refused."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from idx_files import write_idx, write_set
from scipy import stats

from dbnjax import files
from dbnjax.checks import InputError
from dbnjax.models import feedforward
from dbnjax.training import metrics
from dbnjax.training.stages import DivergenceError
from dbnjax.units import Bernoulli, Rectifier
from experiments.common import statistics
from experiments.three_ideas import chart as three_ideas_chart
from experiments.three_ideas import config as ideas_config
from experiments.three_ideas import main as three_ideas
from experiments.three_ideas import methods as ideas_methods
from experiments.three_ideas import report as ideas_report
from experiments.three_ideas import train as ideas_learning
from experiments.three_ideas import tuning as ideas_tuning
from experiments.three_ideas.config import Config, Pretraining
from experiments.three_ideas.methods import ERAS, METHODS

PAIRS = [(era, method) for era in ERAS for method in ERAS[era].pretraining]


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


def test_a_run_resumes_after_a_whole_cell_and_writes_all(config, tmp_path, capsys, monkeypatch):
    folder, cell, learned = tmp_path / "run", ideas_tuning.cell, []

    def one_only(task, which, *arguments):
        learned.append(which.method)
        if len(learned) == 2:
            raise KeyboardInterrupt
        return cell(task, which, *arguments)

    monkeypatch.setattr(ideas_tuning, "cell", one_only)
    with pytest.raises(KeyboardInterrupt):
        three_ideas.run(config)
    before = metrics.read(folder / "metrics.jsonl")
    record = three_ideas.run(config)
    assert learned == ["none", "squared", "squared"]
    assert metrics.read(folder / "metrics.jsonl")[:1] == before  # its seconds too
    check_record(record, tmp_path)
    assert files.read_json(tmp_path / "copy.json") == record
    assert (folder / "three_ideas.png").read_bytes() == (tmp_path / "copy.png").read_bytes()
    assert "rectified, shallow: ahead of no pretraining: " in capsys.readouterr().out
    assert three_ideas.run(config) == record
    assert len(learned) == 3
    with pytest.raises(InputError, match="--seeds=2 there, 3 here"):
        three_ideas.run(dataclasses.replace(config, seeds=3))


def check_record(record, private):
    cells = [(c["era"], c["method"], c["depth"]) for c in record["cells"]]
    assert cells == [("rectified", method, "shallow") for method in ("none", "squared")]
    assert record["cases"] == {"training": 20, "validation": 10, "test": 20}
    assert record["command"].startswith("python -m experiments.three_ideas --data_dir=FOLDER ")
    assert {"commit", "machine", "versions", "date", "config"} <= set(record)
    assert str(private) not in json.dumps(record)
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
    found = [
        ideas_learning.pretrain(three_ideas.prepare(c), which, 1).layers[0] for c in (both, alone)
    ]
    assert found[0].weights.shape == (2, 784, 6)
    np.testing.assert_allclose(found[0].weights[1], found[1].weights[0], atol=1e-5)
    assert np.abs(found[0].weights[0] - found[0].weights[1]).max() > 0.01


@pytest.mark.parametrize(("era", "method"), PAIRS)
def test_every_lesson_gives_a_layer_of_its_era_back(era, method):
    """By shapes alone: from features of the layer below to a layer that a net can have."""
    chosen, key, level = ERAS[era], jax.random.key(0), 1
    lesson = METHODS[method](chosen, 0.1, level, 3)

    def learn(pixels, labels):
        net = feedforward.init(key, (4, 5, 6), 3, chosen.unit, chosen.bound)
        below = net.hidden[:level]
        params = lesson.start(key, net.hidden[level])
        batch = lesson.prepare(key, below, pixels, labels)
        state = lesson.learner.init(key, params)
        state, _ = lesson.learner.step(key, lesson.hyper(0), state, batch)
        return net, lesson.layer(state.params)

    pixels, labels = jnp.zeros((7, 4), jnp.uint8), jnp.zeros(7, jnp.int32)
    net, layer = jax.eval_shape(learn, pixels, labels)
    assert jax.tree.structure(layer) == jax.tree.structure(net.hidden[level])
    assert jax.tree.map(jnp.shape, layer) == jax.tree.map(jnp.shape, net.hidden[level])


def test_intensities_are_given_back_by_logistic_units_and_rectified_codes_by_rectified_ones():
    layer = feedforward.init(jax.random.key(0), (4, 5), 3, Rectifier).hidden[0]
    for level, unit in enumerate((Bernoulli, Rectifier)):
        lesson = METHODS["squared_tied"](ERAS["rectified"], 0.1, level, 3)
        assert type(lesson.start(jax.random.key(1), layer).visible) is unit


@pytest.mark.parametrize(("unit", "layers"), [(Bernoulli, 2), (Rectifier, 2), (Bernoulli, 0)])
def test_features_are_the_means_of_the_layers_below(unit, layers):
    net = feedforward.init(jax.random.key(1), (4, 5, 6), 3, unit)
    pixels = jnp.array([[0, 51, 255, 102]], jnp.uint8)
    v = jnp.array([[0.0, 0.2, 1.0, 0.4]])
    expected = (v, *feedforward.states(net, v))[layers]
    found = ideas_methods.features(jax.random.key(2), net.hidden[:layers], pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_softmax_layer_of_supervised_pretraining_is_thrown_away(config):
    task = three_ideas.prepare(config)
    layers = ideas_learning.pretrain(task, Pretraining("2006", "none"), 1).layers
    moved = jax.tree.map(lambda x: x + 1.0, layers)
    nets = [ideas_tuning.first_nets(task, hidden) for hidden in (layers, moved)]
    np.testing.assert_array_equal(nets[0].output.weights, nets[1].output.weights)
    assert nets[0].output.weights.shape == (4, 6, 10)  # both seeds at both rates
    np.testing.assert_array_equal(nets[0].output.weights[:2], nets[0].output.weights[2:])
    assert nets[1].hidden[0] is not layers[0]
    np.testing.assert_array_equal(nets[1].hidden[0].weights[:2], moved[0].weights)


def test_the_first_of_the_fewest_errors_is_kept_for_each_member():
    def nets(x):
        return {"weights": jnp.full((2, 1), x)}

    best = ideas_tuning.Tuned(nets(0.0), jnp.array([9, 9]), jnp.array([0, 0]))
    for epoch, errors in enumerate([(5, 4), (5, 3), (6, 7)], start=1):
        best = ideas_tuning.better(best, nets(float(epoch)), jnp.array(errors), epoch)
    assert best.errors.tolist() == [5, 3]
    assert best.epoch.tolist() == [1, 2]
    assert best.nets["weights"].tolist() == [[1.0], [2.0]]


def test_pretraining_that_diverges_is_one_line(config, monkeypatch):
    wild = dataclasses.replace(ERAS["2006"], pretraining={"rbm": np.inf})
    monkeypatch.setitem(ERAS, "2006", wild)
    with pytest.raises(DivergenceError, match=r"after epoch 1 of 2006, rbm, layer 1;") as caught:
        ideas_learning.pretrain(three_ideas.prepare(config), Pretraining("2006", "rbm"), 1)
    assert "\n" not in str(caught.value)


def test_what_is_asked_for_is_what_is_tried():
    asked = ideas_config.pretrainings(Config(eras=("glorot", "2006"), methods=("rbm", "none")))
    assert asked == [("glorot", "none"), ("2006", "rbm"), ("2006", "none")]
    assert ideas_config.depths(Config(layers=(7, 5))) == {"shallow": 1, "deep": 2}
    assert ideas_config.depths(Config(layers=(7,))) == {"shallow": 1}
    ideas_config.check(Config())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eras": ("1986",)}, "--eras: expected some of 2006, .*, each once, got 1986"),
        ({"methods": ()}, "--methods: expected some of none, .*, got none"),
        ({"methods": ("rbm", "rbm")}, "each once, got rbm, rbm"),
        ({"methods": ("rbm",)}, "--methods: expected some that are tried in rectified, got rbm"),
        ({"layers": ()}, "--layers: expected at least one size, got none"),
        ({"layers": (5, 0)}, "--layers: expected 1 or more"),
        ({"seeds": 0}, "--seeds: expected 1 or more"),
        ({"seed": -1}, "seed: expected 0 to"),
        ({"patience": 0}, "--patience: expected 1 or more"),
        ({"factors": (0.0,)}, "--factors: expected positive numbers, got"),
        ({"factors": ()}, "--factors: expected positive numbers, got none"),
        ({"n_train": 50}, "training images: expected at most 4 of class 0"),
        ({"n_train": 15}, "training images: expected a multiple of 10"),
        ({"n_validation": 21}, "validation images: expected at most 20"),
        ({"n_test": 21}, "test images: expected at most 20"),
        ({"batch_size": 21}, "batch size: expected 1 to 20"),
        ({"data_dir": "nowhere"}, "nowhere: expected a folder for mnist"),
    ],
)
def test_what_cannot_be_meant_is_refused(config, changes, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        three_ideas.run(dataclasses.replace(config, **changes))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_class_without_cases_is_refused(config, tmp_path):
    folder = tmp_path / "nine"
    folder.mkdir()
    write_set(folder)
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.arange(40) % 9)
    with pytest.raises(InputError, match="test labels: expected labels from 0 to 8, got 0 to 9"):
        three_ideas.run(dataclasses.replace(config, data_dir=str(folder)))


def test_intervals_are_those_of_student_and_welch():
    a, b = [2.0, 2.5, 2.3], [1.0, 1.4, 1.1, 1.3]
    low, high = stats.t.interval(0.95, 2, np.mean(a), stats.sem(a))
    assert statistics.half_width(a) == pytest.approx((high - low) / 2)
    found = statistics.gain(a, b)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose(found, [np.mean(a) - np.mean(b), interval.low, interval.high])
    assert statistics.half_width([2.0]) == 0.0
    assert statistics.gain([2.0], [1.0]) == (1.0, -np.inf, np.inf)
    assert statistics.gain([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0, 1.0)


def record():
    """Deep nets: machines help in 2006, an auto-encoder harms rectified units."""
    errors = {
        ("2006", "rbm"): [200, 210, 205],
        ("2006", "none"): [300, 310, 305],
        ("rectified", "none"): [150, 160, 155],
        ("rectified", "squared"): [190, 200, 195],
    }
    cells = [
        {
            "era": era,
            "method": method,
            "depth": "deep",
            "layers": [7, 5],
            "seeds": [0, 1, 2],
            "rate": 0.1,
            "epochs": [3, 4, 5],
            "training": [0, 1, 2],
            "validation": counts,
            "test": counts,
        }
        for (era, method), counts in errors.items()
    ]
    return {"cases": {"training": 100, "validation": 5000, "test": 10_000}, "cells": cells}


def test_it_is_said_where_pretraining_helps_and_where_it_no_longer_does():
    assert ideas_report.verdicts(record()) == [
        "2006, deep: ahead of no pretraining: rbm; behind: no method",
        "rectified, deep: ahead of no pretraining: no method; behind: squared",
    ]
    lines = ideas_report.table(record()).splitlines()
    assert lines[1].split()[:3] == ["2006", "deep", "rbm"]
    assert "2.05 +- 0.12" in lines[1]
    assert "1.00 (0.89 to 1.11)" in lines[1]
    assert lines[2].endswith("3.05 +- 0.12")


def test_the_figure_has_every_cell_with_its_interval_beside_the_paper():
    figure = three_ideas_chart.draw(record())
    (axes,) = figure.axes
    words = [label.get_text().replace("\n", " ") for label in axes.get_xticklabels()]
    assert words == ["no pretraining", "auto-encoder, squared, untied", "RBM"]
    assert axes.get_ylabel() == "test error (%)"
    assert axes.get_title() == "deep: 7-5 hidden units"
    _, names = axes.get_legend_handles_labels()
    assert len(names) == 3
    assert ideas_report.PAPER in names
    means = {float(y) for line in axes.containers for y in line.lines[0].get_ydata()}
    np.testing.assert_allclose(sorted(means), [1.55, 1.95, 2.05, 3.05])
    (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert crosses.get_ydata().tolist() == [2.4, 1.2]
    tops = [segment[1][1] for bar in axes.containers[0].lines[2] for segment in bar.get_segments()]
    np.testing.assert_allclose(tops[0], 2.05 + statistics.half_width([2.0, 2.1, 2.05]))
