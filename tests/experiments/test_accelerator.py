"""The accelerator's sections from flags to file, their speeds, and one line for a mistake."""

import dataclasses
import json
import subprocess
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
import small_accelerator
from small_accelerator import row

from dbnjax.checks import InputError
from experiments.accelerator import config as accelerator_config
from experiments.accelerator import main as accelerator
from experiments.accelerator import report as accelerator_report
from experiments.accelerator import speed as accelerator_speed
from experiments.benchmark import parts as benchmark_parts

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def config(idx_folder, tmp_path):
    return small_accelerator.config(idx_folder, tmp_path)


def test_bandwidth_is_three_arrays_a_call(config, monkeypatch):
    b, c = jnp.arange(3.0), jnp.array([4.0, 8.0, 2.0])
    found = accelerator_speed.triad(jnp.zeros(3), b, c, jnp.float32(0.5))
    np.testing.assert_array_equal(found, [2.0, 5.0, 3.0])
    ticks = iter([0.0, 9.0, 10.0, 10.5])  # two rounds, the faster one half a second
    clock = types.SimpleNamespace(perf_counter=lambda: next(ticks))
    monkeypatch.setattr(accelerator_speed, "time", clock)
    measured = accelerator_speed.triad_bandwidth(dataclasses.replace(config, rounds=2))
    assert measured == 3 * 10**6 * accelerator_speed.CALLS / 0.5


def test_least_traffic_of_an_update():
    machine = machines.binary(0, 16, 6)
    parts = benchmark_parts.contrastive_divergence(10, 16, 6)
    # Weights: read for three products, written, and a velocity read and written.
    expected = 4 * (6 * 16 * 6 + 3 * (16 + 6))
    assert accelerator_speed.traffic(parts, machine) == expected
    net = machines.net(1, (5, 4, 3, 6), n_labels=2)
    parts = benchmark_parts.up_down(10, (5, 4, 3), 2, 6, n_steps=7)
    n_bytes = sum(4 * array.size for array in jax.tree.leaves(net))
    # Up twice and down twice through each directed layer, and through the memory 7 times and back.
    read = 4 * (5 * 4 + 4 * 3) + (2 * 7 + 1) * (3 + 2) * 6
    assert accelerator_speed.traffic(parts, net) == 4 * read + 3 * n_bytes


def test_members_are_compared_with_one_after_another(config, monkeypatch):
    made = accelerator_config.setting(config)
    parts = benchmark_parts.contrastive_divergence(10, 784, 8)
    alone, one, three = accelerator_speed.jobs(made, parts, (1, 3))
    assert [job.n_units for job in (alone, one, three)] == [3, 3, 9]  # an epoch each
    monkeypatch.setattr(accelerator_speed, "time_units", lambda jobs, n: [3.0, 4.0, 0.2])
    monkeypatch.setattr(accelerator_speed, "triad_bandwidth", lambda _: 1e9)
    found = accelerator_speed.ensembles(config)
    n_bytes = 4 * (6 * 784 * 8 + 3 * (784 + 8))
    np.testing.assert_allclose(row(found, "one after another")[:3], [3.0, 10_000 / 3, 1], rtol=1e-3)
    ms, rate, times, share = row(found, "3 together")
    np.testing.assert_allclose([ms, rate, times], [0.2, 50_000, 15])
    np.testing.assert_allclose(share, 100 * n_bytes / 0.2e-3 / 1e9, rtol=1e-3)
    assert [bar["met"] for bar in found.bars] == [True, True]
    monkeypatch.setattr(accelerator_speed, "triad_bandwidth", lambda _: 1e12)
    assert [bar["met"] for bar in accelerator_speed.ensembles(config).bars] == [True, False]


def test_a_later_call_adds_to_the_file_and_all_of_it_is_shown(tmp_path):
    output = tmp_path / "new" / "found.json"
    sections = ["--sections=bandwidth", "--triad_mb=1", "--rounds=1"]
    command = [sys.executable, "-m", "experiments.accelerator", *sections, f"--output={output}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    first = json.loads(output.read_text())
    told = "python -m experiments.accelerator --rounds=1 --triad_mb=1 --sections=bandwidth"
    assert first["bandwidth"]["command"] == told
    assert f"bandwidth: {accelerator_report.devices(first['bandwidth'])}; 20" in done.stdout
    later = accelerator.Config(preset="best", sections=("ensembles",), output=str(output))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(accelerator.SECTIONS, "ensembles", judged)
        record = accelerator.run(later)
    assert json.loads(output.read_text()) == record
    assert list(record) == ["bandwidth", "ensembles"]
    assert record["bandwidth"] == first["bandwidth"]
    assert "--preset=best" in record["ensembles"]["command"]


def judged(config):
    bars = [
        accelerator_config.at_most("cold", 90, "seconds", 90.0),
        accelerator_config.at_least("together", 12, "times", 11.9),
    ]
    return accelerator_config.Found(["a", "b"], [["x", 1.5]], "What it is.", bars)


def exhausted(config):
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\nmore")


def test_bars_are_judged_and_a_section_without_memory_says_what_to_lower(
    config, monkeypatch, capsys
):
    monkeypatch.setitem(accelerator.SECTIONS, "protocol", judged)
    monkeypatch.setitem(accelerator.SECTIONS, "ensembles", exhausted)
    both = dataclasses.replace(config, sections=("ensembles", "protocol"))
    with pytest.raises(InputError, match=r"^section ensembles: the device is out .* --triad_mb"):
        accelerator.run(both)
    accelerator.run(dataclasses.replace(config, sections=("protocol",)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == lines[1] == f"protocol: written to {config.output}"
    assert lines[2].startswith("protocol: 8 x cpu; 20")
    assert lines[-2:] == [
        "met      cold: at most 90 seconds: 90 (protocol, 8 x cpu)",
        "not met  together: at least 12 times: 11.9 (protocol, 8 x cpu)",
    ]
    assert list(json.loads(Path(config.output).read_text())) == ["protocol"]


def test_another_failure_of_the_device_is_not_explained_away(config, monkeypatch):
    def broken(config):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setitem(accelerator.SECTIONS, "kernels", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        accelerator.run(dataclasses.replace(config, sections=("kernels",)))


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ({"sections": ("kernels", "x")}, "--sections: expected some of protocol, .*draws, got x"),
        ({"sections": ()}, "--sections: .*, got none"),
        ({"steps": 1}, "--steps: expected 2 or more, a whole number, got 1"),
        ({"members": ()}, "--members: expected one number or more, got none"),
        ({"members": (8, 0)}, "--members: expected 1 or more, a whole number, got 0"),
        ({"labels": False}, "--labels: expected labels, whose errors are compared, got none"),
        ({"up_down_epochs": (0, 0)}, "--up_down_epochs: expected one epoch or more in all, got"),
        ({"platform": "tpu", "sections": ("bandwidth",)}, "--platform=tpu: expected such a device"),
    ],
)
def test_a_mistake_is_one_line(config, option, line):
    with pytest.raises(InputError, match=line):
        accelerator.run(dataclasses.replace(config, **option))
