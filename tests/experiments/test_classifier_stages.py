"""What the options of the classifier do to its learner, its cases, its stages and its figures."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from matplotlib.figure import Figure
from small_classifier import config, epochs_of, judged, log_probabilities, random_start, start, task

from dbnjax.checks import InputError
from dbnjax.data import sources
from dbnjax.data.images import Images
from dbnjax.learning import conjugate_gradient
from dbnjax.models import feedforward
from dbnjax.training import easy_cases, evaluate, translations
from dbnjax.training import tuning as training_tuning
from dbnjax.units import Bernoulli, Rectifier
from experiments.common import workdir
from experiments.mnist_classifier import config as classifier_config
from experiments.mnist_classifier import figures as classifier_figures
from experiments.mnist_classifier import train as classifier_stages
from experiments.mnist_classifier.config import PRESETS, Config

KEY = jax.random.key(0)


def tuned(chosen):
    """The net before tuning, and what tuning saw of it."""
    own = task(chosen)
    net = classifier_stages.start(own)
    return net, classifier_stages.tune(own, net)


def key_bits(key):
    return jax.random.key_data(key)[-1]


def counted(monkeypatch):
    """Grows whenever the step of a learner is traced."""
    traces, make = [], classifier_stages.learner

    def learner(config):
        made = make(config)

        def step(key, hyper, state, batch):
            traces.append(1)
            return made.step(key, hyper, state, batch)

        return made._replace(step=step)

    monkeypatch.setattr(classifier_stages, "learner", learner)
    return traces


def test_one_program_serves_all_epochs_whatever_their_numbers(idx_folder, tmp_path, monkeypatch):
    traces, numbers, make = counted(monkeypatch), [], classifier_stages.hyper

    def watched(*arguments):
        numbers.append(make(*arguments))
        return numbers[-1]

    keys, tuning = [], classifier_stages.tuning

    def with_keys(own):
        learner, learn = tuning(own)
        return learner, lambda key, *rest: keys.append(int(key_bits(key))) or learn(key, *rest)

    monkeypatch.setattr(classifier_stages, "hyper", watched)
    monkeypatch.setattr(classifier_stages, "tuning", with_keys)
    chosen = random_start(
        idx_folder, tmp_path / "run", softmax_epochs=2, tune_epochs=4, patience=9,
        schedule="linear", tune_decay=0.1,
    )  # fmt: skip
    net, seen = tuned(chosen)
    assert len(traces) == 1
    assert len(set(keys)) == 4  # every epoch draws an order of its own
    assert [float(n.hidden) for n in numbers] == [0.0, 0.0, 1.0, 1.0]
    assert [float(n.rate) for n in numbers] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert (seen.learner.params.hidden[0].unit.bias != net.hidden[0].unit.bias).all()


def test_a_net_that_does_not_get_better_is_given_up(idx_folder, tmp_path):
    chosen = random_start(idx_folder, tmp_path / "run", rate=0.0, tune_epochs=9, patience=2)
    net, seen = tuned(chosen)
    assert epochs_of(tmp_path / "run/net_1") == [("tuning", i) for i in (1, 2, 3)]
    assert int(seen.epoch) == 1
    jax.tree.map(np.testing.assert_array_equal, seen.best, net)


def test_a_net_is_asked_about_every_case(idx_folder, tmp_path):
    own = task(random_start(idx_folder, tmp_path / "run"))
    net = classifier_stages.start(own)
    for data in (own.data, own.held_out):
        cases = Images(np.asarray(data.pixels), np.asarray(data.labels))
        cost, wrong = judged(log_probabilities(net, cases), cases)
        measured = evaluate.measure(net, data)
        assert measured.cost == pytest.approx(cost, rel=1e-4)
        assert measured.wrong.tolist() == wrong


@pytest.mark.parametrize(("target", "n_epochs"), [(100.0, 1), (0.0, 2)])
def test_all_cases_are_learned_until_their_cost_is_down(idx_folder, tmp_path, target, n_epochs):
    chosen = random_start(idx_folder, tmp_path / "run", all_epochs=2)
    own = task(chosen)
    assert len(own.everything.labels) == 40
    net = classifier_stages.start(own)
    state = classifier_stages.go_on(own, net, own.everything, target)
    assert epochs_of(tmp_path / "run/net_1") == [("all_cases", i + 1) for i in range(n_epochs)]
    cases = sources.load("mnist", chosen.data_dir).train
    cost, _ = judged(log_probabilities(state.learner.params, cases), cases)
    assert float(state.cost) == pytest.approx(cost, rel=1e-4)
    assert (state.learner.params.output.weights != net.output.weights).all()


@pytest.mark.parametrize(
    ("schedule", "rates"), [("constant", [0.1] * 4), ("linear", [0.1, 0.075, 0.05, 0.025])]
)
def test_the_rate_falls_on_all_cases_too(idx_folder, tmp_path, monkeypatch, schedule, rates):
    given, make = [], classifier_stages.hyper

    def watched(config, rate, *rest):
        given.append(rate)
        return make(config, rate, *rest)

    monkeypatch.setattr(classifier_stages, "hyper", watched)
    own = task(random_start(idx_folder, tmp_path / "run", all_epochs=4, schedule=schedule))
    classifier_stages.go_on(own, classifier_stages.start(own), own.everything, 0.0)
    assert given == pytest.approx(rates)


OPTIONS = {
    "easy and adam": {"easy": 2.3, "optimiser": "adam", "rate": 0.01},
    "conjugate gradient": {"optimiser": "cg", "rate": 1.0},
    "dropout, max-norm, shifts": {
        "drop_visible": 0.2, "drop_hidden": 0.5, "max_norm": 2.0, "reach": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("changes", OPTIONS.values(), ids=OPTIONS)
def test_tuning_by_any_options_lowers_the_cost(idx_folder, tmp_path, changes):
    chosen = random_start(idx_folder, tmp_path / "run", tune_epochs=8, patience=9, **changes)
    classifier_config.check(chosen)
    net, seen = tuned(chosen)
    before, after = (
        evaluate.measure(n, task(chosen).data).cost for n in (net, seen.learner.params)
    )
    assert after < 0.95 * before
    assert isinstance(seen.learner, easy_cases.State) == bool(chosen.easy)
    if chosen.max_norm:
        lengths = jnp.linalg.norm(seen.learner.params.hidden[0].weights, axis=0)
        assert lengths.max() <= 2.0 * (1 + 1e-6)


def test_cases_are_shifted_if_they_are_to_be(idx_folder, tmp_path):
    own = task(random_start(idx_folder, tmp_path / "run", reach=2))
    prepare = own.vary(training_tuning.cases(10))
    image = jnp.tile(own.data.pixels[:1], (200, 1))
    visible = prepare(KEY, None, image, jnp.zeros(200, jnp.int32)).visible
    table = translations.sources((28, 28), translations.shifts(2))
    versions = np.append(image[0], 0)[table]
    which = (np.rint(255 * np.asarray(visible))[:, None] == versions).all(-1)
    assert (which.sum(1) == 1).all()
    assert which.any(0).all()
    plain = task(random_start(idx_folder, tmp_path / "run"))
    prepare = training_tuning.cases(10)
    assert plain.vary(prepare) is prepare


def test_machines_too_learn_from_shifted_images(idx_folder, tmp_path):
    chosen = config(idx_folder, tmp_path / "plain", nets=1)
    shifted = dataclasses.replace(chosen, workdir=str(tmp_path / "shifted"), reach=2)
    for c in (chosen, shifted):
        workdir.prepare(c.workdir, c, free=(), learned_from={})
    plain, moved = (classifier_stages.stack(task(c)).rbms[0].weights for c in (chosen, shifted))
    assert float(jnp.abs(plain - moved).max()) > 0.01  # the same key, other images


def test_cases_are_intensities_with_one_of_k_labels(idx_folder, tmp_path):
    own = task(random_start(idx_folder, tmp_path / "run"))
    pixels, labels = own.data.pixels[:5], own.data.labels[:5]
    batch = training_tuning.cases(10)(KEY, None, pixels, labels)
    np.testing.assert_allclose(batch.visible, np.float64(pixels) / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch.labels, np.eye(10)[np.asarray(labels)])
    assert batch.weights is None


STARTS = {
    "2006": (Bernoulli, feedforward.science_2006),
    "glorot": (Bernoulli, feedforward.glorot_logistic),
    "rectified": (Rectifier, feedforward.he),
}


@pytest.mark.parametrize("name", STARTS)
def test_random_starts_have_the_weights_of_their_name(idx_folder, tmp_path, name):
    unit, bound = STARTS[name]
    net = start(random_start(idx_folder, tmp_path / "run", start=name, layers=(50, 20)))
    for layer, sizes in zip(net.hidden, ((784, 50), (50, 20)), strict=True):
        assert isinstance(layer.unit, unit)
        assert layer.weights.shape == sizes
        assert 0.95 * bound(*sizes) < np.abs(layer.weights).max() <= bound(*sizes)


def test_every_number_reaches_its_place():
    chosen = Config(tune_decay=0.2, drop_visible=0.3, drop_hidden=0.4, max_norm=5.0)
    got = classifier_stages.hyper(chosen, 0.1, 0.0)
    expected = {
        "rate": 0.1, "decay": 0.2, "hidden": 0.0, "drop_visible": 0.3, "drop_hidden": 0.4,
        "max_norm": 5.0,
    }  # fmt: skip
    assert {name: pytest.approx(float(x)) for name, x in got._asdict().items()} == expected
    assert float(classifier_stages.hyper(chosen, 0.1).hidden) == 1.0


def test_optimisers_have_their_momentum_and_their_searches(monkeypatch):
    asked = []
    monkeypatch.setattr(
        conjugate_gradient, "conjugate_gradient", lambda n: asked.append(n) or optax.sgd(1.0)
    )
    classifier_stages.learner(Config(optimiser="cg", line_searches=5))
    assert asked == [5]
    net = feedforward.init(KEY, (2,), 2)
    states = [
        classifier_stages.learner(Config(**options)).init(KEY, net).optimiser
        for options in ({}, {"momentum": 0.0}, {"optimiser": "adam"})
    ]
    kinds = [[type(part).__name__ for part in state] for state in states]
    assert "TraceState" in kinds[0]
    assert "TraceState" not in kinds[1]
    assert "ScaleByAdamState" in kinds[2]


def test_machines_are_learned_without_labels_as_the_options_say():
    chosen = Config(layers=(5, 4, 3), greedy_epochs=7, greedy_rate=0.3, greedy_momentum=0.6,
                    greedy_features="mean", greedy_batch_size=20, decay=0.01, seed=3)  # fmt: skip
    plan = classifier_stages.stack_plan(chosen)
    assert (plan.batch_size, plan.pixels, plan.data_biases) == (20, "sample", True)
    assert [layer.n_hidden for layer in plan.layers] == [5, 4, 3]
    for layer in plan.layers:
        assert (layer.rule, layer.n_epochs, layer.rate, layer.momentum) == ("cd", 7, 0.3, 0.6)
        assert (layer.features, layer.decay) == ("mean", 0.01)


def test_the_hardest_digits_that_it_gets_right_come_by_class(monkeypatch):
    drawn = []
    signature = inspect.signature(classifier_figures.figures.gallery)

    def gallery(*arguments, **named):
        drawn.append(signature.bind(*arguments, **named).arguments)
        return Figure()

    monkeypatch.setattr(classifier_figures.figures, "gallery", gallery)
    monkeypatch.setattr(classifier_figures, "N_HARD", 3)
    sure = np.array([0.9, 0.6, 0.8, 0.51, 0.7, 0.55])
    labels = np.array([1, 1, 0, 0, 0, 1], np.int32)
    wrong = np.array([0, 0, 0, 1, 0, 0], bool)
    said = np.stack([1 - sure, sure], -1)
    said[(labels == 0) ^ wrong] = said[(labels == 0) ^ wrong][:, ::-1]
    pixels = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    classifier_figures.hard(Images(pixels, labels), said, ["nil", "one"])
    (call,) = drawn
    assert call["captions"] == ["nil: 70 %", "one: 60 %", "one: 55 %"]
    np.testing.assert_allclose(255 * call["images"][:, 0, 0], [4, 1, 5])
    assert "3 hardest test digits that it gets right, of 5" in call["title"]


def test_presets_name_flags_can_be_run_and_keep_the_reports_protocol():
    names = {field.name for field in dataclasses.fields(Config)}
    for name, preset in PRESETS.items():  # and each is one that can be meant
        assert set(preset) <= names
        classifier_config.check(Config(preset=name, **preset))
    tr = Config(**PRESETS["tr"])
    assert (tr.layers, tr.folds, tr.patience) == ((500, 500, 2000), 3, 10)
    assert classifier_config.n_nets(tr) == 3
    assert tr.all_epochs > 0
    assert [name for name, preset in PRESETS.items() if preset.get("easy")] == ["tr"]
    assert Config(**PRESETS["translations"]).reach == 2
    assert classifier_config.dropout(Config(**PRESETS["dropout"]))
    bare = Config(**PRESETS["unpretrained"])
    assert (bare.start, bare.tune_epochs) == ("2006", 119)
    assert bare.all_epochs > 0


def test_nets_are_all_or_the_first_so_many():
    counts = [classifier_config.n_nets(Config(folds=3, nets=n)) for n in (0, 1, 3, 5)]
    assert counts == [3, 1, 3, 3]


REFUSED = [
    ({"layers": ()}, "--layers: expected at least one size"),
    ({"layers": (5, 0)}, "--layers: expected 1 or more, got 0"),
    ({"seed": -1}, "seed: expected 0 to 4294967295"),
    ({"folds": 0}, "--folds: expected 1 or more, got 0"),
    ({"nets": -1}, "--nets: expected 0 or more, got -1"),
    ({"rate": float("nan")}, "--rate: expected 0 or more, got nan"),
    ({"tune_epochs": -1}, "--tune_epochs: expected 0 or more, got -1"),
    ({"patience": 0}, "--patience: expected 1 or more, got 0"),
    ({"momentum": 1.0}, "--momentum: expected 0 or more and less than 1, got 1.0"),
    ({"drop_hidden": 1.0}, "--drop_hidden: expected 0 or more and less than 1, got 1.0"),
    ({"easy": 0.1, "drop_visible": 0.2}, "--easy=0.1: expected no dropout beside it"),
    ({"easy": 0.1, "optimiser": "cg", "rate": 1.0}, "--easy=0.1: expected no --optimiser=cg"),
    ({"easy": 0.1, "reach": 1}, "--reach=1: expected --easy=0 beside it"),
    ({"optimiser": "cg"}, "--optimiser=cg: expected .*--rate=1 and no dropout, got --rate=0.1"),
    ({"optimiser": "cg", "rate": 1.0, "drop_hidden": 0.5}, "--optimiser=cg: .* no dropout"),
    ({"optimiser": "cg", "rate": 1.0, "schedule": "linear"}, "--optimiser=cg: .* a constant"),
    (
        {"tune_epochs": 0, "start": "2006"},
        "--tune_epochs=0: expected stacks that are to be learned",
    ),
    ({"tune_epochs": 0, "stacks": ("a",)}, "--tune_epochs=0: expected stacks that are to be"),
    ({"stacks": ("a",), "folds": 3}, "--stacks: expected one file for each of 3 nets, got 1"),
    ({"stacks": ("a", "b"), "folds": 3, "nets": 1}, "each of 1 nets, got 2"),
    ({"stacks": ("a",), "start": "2006"}, "--stacks: expected --start=pretrained beside them"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_options_that_cannot_be_meant_are_refused_in_one_line(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        classifier_config.check(Config(**changes))
    assert "\n" not in str(caught.value)
    classifier_config.check(Config())
