"""The accelerator's sections that learn whole nets: their times, errors and likelihoods."""

import dataclasses
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest
import small_accelerator
from idx_files import write_set
from scipy.special import expit
from small_accelerator import row

from dbnjax import files
from dbnjax.weights import io
from experiments.accelerator import arithmetic as accelerator_arithmetic
from experiments.accelerator import config as accelerator_config
from experiments.accelerator import end_to_end as accelerator_protocol
from experiments.accelerator import many_seeds as accelerator_protocols
from experiments.accelerator import speed as accelerator_speed
from experiments.benchmark import parts as benchmark_parts
from experiments.common import binarised
from experiments.likelihood import config as likelihood_config
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import figures as dbn_figures


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Options, and a run of the main job, but for its figures."""
    place = tmp_path_factory.mktemp("whole")
    (place / "idx").mkdir()
    write_set(place / "idx")
    config = small_accelerator.config(place / "idx", place, layers=(8,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbn_figures, "draw", lambda *_: None)
        return config, accelerator_config.finish(accelerator_config.main_job(config, place / "run"))


class Again:
    """Stands for the main job, and writes what the finished run wrote."""

    def __init__(self, whole):
        self.config, self.run = whole
        self.jobs = []

    def __call__(self, job):
        self.jobs.append(job)
        double = jax.jit(lambda x: 2.5 * x)  # a program for the cache
        double(jnp.ones(3)).block_until_ready()
        source = Path(self.config.workdir).parent / "run"
        shutil.copytree(source, job.workdir)
        return self.run._replace(seconds=70.0)


def test_a_run_has_its_time_and_its_errors(whole):
    config, run = whole
    result = files.read_json(Path(config.workdir).parent / "run" / "result.json")
    assert run.result == result
    assert sum(result["seconds"].values()) < run.seconds
    assert run.errors("validation") == result["errors"]["up-down"]["deterministic"]["validation"]
    expected = sum(epoch["seconds"] for epoch in result["epochs"])  # one or two of each stage
    np.testing.assert_allclose(accelerator_arithmetic.of_epochs(run), expected)


def test_errors_are_the_last_judged_net_s_and_compilation_is_no_epoch():
    later = {"all": 3, "test": 4}  # it learned from validation cases
    errors = {"greedy": {"validation": 7, "test": 8}, "up-down": {"validation": 5, "test": 6}}
    named = {stage: {"deterministic": x} for stage, x in (errors | {"all cases": later}).items()}
    seconds = {"rbm_1": [9.0, 1.0, 2.0, 1.0], "up_down_1": [4.0]}
    epochs = [{"stage": stage, "seconds": x} for stage, spent in seconds.items() for x in spent]
    run = accelerator_config.Finished({"errors": named, "epochs": epochs}, 30.0)
    assert (run.errors("validation"), run.errors("test"), run.errors("train")) == (5, 4, None)
    assert accelerator_arithmetic.of_epochs(run) == 4 * 1.5 + 4


def test_a_protocol_is_run_with_an_empty_cache_of_programs_and_with_a_full_one(whole, monkeypatch):
    again, cleared = Again(whole), []
    monkeypatch.setattr(accelerator_protocol, "finish", again)
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(len(again.jobs)))
    before = jax.config.jax_compilation_cache_dir
    found = accelerator_protocol.protocol(again.config)
    assert jax.config.jax_compilation_cache_dir == before
    assert cleared == [0, 1]
    assert not list(Path(again.config.workdir).iterdir())
    cold, warm = row(found, "programs compiled")
    assert cold > 0
    assert warm == 0
    names = [*again.run.result["seconds"], "the rest"]
    parts = np.array([row(found, f"{name}, s") for name in names])
    np.testing.assert_allclose(parts.sum(0), row(found, "in all, s"), rtol=2e-3)
    assert row(found, "in all, s") == [70.0, 70.0]
    assert row(found, "test errors, up-down, deterministic") == [again.run.errors("test")] * 2
    assert [bar["met"] for bar in found.bars] == [True, False]


def test_precisions_stand_in_a_row_each(whole, monkeypatch):
    again = Again(whole)
    monkeypatch.setattr(accelerator_arithmetic, "finish", again)
    scores = iter([(-90.0, 0.5), (-91.0, None), (-92.0, 0.25)])
    monkeypatch.setattr(
        accelerator_arithmetic, "log_p", lambda job, path: path.exists() and next(scores)
    )
    found = accelerator_arithmetic.precision(again.config)
    assert [job.precision for job in again.jobs] == ["default", "highest", "bfloat16"]
    assert {job.all_epochs for job in again.jobs} == {0}
    counts = [again.run.errors("validation"), again.run.errors("test")]
    expected = [[*counts, -90.0, 0.5], [*counts, -91.0, None], [*counts, -92.0, 0.25]]
    assert [cells[3:] for cells in found.rows] == expected


def test_generators_stand_in_a_row_each(whole, monkeypatch):
    again, generators = Again(whole), []

    def time_units(jobs, n_rounds):
        generators.append(jax.random.key(0).dtype.name)
        assert [job.n_units for job in jobs] == [3]
        return [2.0]

    monkeypatch.setattr(accelerator_arithmetic, "finish", again)
    monkeypatch.setattr(accelerator_arithmetic, "time_units", time_units)
    found = accelerator_arithmetic.draws(again.config)
    assert generators == ["key<fry>", "key<rbg>"]
    assert [job.draws for job in again.jobs] == ["threefry", "rbg"]
    seconds = accelerator_config.number(accelerator_arithmetic.of_epochs(again.run))
    counts = again.run.errors("validation"), again.run.errors("test")
    assert found.rows == [[name, 6.0, seconds, *counts] for name in ("threefry", "rbg")]


def terms(net, v):
    """Of one directed layer, exactly: q(h | v), log p(v | h), log p*(h), each for all h; log Z."""
    h = oracles.binary_states(net.recognition[0].unit.size)
    to_hidden, to_visible = net.recognition[0], net.generative[0]
    mean = expit(v @ np.float64(to_hidden.weights) + np.float64(to_hidden.unit.bias))
    field = h @ np.float64(to_visible.weights) + np.float64(to_visible.unit.bias)
    log_q = np.log(mean) @ h.T + np.log1p(-mean) @ (1 - h).T
    log_v = v @ field.T - np.logaddexp(0, field).sum(1)
    w, c = np.float64(net.memory.weights), np.float64(net.memory.hidden.bias)
    bias, labels_bias = (np.float64(part.bias) for part in net.memory.visible.parts)
    up = (h @ w[: h.shape[1]])[:, None] + w[h.shape[1] :] + c
    log_top = (h @ bias)[:, None] + labels_bias + np.logaddexp(0, up).sum(-1)
    return log_q, log_v + np.logaddexp.reduce(log_top, axis=1), np.logaddexp.reduce(log_top, None)


def test_log_p_of_a_deep_net_is_its_bound(idx_folder, tmp_path, monkeypatch):
    n_samples, path = 8, tmp_path / "net.safetensors"
    scoring = {"n_chains": 60, "n_temperatures": 100, "n_samples": n_samples}
    monkeypatch.setattr(accelerator_arithmetic, "SCORING", scoring)
    net = machines.net(0, (16, 5, 4), n_labels=10)
    io.save(path, net)
    options = {"dataset": "mnist", "data_dir": str(idx_folder), "side": 4}
    value, half = accelerator_arithmetic.log_p(dbn_config.Config(**options), path)
    judged = likelihood_config.Config(**options)
    v = binarised.states(judged, binarised.read(judged).judged, "test")
    log_q, log_p, log_z = terms(net, np.float64(v))
    q, log_w = np.exp(log_q), log_p - log_q - log_z
    mean = (q * log_w).sum(1)
    variance = (q * (log_w - mean[:, None]) ** 2).sum(1) / n_samples
    error = np.hypot(half / 1.96, np.sqrt(variance.sum()) / len(v))
    assert abs(value - mean.mean()) < 5 * error


def test_nets_of_many_seeds_learn_together(idx_folder, tmp_path):
    config = small_accelerator.config(idx_folder, tmp_path, layers=(8,), all_epochs=3)
    found = accelerator_protocols.protocols(config)
    assert found.columns == ["", "2 nets together"]
    (machine,), (tuned,) = row(found, "rbm_1, 1 epochs, s"), row(found, "up_down_1, 2 epochs, s")
    (rest,), (more,) = row(found, "the rest, s"), row(found, "epochs on all cases, reckoned, s")
    np.testing.assert_allclose(machine + tuned + rest + more, row(found, "in all, s"), rtol=5e-3)
    np.testing.assert_allclose(more, 3 * tuned / 2 * 40 / 20, rtol=5e-3)  # of 40 cases, not of 20
    assert row(found, "validation cases") == [10]
    assert 0 <= row(found, "validation errors, mean")[0] <= 10
    assert row(found, "nets that diverged") == [0]
    assert row(found, "up_down_1, % of the bandwidth") == row(found, "up-down, % of the bandwidth")
    assert [bar["found"] for bar in found.bars][1:] == row(found, "up-down, % of the bandwidth")


def test_shares_of_a_bandwidth_are_of_median_epochs():
    epochs = {"rbm_1": [9.0], "up_down_1": [9.0, 2.0, 2.0], "up_down_2": [1.0]}
    n_bytes = {"up_down_1": 10.0, "up_down_2": 20.0, "up_down_3": 30.0}
    assert accelerator_protocols.shares_of(50.0, epochs, n_bytes) == {
        "up_down_1": 10.0,
        "up_down_2": 40.0,
        "up-down": 100 * (3 * 10 + 20) / (3 * 2 + 1) / 50,
    }


def test_traffic_of_a_phase_is_that_of_all_updates_of_all_nets(whole):
    config, _ = whole
    config = dataclasses.replace(config, layers=(8, 6), up_down_steps=(1, 2))
    cases = accelerator_protocols.Cases(n_pixels=5, n_classes=10, n_train=47, n_all=60)
    found = accelerator_protocols.traffic_of_phases(config, cases)
    parts = benchmark_parts.up_down(10, (5, 8), 10, 6, n_steps=2)
    net = machines.net(0, (5, 8, 6), n_labels=10)
    expected = 2 * 4 * accelerator_speed.traffic(parts, net)
    assert found["up_down_2"] == expected > found["up_down_1"]


def test_errors_of_nets_leave_out_those_that_diverged():
    rows = [{"validation_errors": n} for n in (4, None, 6)]
    record = {"rows": rows, "cases": {"validation": 10}}
    assert [cells[1] for cells in accelerator_protocols.errors(record)] == [5, 1.414, 10, 1]
