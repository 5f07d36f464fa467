"""The comparators of Table 1 on a few small images: what they find, resume and refuse."""

import dataclasses
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from idx_files import digits, write_idx
from refusals import one_line
from result_records import comparators

from dbnjax.checks import InputError
from dbnjax.data import preparation, sources
from dbnjax.learning import backprop
from dbnjax.models import feedforward
from dbnjax.models.belief_net import Layer
from dbnjax.training import metrics, stages
from dbnjax.training.stages import DivergenceError
from dbnjax.units import Bernoulli, Categorical
from experiments.comparators import by_sklearn, main, report, train
from experiments.comparators import config as comparators_config
from experiments.comparators.config import LINES, Config
from experiments.comparators.train import Task


def config(folder, workdir, **changes) -> Config:
    small = Config(
        dataset="mnist",
        data_dir=str(folder),
        workdir=str(workdir),
        n_train=20,
        n_validation=10,
        epochs=2,
        batch_size=10,
        squared_batch_size=5,
        decays=(0.0, 1e-3),
    )
    return dataclasses.replace(small, **changes)


@pytest.fixture(scope="module", autouse=True)
def small_nets():
    """The nets of Table 1 with few hidden units."""
    layers = {"deep": (6, 5), "wide": (8,), "squared": (6, 4)}
    nets = train.NETS
    small = {name: nets[name]._replace(layers=chosen) for name, chosen in layers.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "NETS", small)
        yield


@pytest.fixture(scope="module")
def whole(digit_files, tmp_path_factory):
    """The options and the result of a run of every row."""
    chosen = config(digit_files, tmp_path_factory.mktemp("whole"))
    return chosen, main.run(chosen)


def by_name(result):
    return {row["name"]: row for row in result["rows"]}


def test_every_row_is_a_line_of_the_result_in_the_order_of_the_table(whole):
    _, result = whole
    assert list(main.ROWS.keys() ^ LINES.keys()) == []
    assert [row["name"] for row in result["rows"]] == list(LINES)
    assert result["cases"] == {"train": 20, "validation": 10, "test": 20, "all": 40}
    for row in result["rows"]:
        assert row["test"] == len(row["wrong"]) <= 20
        assert row["seconds"] > 0
    assert "scikit-learn" in result["versions"]
    assert result["command"].count("--rows") == 0  # all of them


def test_neighbours_are_those_of_brute_force(whole):
    chosen, result = whole
    source = sources.load("mnist", chosen.data_dir)
    splits = preparation.make_splits(source, 20, 10, None, 0)
    among = {"all": source.train, "few": preparation.take(splits.train, slice(13))}
    for name, row in by_name(result).items():
        if name[:2] in ("l2", "l3"):
            images = among[name[3:]]
            apart = source.test.pixels[:, None].astype(int) - images.pixels
            nearest = (np.abs(apart) ** int(name[1])).sum((2, 3)).argmin(1)
            wrong = np.flatnonzero(images.labels[nearest] != source.test.labels)
            assert row["wrong"] == wrong.tolist()
            assert (row["cases"], row["validation"]) == (len(images.pixels), None)


def test_validation_chooses_the_epoch_and_the_decay_of_a_net(whole):
    chosen, result = whole
    records = metrics.read(f"{chosen.workdir}/metrics.jsonl")
    tried = [r for r in records if r.get("stage", "").startswith("deep_")]
    assert {r["stage"] for r in tried} == {"deep_0", "deep_0.001"}
    row = by_name(result)["deep"]
    assert 10 * row["validation"] == pytest.approx(min(r["validation_error"] for r in tried))
    (best,) = (
        r
        for r in tried
        if (r["stage"], r["epoch"])
        == (f"deep_{row['settings']['decay']:g}", row["settings"]["epoch"])
    )
    assert best["validation_error"] == pytest.approx(10 * row["validation"])
    assert by_name(result)["wide"]["settings"]["decays"] == [0.0]


def test_the_support_vector_machine_takes_all_cases_or_the_first(whole, tmp_path):
    chosen, result = whole
    row = by_name(result)["svm"]
    assert (row["cases"], row["validation"]) == (40, None)
    fewer = dataclasses.replace(chosen, workdir=str(tmp_path), rows=("svm",), svm_cases=15)
    (row,) = main.run(fewer)["rows"]
    assert row["cases"] == 15
    assert row["validation"] is not None
    assert row["settings"]["support_vectors"] <= 15


def test_finished_rows_stand_and_others_are_added(idx_folder, tmp_path, capsys):
    chosen = config(idx_folder, tmp_path / "run", rows=("l3_few", "l2_few"))
    first = main.run(chosen)
    assert "scikit-learn" not in first["versions"]
    again = main.run(dataclasses.replace(chosen, rows=("l3_all",)))
    assert list(by_name(again)) == ["l3_all", "l3_few", "l2_few"]
    assert again["rows"][1:] == first["rows"]
    assert "4.40 %" in capsys.readouterr().out
    assert "--rows=l3_all,l3_few,l2_few" in again["command"]


def test_the_labels_of_test_cases_decide_nothing(whole, tmp_path):
    chosen, result = whole
    folder = shutil.copytree(chosen.data_dir, tmp_path / "idx")
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", (digits(20, 1)[1] + 1) % 10)
    rows = ("deep", "sklearn_deep")
    blind = config(folder, tmp_path / "run", rows=rows)
    for name, row in by_name(main.run(blind)).items():
        before = by_name(result)[name]
        assert row["wrong"] != before["wrong"]
        assert {k: row[k] for k in ("validation", "settings")} == {
            k: before[k] for k in ("validation", "settings")
        }


@pytest.fixture
def task(idx_folder, tmp_path):
    """The cases, for parts of a row."""
    chosen = config(idx_folder, tmp_path / "run", momentum=0.0, batch_size=20)
    source = sources.load("mnist", idx_folder)
    splits = preparation.make_splits(source, 20, 10, None, 0)
    return Task(chosen, jax.random.key(0), 10, splits, source.train, stages.Place(tmp_path))


def test_a_step_of_scikit_learn_is_one_of_ours(task):
    net, decay = train.Net((6, 5)), 0.3
    model = by_sklearn.create(task, net, decay)
    labels = task.splits.train.known_labels()
    x = preparation.as_unit_interval(task.splits.train.pixels)
    by_sklearn.learn(task, model, net, x, labels)
    weights, biases = (list(map(np.copy, part)) for part in by_sklearn.params(model))
    by_sklearn.learn(task, model, net, x, labels)
    hidden = [
        Layer(unit=Bernoulli(bias=jnp.asarray(b)), weights=jnp.asarray(w))
        for w, b in zip(weights[:-1], biases[:-1], strict=True)
    ]
    classes = Categorical(bias=jnp.asarray(biases[-1]), n_categories=10)
    top = Layer(classes, jnp.asarray(weights[-1]))
    learner = backprop.backprop(optax.sgd(1.0))
    state = learner.init(task.key, feedforward.create(hidden, top))
    batch = backprop.Batch(jnp.asarray(x), jax.nn.one_hot(labels, 10))
    hyper = backprop.hyper(task.config.rate, decay)
    state, _ = jax.jit(learner.step)(task.key, hyper, state, batch)
    moved = [layer.weights for layer in (*state.params.hidden, state.params.output)]
    for after, before, ours in zip(model.coefs_, weights, moved, strict=True):
        np.testing.assert_allclose(after - before, ours - before, rtol=1e-3, atol=1e-6)


def test_a_step_of_scikit_learn_with_squared_error_is_twice_its_own(task):
    net, rate = train.Net((6,), squared=True), task.config.squared_rate
    model = by_sklearn.create(task, net, 0.0)
    model.set_params(batch_size=len(task.splits.train.pixels))
    labels = task.splits.train.known_labels()
    x = preparation.as_unit_interval(task.splits.train.pixels)
    by_sklearn.learn(task, model, net, x, labels)
    before = jax.tree.map(np.copy, by_sklearn.params(model))
    velocity = jax.tree.map(np.copy, (model._optimizer.velocities))
    by_sklearn.learn(task, model, net, x, labels)

    def squared_error(params):
        (first, second), (to_hidden, to_classes) = params
        outputs = jax.nn.sigmoid(x @ first + to_hidden) @ second + to_classes
        return ((outputs - by_sklearn.one_hot(labels, 10)) ** 2).sum(-1).mean()

    slope = jax.tree.leaves(jax.grad(squared_error)(before))
    after = jax.tree.leaves(by_sklearn.params(model))
    for new, old, down, memory in zip(after, jax.tree.leaves(before), slope, velocity, strict=True):
        expected = task.config.momentum * memory - rate * down
        np.testing.assert_allclose(new - old, expected, rtol=1e-3, atol=1e-6)


def test_rows_are_not_refused_for_what_others_need():
    greedy = Config(batch_size=99, squared_batch_size=99, svm_cases=99)
    for rows, needed in (
        (("wide", "sklearn_deep"), {"batch_size": 20}),
        (("sklearn_squared",), {"squared_batch_size": 20}),
        (("svm",), {"svm_cases": 20}),
    ):
        comparators_config.check_fit(dataclasses.replace(greedy, rows=rows, **needed), 20, 99)
        with pytest.raises(InputError, match="expected"):
            comparators_config.check_fit(dataclasses.replace(greedy, rows=rows), 20, 99)
    with pytest.raises(InputError, match="--few: expected at most 20"):
        comparators_config.check_fit(dataclasses.replace(greedy, rows=("l3_few",)), 20, 99)
    comparators_config.check_fit(dataclasses.replace(greedy, rows=("l3_all",)), 20, 99)


def test_empty_images_have_no_direction():
    images = sources.Images(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.int32))
    assert by_sklearn.unit_length(images).tolist() == [[0.0] * 4]


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")  # NumPy's, on the way
def test_divergence_is_named(idx_folder, tmp_path):
    for name in ("wide", "sklearn_wide"):
        with one_line(r"(wide|\(8,\)).* expected finite", DivergenceError):
            main.run(config(idx_folder, tmp_path / name, rows=(name,), rate=1e38, epochs=9))


def test_the_chart_has_a_bar_and_the_papers_mark_for_each_row():
    (axes,) = report.chart(comparators()).axes
    assert [bar.get_width() for bar in axes.patches] == [1.6, 3.1]
    assert list(axes.lines[-1].get_xdata()) == [1.53, LINES["l2_all"].paper]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == [f"{LINES['wide'].title} (4,000)", f"{LINES['l2_all'].title} (6,000)"]
