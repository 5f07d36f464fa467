"""What the options of the classifier do to its stack, its learner, its cases and its figures."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_classifier import config, random_start, start, task

from dbnjax.learning import conjugate_gradient
from dbnjax.models import feedforward
from dbnjax.training import evaluate, translations, tuning
from dbnjax.units import Bernoulli, Rectifier
from experiments.common import workdir
from experiments.mnist_classifier import Config, train

KEY = jax.random.key(0)

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
    chosen.check_options()
    own = task(chosen)
    net = train.start(own)
    seen = tuning.tune(own, train.tuning_plan(chosen, 10), net)
    before, after = (evaluate.measure(n, own.data).cost for n in (net, seen.learner.params))
    assert after < 0.95 * before
    if chosen.max_norm:
        lengths = jnp.linalg.norm(seen.learner.params.hidden[0].weights, axis=0)
        assert lengths.max() <= 2.0 * (1 + 1e-6)


def test_cases_are_shifted_if_they_are_to_be(idx_folder, tmp_path):
    own = task(random_start(idx_folder, tmp_path / "run", reach=2))
    prepare = own.vary(tuning.cases(10))
    image = jnp.tile(own.data.pixels[:1], (200, 1))
    visible = prepare(KEY, None, image, jnp.zeros(200, jnp.int32)).visible
    table = translations.sources((28, 28), translations.shifts(2))
    versions = np.append(image[0], 0)[table]
    which = (np.rint(255 * np.asarray(visible))[:, None] == versions).all(-1)
    assert (which.sum(1) == 1).all()
    assert which.any(0).all()
    plain = task(random_start(idx_folder, tmp_path / "run"))
    assert plain.vary(prepare) is prepare


def test_rbms_too_learn_from_shifted_images(idx_folder, tmp_path):
    chosen = config(idx_folder, tmp_path / "plain", nets=1)
    shifted = dataclasses.replace(chosen, workdir=str(tmp_path / "shifted"), reach=2)
    for c in (chosen, shifted):
        workdir.begin(c, learned_from={})
    plain, moved = (train.stack(task(c)).rbms[0].weights for c in (chosen, shifted))
    assert float(jnp.abs(plain - moved).max()) > 0.01  # the same key, other images


def test_a_stack_is_learned_without_labels_as_the_options_say(idx_folder, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(train.stacks, "learn", lambda task, plan, made_by: asked.append(plan))
    changes = {"greedy_rate": 0.3, "greedy_momentum": 0.6, "greedy_features": "mean"}
    changes |= {"layers": (5, 4), "greedy_epochs": 7, "greedy_batch_size": 20, "decay": 0.01}
    own = task(config(idx_folder, tmp_path / "run", pixels="mean", **changes))
    train.stack(own)
    (plan,) = asked
    assert own.n_labels == 0
    assert (plan.batch_size, plan.pixels, plan.data_biases) == (20, "mean", True)
    assert [layer.n_hidden for layer in plan.layers] == [5, 4]
    for layer in plan.layers:
        assert (layer.rule, layer.k, layer.features, layer.schedule) == ("cd", 1, "mean", "linear")
        numbers = (layer.n_epochs, layer.rate, layer.early_momentum, layer.momentum, layer.decay)
        assert numbers == (7, 0.3, 0.5, 0.6, 0.01)


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
    chosen = Config(
        tune_decay=0.2, drop_visible=0.3, drop_hidden=0.4, max_norm=5.0, schedule="linear",
        rate=0.4, tune_epochs=4, softmax_epochs=2, all_epochs=8, patience=3, batch_size=7,
    )  # fmt: skip
    plan, on_all = (train.tuning_plan(chosen, 10, all_cases) for all_cases in (False, True))
    expected = {"rate": 0.3, "decay": 0.2, "hidden": 0.0, "drop_visible": 0.3, "drop_hidden": 0.4}
    found = {name: float(x) for name, x in plan.hyper(1)._asdict().items()}
    assert found == pytest.approx(expected | {"max_norm": 5.0})
    assert [float(plan.hyper(i).hidden) for i in range(4)] == [0.0, 0.0, 1.0, 1.0]
    assert (plan.n_epochs, plan.patience, plan.batch_size, plan.easy) == (4, 3, 7, 0.0)
    assert on_all.n_epochs == 8
    # The schedule begins anew, and nothing stands still.
    assert [float(on_all.hyper(i).rate) for i in (0, 4)] == pytest.approx([0.4, 0.2])
    assert float(on_all.hyper(0).hidden) == 1.0


def test_optimisers_have_their_momentum_and_their_searches(monkeypatch):
    asked = []
    monkeypatch.setattr(
        conjugate_gradient, "conjugate_gradient", lambda n: asked.append(n) or optax.sgd(1.0)
    )
    train.learner(Config(optimiser="cg", line_searches=5))
    assert asked == [5]
    net = feedforward.init(KEY, (2,), 2)
    states = [
        train.learner(Config(**options)).init(KEY, net).optimiser
        for options in ({}, {"momentum": 0.0}, {"optimiser": "adam"})
    ]
    kinds = [[type(part).__name__ for part in state] for state in states]
    assert "TraceState" in kinds[0]
    assert "TraceState" not in kinds[1]
    assert "ScaleByAdamState" in kinds[2]


def test_presets_keep_the_reports_protocol():
    presets = {name: Config.with_preset(name) for name in Config.PRESETS}
    tr, bare = presets["tr"], presets["unpretrained"]
    assert (tr.layers, tr.folds, tr.n_nets, tr.patience) == ((500, 500, 2000), 3, 3, 10)
    assert tr.all_epochs > 0
    assert [name for name, preset in presets.items() if preset.easy] == ["tr"]
    assert presets["translations"].reach == 2
    assert presets["dropout"].dropout
    assert (bare.start, bare.tune_epochs) == ("2006", 119)
    assert bare.all_epochs > 0


def test_nets_are_all_or_the_first_so_many():
    assert [Config(folds=3, nets=n).n_nets for n in (0, 1, 3, 5)] == [3, 1, 3, 3]
