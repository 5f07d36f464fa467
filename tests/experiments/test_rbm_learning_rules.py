"""The comparison of learning rules at the size of a test: what it writes, resumes and refuses."""

import dataclasses

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import averaging, files, rbm, stack, units, updates
from dbnjax.checks import InputError
from dbnjax.evaluation import exact
from dbnjax.scoring import log_z, mean_log_p
from dbnjax.training import greedy
from dbnjax.weights import io
from experiments import rbm_learning_rules
from experiments.common import binarised
from experiments.rbm_learning_rules import main, train
from experiments.rbm_learning_rules.config import RATES, Config


@pytest.fixture
def config(idx_folder, tmp_path):
    """Two rules for three epochs of four updates, with 16 pixels and 5 hidden units."""
    return Config(
        data_dir=str(idx_folder),
        side=4,
        workdir=str(tmp_path / "run"),
        rules=("cd1", "fast_pcd"),
        n_hidden=5,
        epochs=3,
        batch_size=10,
        n_chains=4,
        points=2,
        averaging=0.5,
    )


REAL = rbm.init(jax.random.key(0), units.Gaussian.zeros(6), units.Bernoulli.zeros(4))


def judged(config):
    return binarised.states(config, binarised.read(config).judged, "test")


def test_a_run_writes_curves_machines_and_a_figure(config, tmp_path, capsys):
    copies = {"output": str(tmp_path / "rules.json"), "figure": str(tmp_path / "docs" / "x.png")}
    record = rbm_learning_rules.run(dataclasses.replace(config, **copies))
    printed = capsys.readouterr().out
    assert record["model"] == "RBM 16-5"
    assert record["pixels"] == "drawn anew, here with seed 0"
    assert record["cases"] == {"train": 40, "test": 20}
    assert (tmp_path / "run" / "learning_rules.png").stat().st_size > 10_000
    for name, rate in (("cd1", 0.05), ("fast_pcd", 0.1)):
        curve = record["rules"][name]
        assert curve["updates"] == [4, 12]
        assert curve["rate"] == rate
        assert 0 < curve["seconds"][0] < curve["seconds"][1]
        machine, about = io.load(tmp_path / "run" / f"{name}.safetensors")
        # What is saved is what was judged; the hidden layer is small enough for an exact log Z.
        truth = float(exact.log_prob(machine, judged(config)).mean())
        np.testing.assert_allclose(curve["log_p"][-1], truth, atol=1e-3)
        assert curve["low"] == curve["log_p"] == curve["high"]
        assert f"{truth:.2f}" in printed
        assert about["binarisation"] == "resampled"
        assert about["image_shape"] == [4, 4]
        assert about["rule"] == name
    assert record["rules"]["cd1"]["log_p"] != record["rules"]["fast_pcd"]["log_p"]
    assert files.read_json(copies["output"]) == record | {"figure": copies["figure"]}
    assert (tmp_path / "docs" / "x.png").stat().st_size > 10_000


def test_a_machine_on_features_is_saved_joined_and_its_bound_is_judged(config, tmp_path):
    lower = machines.binary(0, 16, 6)
    io.save(tmp_path / "lower.safetensors", lower)
    top = dataclasses.replace(
        config, rules=("cd1",), below=str(tmp_path / "lower.safetensors"), epochs=1, points=1
    )
    record = rbm_learning_rules.run(top)
    assert record["model"] == "RBM 6-5"
    assert record["below"] == [16]
    assert "--below=lower.safetensors" in record["command"]
    joined, _ = io.load(tmp_path / "run" / "cd1.safetensors")
    assert isinstance(joined, stack.Stack)
    np.testing.assert_array_equal(joined.rbms[0].weights, lower.weights)
    assert joined.rbms[1].weights.shape == (6, 5)
    assert np.isfinite(record["rules"]["cd1"]["log_p"]).all()
    lower_two = main.read_below(str(tmp_path / "run" / "cd1.safetensors"), 16, "fixed")
    assert [rbm.hidden.size for rbm in lower_two] == [6, 5]


@pytest.mark.parametrize("name", RATES)
def test_every_rule_keeps_an_average_of_what_it_learns(name):
    machine = greedy.layer(jax.random.key(0), 6, 4)
    config = Config(n_chains=4, averaging=0.5)
    learner = averaging.averaged(train.learners(config)[name])
    hyper = train.hyper(config, name, 0.1)
    state = jax.eval_shape(learner.init, jax.random.key(1), machine)
    batch = jnp.ones((5, 6))
    after, _ = jax.eval_shape(learner.step, jax.random.key(2), hyper, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert [x.shape for x in jax.tree.leaves(after)] == [x.shape for x in jax.tree.leaves(state)]
    assert after.average.weights.shape == (6, 4)


def test_persistent_chains_are_shared_out_over_temperatures_and_make_k_steps():
    machine = machines.binary(0, 6, 4)
    shapes = {}
    once, twice = (train.learners(Config(n_chains=40, k=k)) for k in (1, 2))
    for name in ("pcd", "tempered"):
        state = once[name].init(jax.random.key(1), machine)
        shapes[name] = state.chains.shape
        given = jax.random.key(2), updates.hyper(0.1), state, jnp.ones((5, 6))
        after = [jax.jit(learners[name].step)(*given)[0] for learners in (once, twice)]
        assert (after[0].chains != after[1].chains).any()
    assert shapes == {"pcd": (40, 4), "tempered": (2, 20, 4)}


def test_the_last_machine_of_a_rule_is_judged_from_above_too(config, monkeypatch, capsys):
    config = dataclasses.replace(config, rules=("cd1",), n_temperatures=100, sample_steps=50)
    exactly = rbm_learning_rules.run(config)["rules"]["cd1"]
    truth = exactly["log_p"]
    assert exactly["reverse"] == []
    monkeypatch.setattr(log_z, "exact_log_z", lambda rbm: None)
    config = dataclasses.replace(config, workdir=f"{config.workdir}2")
    found = rbm_learning_rules.run(config)["rules"]["cd1"]
    # A twentieth of a nat is far more than the errors of 50 chains at 100 temperatures here.
    np.testing.assert_allclose(found["log_p"], truth, atol=0.05)
    np.testing.assert_allclose(found["reverse"][0], truth[-1], atol=0.05)
    assert found["reverse"][1] < found["reverse"][0] < found["reverse"][2]
    assert found["reverse"][0] != found["log_p"][-1]
    assert "log p, log Z from above" in capsys.readouterr().out


def test_rules_are_judged_in_even_logarithmic_steps():
    assert train.points(Config(epochs=100, points=5)) == [1, 3, 10, 32, 100]
    assert train.points(Config(epochs=3, points=9)) == [1, 2, 3]
    assert train.points(Config(epochs=7, points=1)) == [7]


@pytest.mark.parametrize(
    ("model", "pixels", "message"),
    [
        (machines.net(0, (6, 5, 4)), "resampled", "of binary units without labels, got DBN;"),
        (machines.labelled(0, 5, 3, 4), "fixed", "without labels, got RBM with Concat units"),
        (REAL, "fixed", "of binary units .* got RBM with Gaussian units"),
        (machines.binary(0, 7, 4), "fixed", "expected 6 visible units, .*, got 7; reduce the"),
        (machines.binary(0, 6, 4), "threshold", "expected --binarisation=fixed, .*, got threshold"),
    ],
)
def test_nets_that_cannot_be_joined_are_refused(tmp_path, model, pixels, message):
    path = str(tmp_path / "net")
    io.save(path, model, {"binarisation": "fixed"})
    with pytest.raises(InputError, match=message):
        main.read_below(path, 6, pixels)


def test_machines_may_be_joined_that_learned_from_pixels_of_one_law(tmp_path):
    path = str(tmp_path / "net")
    assert main.read_below(None, 6, "fixed") == ()
    for about in ({"binarisation": "fixed"}, {}):
        io.save(path, machines.binary(0, 6, 4), about)
        assert len(main.read_below(path, 6, "resampled")) == 1


def test_a_tied_start_is_not_thrown_away_by_chains_that_have_to_find_their_place(config, tmp_path):
    below = dataclasses.replace(config, rules=("cd1",), n_hidden=6, epochs=20, rate=0.5)
    reached = rbm_learning_rules.run(below)["rules"]["cd1"]["log_p"][-1]
    top = dataclasses.replace(
        config, rules=("pcd",), below=f"{config.workdir}/cd1.safetensors", tied=True, n_hidden=16,
        epochs=1, points=1, n_samples=200, workdir=str(tmp_path / "top"),
    )  # fmt: skip
    found = rbm_learning_rules.run(top)["rules"]["pcd"]
    assert found["low"][0] < found["log_p"][0] < found["high"][0]  # by the recognition passes
    np.testing.assert_allclose(found["log_p"][0], reached, rtol=0, atol=1e-3)


def test_what_speaks_against_a_rule_is_said():
    config = Config(ais_chains=50)
    sound = {"log_p": -90.0, "effective_chains": 20.0, "r_hat": 1.0}
    above = {"reverse_log_p": -90.5, "reverse_effective_chains": 20.0}
    assert train.doubts(config, sound) == []  # an exact log Z
    assert train.doubts(config, sound | above) == []
    assert train.doubts(
        config,
        sound | above | {"log_p": -85.0, "reverse_effective_chains": 1.5, "r_hat": 1.5},
    ) == [
        "log Z from above rests on 1.5 of 50 chains",
        "the two estimates are 5.5 nats apart",
        "the samples behind log Z from above had not mixed",
    ]


def test_what_is_not_known_is_not_recorded():
    few = mean_log_p.LessLogZ([-93.0, None, None], 2.0)
    assert train.named("", few) == {"log_p": -93.0, "effective_chains": 2.0}
    exact = mean_log_p.LessLogZ([-90.0, -91.0, -89.0], None)
    assert train.named("x_", exact) == {"x_log_p": -90.0, "x_low": -91.0, "x_high": -89.0}


def test_all_rules_have_a_learner_and_a_rate():
    assert train.learners(Config()).keys() == RATES.keys() == {*Config().rules, "cd25"}
    assert [Config(rate=rate).rate_of("cd10") for rate in (0.0, 0.3)] == [0.1, 0.3]
