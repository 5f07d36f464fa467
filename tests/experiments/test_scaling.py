"""Weak scaling at the size of a test: what is sent, what is told, and one line for a mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark.jobs import Sizes
from experiments.scaling import main as scaling
from experiments.scaling.config import Config
from experiments.scaling.main import Collective

ROOT = Path(__file__).parent.parent.parent
SIZES = Sizes(layers=(8, 6, 12), batch_size=10)
RULE, MESHES = "PCD-1, 784-8", ("data:1", "data:4", "ensemble:4")
MACHINE = 4 * (784 * 8 + 784 + 8)  # bytes


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of one rule on 1 and on 4 of the 8 simulated devices, and the file that it wrote."""
    output = tmp_path_factory.mktemp("scaling") / "scaling.json"
    config = Config(devices=(1, 4), time=True, output=str(output))
    every = scaling.rules
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "rules", lambda setting: {RULE: every(setting)[RULE]})
        return scaling.run(config, SIZES), output


def rows(result):
    cells = [dict(zip(result["columns"], row, strict=True)) for row in result["rows"]]
    return {row["mesh"]: row for row in cells}


def test_a_rule_has_a_row_on_every_mesh_and_the_file_holds_them(finished):
    result, output = finished
    assert [row[:2] for row in result["rows"]] == [[RULE, mesh] for mesh in MESHES]
    assert json.loads(output.read_text()) == result
    assert result["command"] == "python -m experiments.scaling --devices=1,4 --time"
    assert "10 cases an update on each" in result["note"]
    assert all(row["ms an update"] > 0 for row in rows(result).values())
    assert len(jax.devices()) == 8  # more had been asked for


def test_an_update_sends_its_statistics_once_and_nothing_else(finished):
    row = rows(finished[0])["data:4"]
    assert row["cases an update"] == 40
    assert row["sent in an update"] == "1 all-reduce"
    # Those of both phases, the running means of 8 units and 2 numbers to look at.
    assert row["bytes sent"] == 2 * MACHINE + 4 * (8 + 2)
    found = [row["bytes of the parameters"] for row in rows(finished[0]).values()]
    assert found == [MACHINE] * 3
    assert row["sent once an epoch"] == "1 all-reduce"  # whether all chains are finite


@pytest.mark.parametrize("mesh", ["data:1", "ensemble:4"])
def test_one_device_and_members_of_an_ensemble_send_nothing(finished, mesh):
    row = rows(finished[0])[mesh]
    assert row["cases an update"] == 10
    assert row["sent in an update"] == row["sent once an epoch"] == "nothing"
    assert row["bytes sent"] == 0


def test_machines_and_the_net_learn():
    pixels = np.zeros((20, 784), np.uint8)
    setting = benchmark_jobs.setting(SIZES, pixels, np.zeros(20, int))
    learned = scaling.rules(setting)
    assert list(learned) == ["CD-1, 784-8", RULE, "up-down, 784-8-6-12"]
    shapes = [jax.tree.map(jnp.shape, what.params) for what in learned.values()]
    machine, net = (jax.tree.map(jnp.shape, x) for x in (setting.stack.rbms[0], setting.stack))
    assert shapes[:2] == [machine] * 2
    assert shapes[2].memory == net.rbms[-1]


PROGRAM = """\
HloModule jit_epoch, entry_computation_layout={(f32[4,2]{1,0})->f32[4,2]{1,0}}

%body (p: (f32[4,2], s32[])) -> (f32[4,2], s32[]) {
  %p = (f32[4,2]{1,0}, s32[]) parameter(0)
  %r = (f32[4,2]{1,0}, f32[3]{0}, f32[]) all-reduce(%a, %b, %c), channel_id=1, to_apply=%add
  %g = bf16[8,2]{1,0} all-gather(%d), dimensions={0}
  ROOT %t = (f32[4,2], s32[]) tuple(%a, %i)
}

ENTRY %main (x: f32[4,2]) -> f32[4,2] {
  %w = (f32[4,2]{1,0}, s32[]) while(%x), condition=%condition, body=%body
  %f = pred[5]{0} all-reduce-start(%finite), to_apply=%and
}
"""


def test_collectives_are_found_with_their_bytes_in_loops_and_outside():
    found = scaling.find(PROGRAM)
    assert found.inside == [
        Collective("all-reduce", 4 * (8 + 3 + 1)),
        Collective("all-gather", 2 * 16),
    ]
    assert found.outside == [Collective("all-reduce", 5)]
    assert scaling.told([*found.inside, *found.outside]) == "2 all-reduce, 1 all-gather"
    assert scaling.told([]) == "nothing"


def test_devices_are_asked_for_before_jax_starts():
    program = "from experiments.scaling import main as scaling; import jax; scaling.simulate(3); "
    environment = {name: os.environ[name] for name in os.environ if name != "JAX_NUM_CPU_DEVICES"}
    found = subprocess.run(
        [sys.executable, "-c", program + "print(jax.devices())"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.count("CpuDevice") == 3


def test_more_devices_than_jax_simulates_are_refused():
    assert len(jax.devices()) == 8  # JAX has started
    with pytest.raises(
        InputError, match=r"--devices: expected at most 8, as many as JAX .* got 16"
    ):
        scaling.run(Config(devices=(2, 16)), SIZES)
