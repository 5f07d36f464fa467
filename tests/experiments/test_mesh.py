"""The main job and the sweep on several devices and processes, and what they refuse."""

import dataclasses
import re
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
import small_job
from small_job import epochs_of

from dbnjax.checks import InputError
from dbnjax.training import checkpoint, sharding
from experiments import devices, flags, launch, mnist_dbn, sweep

ROOT = Path(__file__).parent.parent.parent
N_EPOCHS = 8
BOUND = 30  # seconds in which a lost process ends the run


def one_machine(folder: Path, workdir: Path):
    chosen = {"layers": (16,), "labels": False, "up_down_epochs": (), "up_down_steps": ()}
    chosen |= {"pixels": "mean", "memory_epochs": N_EPOCHS}
    return small_job.config(folder, workdir, **chosen)


def sweep_config(folder: Path, workdir: Path, **changes) -> sweep.Config:
    short = {"layers": (16,), "memory_epochs": 1, "up_down_epochs": (1,), "up_down_steps": (1,)}
    short |= {"pixels": "mean", "memory_rule": "cd"}
    small = dataclasses.asdict(small_job.config(folder, workdir, **short))
    grid = "memory_rate=0.1,0.2;up_down_rate=0.1,0.05"
    return dataclasses.replace(sweep.Config(**small), grid=grid, **changes)


def command(chosen) -> list[str]:
    given = dataclasses.asdict(chosen) | {"layers": "16", "up_down_epochs": "", "up_down_steps": ""}
    return ["experiments.mnist_dbn", *(f"--{name}={value}" for name, value in given.items())]


def test_a_run_goes_on_in_two_processes_and_what_one_leaves_is_whole(
    idx_folder, tmp_path, monkeypatch, capfd
):
    chosen = one_machine(idx_folder, tmp_path / "run")
    real_save, real_wait = checkpoint.save, launch.first_failed
    saved, killed = [], []

    def save_and_stop(*arguments):
        real_save(*arguments)
        saved.append(arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            mnist_dbn.run(dataclasses.replace(chosen, mesh="data:5"))
    assert epochs_of(tmp_path / "run") == [("rbm_1", 1)]

    def kill_one(processes):
        deadline = time.monotonic() + 240
        while len(epochs_of(tmp_path / "run")) < 3:
            assert time.monotonic() < deadline
            assert all(process.poll() is None for process in processes)
            time.sleep(0.01)
        processes[1].kill()
        killed.append(time.monotonic())
        return real_wait(processes)

    monkeypatch.setattr(launch, "first_failed", kill_one)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.chdir(ROOT)
    assert launch.run(2, command(dataclasses.replace(chosen, mesh="data:2"))) == 1
    assert time.monotonic() - killed[0] < BOUND
    said = capfd.readouterr().err
    assert "process 1 of 2 was killed by SIGKILL (exit code -9); the others were ended" in said
    last = re.search(r"last whole checkpoint: \S+/checkpoints/rbm_1/(\d+); the same", said)
    assert last is not None
    folder, _, state, architecture = saved[0]
    step, restored = checkpoint.restore(folder, state, architecture)
    assert 2 <= step == int(last[1]) < N_EPOCHS
    assert not restored.chains.sharding.is_fully_replicated
    assert float(jnp.abs(restored.params.weights - state.params.weights).max()) > 0.0


def test_members_of_a_sweep_are_split_over_a_mesh(idx_folder, tmp_path, monkeypatch):
    placed, real = [], sharding.place_members

    def note(tree):
        """Members in all and on each device; what is placed is donated later."""
        tree = real(tree)
        leaves = jax.tree.leaves(tree)
        placed.append({(len(x), x.sharding.shard_shape(x.shape)[0]) for x in leaves})
        return tree

    monkeypatch.setattr(sharding, "place_members", note)
    record = sweep.run(sweep_config(idx_folder, tmp_path / "run", mesh="data:2,ensemble:2"))
    assert placed == [{(2, 1)}, {(4, 2)}]  # two stacks, four fine-tuned nets
    assert not {"mesh", "platform"} & record["proxy"].keys()
    assert len(record["rows"]) == 4
    for row in record["rows"]:
        assert 0 <= row["validation_errors"] <= row["greedy_validation_errors"] <= 10
        assert 0 <= row["training_errors"] <= 20
        assert row["epoch"] in (0, 1)


REFUSED = [
    ({"mesh": "data:3"}, r"--batch_size: expected a multiple of 3, .* --mesh=data:3, got 10"),
    ({"mesh": "data:5", "memory_chains": 12}, "--memory_chains: expected a multiple of 5, .* 12"),
    ({"mesh": "ensemble:2"}, "expected axis:devices,axis:devices of data, each once, got 'ens"),
    ({"mesh": "data:16"}, "--mesh=data:16: expected at most 8 devices in all, .* got 16"),
    ({"platform": "gpu"}, "--platform=gpu: expected such a device, got cpu"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_devices_that_cannot_be_had_leave_nothing_behind(idx_folder, tmp_path, changes, message):
    chosen = dataclasses.replace(small_job.config(idx_folder, tmp_path / "run"), **changes)
    with pytest.raises(InputError, match=message) as caught:
        mnist_dbn.run(chosen)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_plain_contrastive_divergence_has_no_chains_to_split(idx_folder, tmp_path):
    chosen = small_job.config(
        idx_folder, tmp_path / "run", mesh="data:5", memory_rule="cd", memory_chains=12, n_train=7
    )
    with pytest.raises(InputError, match="7"):  # the next thing that is looked at
        mnist_dbn.run(chosen)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mesh": "ensemble:3"}, "--grid: members: expected a multiple of 3, .* got 4"),
        ({"mesh": "ensemble:2", "together": "no"}, "--together=no: expected no ensemble in --mesh"),
        ({"grid": "platform=cpu"}, "got 'platform=cpu'"),
    ],
)
def test_members_that_cannot_be_split_leave_nothing_behind(idx_folder, tmp_path, changes, message):
    chosen = dataclasses.replace(sweep_config(idx_folder, tmp_path / "run"), **changes)
    with pytest.raises(InputError, match=message):
        sweep.run(chosen)
    assert not (tmp_path / "run").exists()


def test_members_on_a_mesh_learn_together_unless_told_otherwise(idx_folder, tmp_path):
    chosen = sweep_config(idx_folder, tmp_path)
    assert not sweep.at_once(chosen)
    with devices.taken("", "ensemble:2", ("ensemble",)):
        assert sweep.at_once(chosen)


def test_a_process_that_does_not_know_its_number_says_so():
    devices.join({})
    for count, own in (("", ""), ("2", "2"), ("two", "0")):
        given = {devices.ADDRESS: "host:1", devices.N_PROCESSES: count, devices.PROCESS_ID: own}
        with pytest.raises(InputError, match=f"DBNJAX_PROCESS_ID, .* got '{count}' and '{own}'"):
            devices.join(given)


def leave(code):
    raise SystemExit(code)


def test_a_device_without_memory_says_what_to_lower(monkeypatch, capsys):
    monkeypatch.setattr("os._exit", leave)
    with pytest.raises(devices.FAILURE) as caught:
        jnp.zeros((2**30, 2**20)).block_until_ready()
    with pytest.raises(SystemExit, match="1"):
        flags.fail(caught.value)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match("error: the device is out of memory .* lower the batch size, the chains", line)


def test_a_lost_process_is_told_from_other_failures(monkeypatch):
    lost, bug = ValueError("UNKNOWN: Gloo AllGather failed: closed"), ValueError("x is not 2")
    assert devices.explain(lost) is None
    with pytest.raises(ValueError, match="x is not 2"):
        flags.fail(bug)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert "process 0 lost another (UNKNOWN: Gloo" in str(devices.explain(lost))
    assert devices.explain(bug) is None
