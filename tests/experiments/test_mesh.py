"""`mnist_dbn` and the sweep on meshes of simulated devices, and what they refuse."""

import dataclasses
import re
import shlex
from pathlib import Path

import jax
import pytest
import small_job
from command_lines import read

from dbnjax.checks import InputError
from dbnjax.training import metrics, sharding
from experiments import mnist_dbn, sweep
from experiments.common import devices
from experiments.sweep import main

ROOT = Path(__file__).parent.parent.parent


def sweep_config(folder: Path, workdir: Path, **changes) -> sweep.Config:
    short = {"layers": (8,), "memory_epochs": 1, "up_down_epochs": (1,), "up_down_steps": (1,)}
    short |= {"pixels": "mean", "memory_rule": "cd"}
    small = dataclasses.asdict(small_job.config(folder, workdir, **short))
    grid = "memory_rate=0.1,0.2;up_down_rate=0.1,0.05"
    return dataclasses.replace(sweep.Config(**small), grid=grid, **changes)


def recorded(workdir: Path) -> dict[tuple[str, str], float]:
    """The numbers of every epoch of a sweep, its time apart."""
    return {
        (record["stage"], name): number
        for path in workdir.rglob("metrics.jsonl")
        for record in metrics.read(path)
        for name, number in record.items()
        if name not in ("stage", "epoch", "seconds")
    }


def test_members_of_a_sweep_are_split_over_a_mesh_and_learn_the_same(
    idx_folder, tmp_path, monkeypatch, capsys
):
    placed, real = [], sharding.place_members

    def note(tree):
        """Members in all and on each device; what is placed is donated later."""
        tree = real(tree)
        leaves = jax.tree.leaves(tree)
        placed.append({(len(x), x.sharding.shard_shape(x.shape)[0]) for x in leaves})
        return tree

    monkeypatch.setattr(sharding, "place_members", note)
    split = sweep.run(sweep_config(idx_folder, tmp_path / "split", mesh="data:2,ensemble:2"))
    assert placed == [{(2, 1)}, {(4, 2)}]  # two stacks, four fine-tuned nets
    assert not {"mesh", "platform"} & split["proxy"].keys()
    whole = sweep.run(sweep_config(idx_folder, tmp_path / "whole", together="yes"))
    # In four updates, each the same up to rounding, no draw is likely to fall otherwise.
    times = {"seconds": None}
    assert [row | times for row in split["rows"]] == [row | times for row in whole["rows"]]
    assert len(recorded(tmp_path / "whole")) >= 3
    assert recorded(tmp_path / "split") == pytest.approx(recorded(tmp_path / "whole"), rel=1e-4)

    outcome = next((tmp_path / "split").rglob("outcome.json"))
    kept = outcome.read_bytes()
    outcome.unlink()
    monkeypatch.setattr(main, "together", lambda *_: outcome.write_bytes(kept))
    resumed = sweep.run(sweep_config(idx_folder, tmp_path / "split", mesh="data:2,ensemble:2"))
    assert resumed["rows"] == split["rows"]
    assert "1 left, which --mesh cannot split evenly" in capsys.readouterr().out


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
    assert not main.at_once(chosen)
    with devices.taken("", "ensemble:2", ("ensemble",)):
        assert main.at_once(chosen)


@pytest.mark.parametrize("page", ["docs/devices.md", "experiments/launch.py"])
def test_the_meshes_of_documented_commands_fit(page):
    text = (ROOT / page).read_text().replace("\\\n", " ").replace("\\", "")
    commands = re.findall(r"experiments\.mnist_dbn\s+(--.*mesh=.*)", text)
    assert commands
    for words in commands:
        chosen = read(shlex.split(words), mnist_dbn.Config)
        with sharding.using(chosen.mesh):
            chosen.check_options()
