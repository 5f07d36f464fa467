"""Likelihoods of small saved nets: what is printed and written, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest
from refusals import one_line

from dbnjax import files, rbm, units
from dbnjax.evaluation import schedules
from dbnjax.scoring import log_z as likelihood_estimates
from dbnjax.scoring import tempered_samples
from dbnjax.weights import io
from experiments import likelihood
from experiments.common import binarised
from experiments.likelihood import Config


@pytest.fixture
def config(idx_folder, tmp_path):
    """A machine of 16 pixels and 6 hidden units on 20 test images."""
    io.save(tmp_path / "machine.safetensors", machines.binary(0, 16, 6))
    return Config(
        net=str(tmp_path / "machine.safetensors"),
        data_dir=str(idx_folder),
        side=4,
        n_chains=50,
        n_temperatures=100,
        temper_betas=8,
        temper_steps=60,
        raise_chains=50,
        raise_temperatures=200,
        output=str(tmp_path / "results" / "numbers.json"),
    )


def states(config, part="test"):
    cases = binarised.read(config)
    images = cases.train if part == "train" else cases.judged
    return np.float64(binarised.states(config, images, part))


def log_p(machine, v):
    """log p(v) in float64, by a sum over the hidden states."""
    b, c, w = (np.float64(x) for x in (machine.visible.bias, machine.hidden.bias, machine.weights))
    h = oracles.binary_states(len(c))
    log_z = np.logaddexp.reduce(h @ c + np.logaddexp(0, b + h @ w.T).sum(1))
    return v @ b + np.logaddexp(0, c + v @ w).sum(-1) - log_z


def pseudo_log_p(machine, v):
    """The sum over units of log p(v_i | all others), in float64."""
    turned = np.abs(v[:, None] - np.eye(v.shape[1]))  # [n, n_visible, n_visible]
    return -np.logaddexp(0, log_p(machine, turned) - log_p(machine, v)[:, None]).sum(1)


def rows_of(record):
    return {(row["quantity"], row["images"]): row for row in record["rows"]}


def near(values, truth, n_errors=5):
    """Whether a value lies within some standard errors, and has one."""
    value, low, high = values
    return low < value < high and abs(value - truth) < n_errors * (high - low) / (2 * 1.96)


def test_an_enumerable_machine_is_scored_exactly_and_from_both_sides(config, capsys):
    record = likelihood.run(config)
    rows, machine = rows_of(record), machines.binary(0, 16, 6)
    assert record["model"] == "RBM 16-6"
    assert (record["dataset"], record["pixels"]) == ("mnist", "drawn once, seed 0")
    assert record["net"] == {}
    for part, n in (("test", 20), ("train", 20)):
        row = rows["log p(v)", part]
        truth = log_p(machine, states(config, part)[:n])
        assert row["n"] == n
        # float32 sums of 2^6 states; the values are some tens of nats.
        np.testing.assert_allclose(row["values"]["log Z exact"], truth.mean(), atol=1e-3)
        np.testing.assert_allclose(row["standard_error"], truth.std(ddof=1) / n**0.5, rtol=1e-4)
        assert near(row["values"]["log Z forward"], truth.mean())
        assert near(row["values"]["log Z reverse"], truth.mean())
    printed = capsys.readouterr().out
    assert printed.startswith("RBM 16-6; mnist; pixels: drawn once, seed 0; float32")
    assert "net: nothing is known of how it was made\n\n" in printed
    assert f" {log_p(machine, states(config)).mean():.2f} " in printed
    v = states(config)
    raised = rows["RAISE bound on log p(v)", "test"]
    assert near(raised["values"]["no log Z"], log_p(machine, v).mean())
    assert raised["weights"] == 50
    assert 25 < raised["effective_sample_size"] < 50
    counted = f"RAISE bound on log p(v) of test images {raised['effective_sample_size']:.1f} of 50"
    assert counted in " ".join(printed.split())
    (pseudo, _, _) = rows["pseudo-log-likelihood", "test"]["values"]["no log Z"]
    np.testing.assert_allclose(pseudo, pseudo_log_p(machine, v).mean(), atol=1e-4)
    done = ("exact", "forward", "samples", "reverse", "scores of 20 test images")
    seconds = [record["seconds"][name] for name in (*done, "scores of 20 train images", "RAISE")]
    assert min(seconds) > 0
    assert sum(seconds) < record["seconds"]["in all"]
    assert files.read_json(config.output) == record
    assert record["command"].startswith("python -m experiments.likelihood --data_dir=FOLDER")
    assert "--net=machine.safetensors" in record["command"]


def log_joint(net, v):
    """log p(v, label) of a net with one directed layer, in float64: `[n, n_labels]`."""
    down, memory = net.generative[0], net.memory
    n_penultimate, n_labels = down.weights.shape[0], memory.visible.parts[1].size
    h = oracles.binary_states(n_penultimate)
    field = h @ np.float64(down.weights) + np.float64(down.unit.bias)
    log_v = v @ field.T - np.logaddexp(0, field).sum(1)
    w, c = np.float64(memory.weights), np.float64(memory.hidden.bias)
    b, labels_bias = (np.float64(part.bias) for part in memory.visible.parts)
    up = (h @ w[:n_penultimate])[:, None] + w[n_penultimate:] + c
    log_top = (h @ b)[:, None] + labels_bias + np.logaddexp(0, up).sum(-1)
    assert log_top.shape == (2**n_penultimate, n_labels)
    total = np.logaddexp.reduce(log_v[:, :, None] + log_top, axis=1)
    return total - np.logaddexp.reduce(log_top, axis=None)


def test_a_deep_net_has_bounds_with_and_without_labels(config, tmp_path, monkeypatch, capsys):
    net = machines.net(0, (16, 5, 4), n_labels=10)
    io.save(tmp_path / "net.safetensors", net)
    deep = dataclasses.replace(config, net=str(tmp_path / "net.safetensors"), output=None)
    label = jnp.concatenate([jnp.zeros((50, 5)), jnp.eye(10)[jnp.arange(50) % 10]], axis=1)
    apart = np.random.default_rng(0).normal(size=(8, 50)) + 3.0 * np.arange(50)
    stuck = walked(acceptance=0.05, free_energy=apart, classes=np.arange(400).reshape(8, 50))
    sampled = tempered_samples.Sampled(label, stuck)
    monkeypatch.setattr(tempered_samples, "sample", lambda *arguments: sampled)
    record = likelihood.run(deep)
    rows, cases = rows_of(record), binarised.read(deep)
    assert record["model"] == "DBN 16-5-4, 10 labels"
    assert {images for _, images in rows} == {"test", "train"}
    assert "swap with probability 0.050 only" in " ".join(record["warnings"])
    assert "made 0.00 round trips" in " ".join(record["warnings"])
    assert "the reverse estimate may not be trusted" in " ".join(record["warnings"])
    told = "; classes as the label units show them: another at 100 % of these looks, 4.0 a chain in"
    assert told in " ".join(capsys.readouterr().out.split())
    joint = log_joint(net, states(deep))
    truth = {
        "log p(v)": np.logaddexp.reduce(joint, axis=1).mean(),
        "log p(v, label)": joint[np.arange(20), cases.judged.labels].mean(),
    }
    for name, exact in truth.items():
        # A float32 sum of 2^5 states, and of as many labels.
        (found,) = rows[name, "test"]["values"].values()
        np.testing.assert_allclose(found, [exact] * 3, atol=1e-3)
        bound, low, high = rows[f"bound on {name}", "test"]["values"]["log Z exact"]
        tighter = rows[f"importance-weighted {name}", "test"]["values"]["log Z exact"][0]
        assert low < bound < high
        # 20 samples go at least a third of the way to the truth, and beyond it only by chance.
        assert bound + (exact - bound) / 3 < tighter < exact + (high - low)
        assert rows[f"bound on {name}", "test"]["weights"] is None
        row = rows[f"importance-weighted {name}", "test"]
        assert row["weights"] == 20
        assert 1 < row["effective_sample_size"] < 20
        forward = rows[f"bound on {name}", "test"]["values"]["log Z forward"][0]
        log_z = record["log_z"]
        np.testing.assert_allclose(
            forward - bound, log_z["exact"] - log_z["forward"]["value"], atol=1e-4
        )


def walked(acceptance, free_energy, classes=None):
    """Chains at three temperatures that never swap, with these traces of the target's."""
    n_looks, n_chains = free_energy.shape
    source = np.broadcast_to(np.arange(3)[:, None], (10 * n_looks, 3, n_chains))
    swaps = np.full((10 * n_looks, 2), acceptance)
    return tempered_samples.Walked(None, swaps, source, free_energy, classes)


def test_the_binarisation_decides_the_states(config):
    config = dataclasses.replace(config, side=14)  # the strokes of 28 x 28 are 2 pixels wide
    ways = {way: states(dataclasses.replace(config, binarisation=way))
            for way in ("threshold", "fixed", "resampled", "real")}  # fmt: skip
    assert set(np.unique(ways["threshold"])) == set(np.unique(ways["fixed"])) == {0, 1}
    np.testing.assert_array_equal(ways["threshold"], ways["real"] > 0.5)
    assert len(np.unique(ways["real"])) > 10
    other = dataclasses.replace(config, binarisation="resampled", seed=1)
    assert (states(other) != ways["resampled"]).any()
    named = {binarised.in_words(dataclasses.replace(config, binarisation=w)) for w in ways}
    assert len(named) == 4


def test_fixed_draws_do_not_depend_on_the_split(config):
    def drawn(**changes):
        cases = binarised.read(dataclasses.replace(config, side=0, **changes))
        return [{image.tobytes() for image in part.pixels} for part in cases[:2]]

    everything, test = drawn()
    assert len(everything) == 40
    for split_seed in (0, 1):
        train, validation = drawn(judged="validation", split_seed=split_seed)
        assert (len(train), len(validation)) == (20, 10)
        assert train | validation < everything
    assert drawn(n_test=10)[1] < test
    assert not drawn(binarisation_seed=1)[0] & everything


def test_the_schedule_is_the_one_that_was_asked_for(config, monkeypatch):
    class CaughtError(Exception):
        pass

    def forward(key, path, n_chains, betas, advance):
        raise CaughtError(betas)

    monkeypatch.setattr(likelihood_estimates, "forward", forward)
    for name, expected in (("linear", schedules.linear), ("piecewise", schedules.piecewise)):
        with pytest.raises(CaughtError) as caught:
            likelihood.run(dataclasses.replace(config, schedule=name))
        np.testing.assert_array_equal(caught.value.args[0], expected(100))


def refuse(config, message, **changes):
    with one_line(message):
        likelihood.run(dataclasses.replace(config, **changes))


def test_what_does_not_fit_is_refused(config, tmp_path, monkeypatch):
    refuse(config, "nowhere: expected a safetensors file", net="nowhere")
    refuse(
        config,
        r"mnist: expected images of 4 x 4 pixels, which .*machine.safetensors was made for, got "
        "28 x 28; reduce them with --side",
        side=0,
    )
    path = str(tmp_path / "other")
    hidden = rbm.RBM(units.Bernoulli.zeros(16), units.Bernoulli(jnp.zeros(0)), jnp.zeros((16, 0)))
    io.save(path, hidden)
    refuse(config, "other: expected an RBM with hidden units, got none", net=path)
    io.save(path, machines.labelled(0, 16, 3, 4))
    refuse(config, "other: expected a data set of as many classes .*, got 10", net=path)
    io.save(path, rbm.init(jax.random.key(0), units.Gaussian.zeros(16), units.Bernoulli.zeros(4)))
    refuse(config, "expected --binarisation=real for Gaussian pixels, got fixed", net=path)
    with monkeypatch.context() as patch:
        patch.setattr(io, "_check", lambda path, model: None)
        io.save(path, machines.binary(0, 16, 6).replace(weights=jnp.full((16, 6), jnp.nan)))
    refuse(config, "other: model.weights: expected finite values, got 96 NaN", net=path)
