"""`mnist_dbn` in two real processes on one machine, and how processes end each other."""

import contextlib
import dataclasses
import os
import re
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_job
from saved_stages import chosen_net, greedy_net
from small_job import epochs_of

from dbnjax.checks import InputError
from dbnjax.training import checkpoint
from dbnjax.weights import io
from experiments import launch, mnist_dbn
from experiments.common import devices, program, workdir
from experiments.mnist_dbn import figures as dbn_figures

ROOT = Path(__file__).parent.parent.parent
N_EPOCHS = 6  # of up-down
BOUND = 30  # seconds in which a lost process ends the run
JOB = {
    "layers": (6, 8),
    "greedy_epochs": 1,
    "memory_epochs": 2,
    "up_down_epochs": (N_EPOCHS,),
    "up_down_steps": (1,),
    "n_gibbs": 1,
    "n_passes": 1,
    "pixels": "mean",
    "mesh": "data:2",
}


@pytest.fixture
def two(idx_folder, tmp_path, monkeypatch):
    """The options of a small job in two processes, each with one device."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.chdir(ROOT)
    return small_job.config(idx_folder, tmp_path / "run", **JOB)


def command(chosen: mnist_dbn.Config) -> list[str]:
    words = ["experiments.mnist_dbn"]
    for name, value in dataclasses.asdict(chosen).items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else value
        words.append(f"--{name}={text}")
    return words


def test_a_run_goes_on_in_two_processes_and_on_other_meshes(two, monkeypatch, capfd):
    place = Path(two.workdir)
    real_save, real_wait = checkpoint.save, launch.first_failed
    saved, killed = [], []

    def save_and_stop(*arguments):
        real_save(*arguments)
        saved.append(arguments)
        if len(saved) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            mnist_dbn.run(dataclasses.replace(two, mesh="data:5"))
    assert epochs_of(place) == [("rbm_1", 1), ("rbm_2", 1)]

    def kill_one(processes):
        deadline = time.monotonic() + 400
        while ("up_down_1", 2) not in epochs_of(place):
            assert time.monotonic() < deadline
            assert all(process.poll() is None for process in processes)
            time.sleep(0.01)
        processes[1].kill()
        killed.append(time.monotonic())
        return real_wait(processes)

    with monkeypatch.context() as patch:
        patch.setattr(launch, "first_failed", kill_one)
        assert launch.run(2, command(two)) == 1
    assert time.monotonic() - killed[0] < BOUND
    said = capfd.readouterr().err
    assert "process 1 of 2 was killed by SIGKILL (exit code -9); the others were ended" in said
    last = re.search(r"last whole checkpoint: \S+/checkpoints/up_down_1/(\d+); the same", said)
    assert last is not None
    assert 1 <= int(last[1]) < N_EPOCHS
    folder, _, state, architecture = saved[1]
    step, restored = checkpoint.restore(folder, state, architecture)
    assert step == 2
    assert not restored.chains.sharding.is_fully_replicated
    assert float(jnp.abs(restored.params.weights - state.params.weights).max()) > 0.0

    monkeypatch.setattr(dbn_figures, "makers", lambda *_: {})
    mnist_dbn.run(two)
    epochs = [("rbm_1", 1), ("rbm_2", 1), ("rbm_2", 2)]
    assert epochs_of(place) == epochs + [("up_down_1", i + 1) for i in range(N_EPOCHS)]
    for name, expected in (("greedy", greedy_net(two)), ("net", chosen_net(two))):
        found, _ = io.load(place / f"{name}.safetensors")
        for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_mistake_that_the_first_process_meets_ends_all_with_its_line(two, capfd):
    other = dataclasses.replace(two, seed=1)
    workdir.begin(other, {})
    address = f"127.0.0.1:{launch.free_port()}"
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(launch.start(command(two), address, 2, i)) for i in (0, 1)]
        # JAX's own bound is five minutes; a busy machine takes some of this to begin.
        assert [one.process.wait(120) for one in both] == [2, 2]
        both[1].errors.seek(0)
        said = [capfd.readouterr().err, both[1].errors.read().decode()]
    line = f"error: {two.workdir}: expected a run with the same flags, but these differ: --seed=1"
    for words in said:
        assert words.splitlines()[-1].startswith(f"{line} there, 0 here; use those flags")


class LeftError(Exception):
    """In the place of the end of the program."""


@pytest.fixture
def joined(monkeypatch):
    """This process as one of several, which ends with an exception."""

    def leave(code):
        raise LeftError(code)

    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(os, "_exit", leave)


def test_a_mistake_of_one_process_alone_does_not_wait_for_the_others(joined, monkeypatch):
    monkeypatch.setattr(jax.distributed, "shutdown", lambda: time.sleep(60))
    monkeypatch.setattr(program, "LEAVE_SECONDS", 0.1)
    begin = time.monotonic()
    with pytest.raises(LeftError, match="2"):
        program.leave()
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    "message",
    [
        "UNKNOWN: Gloo AllGather failed: closed",
        "FAILED_PRECONDITION: Buffer Definition Event: Connection reset by peer",
        "UNAVAILABLE: The coordination service is gone",
        "DEADLINE_EXCEEDED: Barrier timed out",
    ],
)
def test_a_lost_process_is_told_from_other_failures(message, joined, capsys):
    for error in (ValueError(message), devices.FAILURE(message)):
        with pytest.raises(LeftError, match="1"):
            program.fail(error)
        assert f"process 0 lost another ({message})" in capsys.readouterr().err


def test_another_failure_is_shown_as_it_is(monkeypatch, capsys, joined):
    bug = devices.FAILURE("INTERNAL: x is not 2")
    with pytest.raises(LeftError, match="1"):
        program.fail(bug)
    said = capsys.readouterr().err
    assert "INTERNAL: x is not 2" in said
    assert "lost" not in said
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: False)
    for error in (bug, devices.FAILURE("UNKNOWN: Gloo AllGather failed: closed")):
        with pytest.raises(devices.FAILURE):
            program.fail(error)


def test_a_device_without_memory_says_what_to_lower(monkeypatch, capsys):
    monkeypatch.setattr(os, "_exit", lambda code: None)
    with pytest.raises(devices.FAILURE) as caught:
        jnp.zeros((2**30, 2**20)).block_until_ready()
    program.fail(caught.value)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(
        "error: the device is out of memory .*RESOURCE_EXHAUSTED.* lower --batch_", line
    )
    for lowered in ("--batch_size", "--memory_chains", "--chunk", "members", "--mesh"):
        assert lowered in line


def test_a_process_that_does_not_know_its_number_says_so():
    devices.join({})
    for count, own in (("", ""), ("2", "2"), ("two", "0")):
        given = {devices.ADDRESS: "host:1", devices.N_PROCESSES: count, devices.PROCESS_ID: own}
        with pytest.raises(InputError, match=f"DBNJAX_PROCESS_ID, .* got '{count}' and '{own}'"):
            devices.join(given)
