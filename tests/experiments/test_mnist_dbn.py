"""The main job on a few small images: what it writes, how it resumes, what it refuses."""

import dataclasses
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from idx_files import write_idx, write_set
from saved_stages import chosen_net, greedy_net
from small_job import EPOCHS, config, epochs_of
from written_files import check_figures_last

from dbnjax.checks import InputError
from dbnjax.data import classes
from dbnjax.data.images import Images, Source
from dbnjax.training import fitting, greedy, loop, metrics
from dbnjax.training.stages import DivergenceError
from dbnjax.weights import io
from experiments import mnist_dbn
from experiments.common import cases
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import plans as dbn_plan
from experiments.mnist_dbn import stages as dbn_stages

ROOT = Path(__file__).parent.parent.parent


def command(chosen: dbn_config.Config) -> list[str]:
    flags = [sys.executable, "-m", "experiments.mnist_dbn"]
    for name, value in dataclasses.asdict(chosen).items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else value
        flags.append(f"--{name}={text}" if not isinstance(value, bool) else f"--{name}={value}")
    return flags


ALL_EPOCHS = [(stage, i + 1) for stage, n in EPOCHS.items() for i in range(n)]


def test_a_run_writes_everything_and_then_says_that_it_is_finished(idx_folder, tmp_path, capsys):
    chosen = config(idx_folder, tmp_path / "run", baselines=True, tensorboard=True)
    summary = mnist_dbn.run(chosen)
    printed = capsys.readouterr().out
    assert summary["cases"] == {"train": 20, "validation": 10, "test": 20}
    for stage in ("greedy", "up-down"):
        assert set(summary["errors"][stage]) == {
            "gibbs",
            "stochastic",
            "deterministic",
            "averaged probabilities",
            "averaged log probabilities",
        }
        assert f"{stage}, deterministic" in printed
    assert "nearest neighbour" in printed
    assert "logistic regression" in printed
    assert epochs_of(tmp_path / "run") == ALL_EPOCHS
    numbers = [r for r in metrics.read(tmp_path / "run/metrics.jsonl") if "epoch" in r]
    assert all(np.isfinite(r["reconstruction_error"]) for r in numbers)
    assert all(np.isfinite(r["free_energy_gap"]) for r in numbers)
    figures = {path.name for path in (tmp_path / "run/figures").iterdir()}
    assert figures == {
        "receptive_fields.png",
        "reconstruction_error.png",
        "free_energy_gap.png",
        "error.png",
        "samples.png",
        "errors.png",
    }
    check_figures_last(tmp_path / "run")
    net, metadata = io.load(tmp_path / "run/net.safetensors")
    assert net.memory.weights.shape == (20, 16)
    assert metadata["summary"]["errors"] == summary["errors"]
    assert any((tmp_path / "run/events").iterdir())
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    assert mnist_dbn.run(chosen) == json.loads(before.splitlines()[-1])
    assert "finished" in capsys.readouterr().out
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before
    with pytest.raises(InputError, match=r"--seed=0 there, 1 here"):
        mnist_dbn.run(dataclasses.replace(chosen, seed=1))


def kill_at(chosen: dbn_config.Config, moment: tuple[str, int]) -> None:
    """Runs the experiment as a program and kills it as soon as it has recorded an epoch."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(
        command(chosen), cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 240
        while moment not in epochs_of(Path(chosen.workdir)):
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The options and the summary of a run through every stage."""
    place = tmp_path_factory.mktemp("whole")
    (place / "idx").mkdir()
    write_set(place / "idx")
    chosen = config(place / "idx", place / "run", all_epochs=1, tail_epochs=2)
    return chosen, mnist_dbn.run(chosen)


def assert_same_bits(first: dbn_config.Config, second: dbn_config.Config) -> None:
    nets = [io.load(Path(c.workdir) / "net.safetensors")[0] for c in (first, second)]
    for a, b in zip(*map(jax.tree.leaves, nets), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_labels_of_test_cases_decide_nothing(whole, tmp_path):
    chosen, summary = whole
    folder = shutil.copytree(chosen.data_dir, tmp_path / "idx")
    path = folder / "t10k-labels-idx1-ubyte.gz"
    labels = np.frombuffer(gzip.decompress(path.read_bytes())[8:], np.uint8)
    write_idx(path, (labels + 1) % 10)
    blind = dataclasses.replace(chosen, data_dir=str(folder), workdir=str(tmp_path / "run"))
    other = mnist_dbn.run(blind)
    assert_same_bits(chosen, blind)
    for part in ("chosen", "target"):
        assert other[part] == summary[part]
    for stage, wrong in other["wrong"].items():
        assert wrong != summary["wrong"][stage]
        for read_out, counts in other["errors"][stage].items():
            before = summary["errors"][stage][read_out]
            assert counts | {"test": None} == before | {"test": None}


def test_a_killed_run_ends_with_the_same_bits(whole, tmp_path):
    chosen, _ = whole
    cut = dataclasses.replace(chosen, workdir=str(tmp_path / "cut"))
    kill_at(cut, ("rbm_3", 1))  # live chains
    kill_at(cut, ("up_down_1", 1))
    kill_at(cut, ("tail", 1))
    assert not (tmp_path / "cut/net.safetensors").exists()
    mnist_dbn.run(cut)
    assert epochs_of(tmp_path / "cut") == epochs_of(Path(chosen.workdir))
    assert epochs_of(tmp_path / "cut")[-2:] == [("tail", 1), ("tail", 2)]
    assert_same_bits(chosen, cut)


def test_the_net_of_every_stage_is_saved_under_its_name(whole):
    chosen, _ = whole
    nets = {
        path.stem: io.load(path)
        for path in Path(chosen.workdir).iterdir()
        if path.suffix == ".safetensors"
    }
    assert {name: metadata["stage"] for name, (_, metadata) in nets.items()} == {
        "greedy": "greedy",
        "up-down": "up-down",
        "all_cases": "all cases",
        "net": "tail",
    }
    expected = {"greedy": greedy_net(chosen), "up-down": chosen_net(chosen)}
    for name, net in expected.items():
        for a, b in zip(*map(jax.tree.leaves, (nets[name][0], net)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_net_without_labels_has_no_read_out(idx_folder, tmp_path, capsys):
    chosen = config(
        idx_folder, tmp_path / "run", labels=False, layers=(12, 16), up_down_epochs=(1,),
        up_down_steps=(2,),
    )  # fmt: skip
    summary = mnist_dbn.run(chosen)
    assert summary["errors"] == {}
    assert "without labels" in capsys.readouterr().out
    assert io.load(tmp_path / "run/net.safetensors")[0].memory.weights.shape == (12, 16)


def test_greedy_learning_alone_and_a_single_machine(idx_folder, tmp_path):
    chosen = config(idx_folder, tmp_path / "run", layers=(16,), up_down_epochs=(), up_down_steps=())
    assert set(mnist_dbn.run(chosen)["errors"]) == {"greedy"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "nist"}, "nist"),
        ({"batch_size": 30}, "batch size: expected 1 to 20"),
        ({"n_train": 4000}, "4000|400"),
        ({"layers": (12, 0)}, "--layers: expected 1 or more, got 0"),
        ({"layers": ()}, "--layers: expected at least one value"),
        ({"seed": 10**20}, "--seed: expected 0 or more and less than 4294967296"),
        ({"n_gibbs": 0}, "--n_gibbs: expected 1 or more, got 0"),
        ({"greedy_rate": float("nan")}, "--greedy_rate: expected 0 or more, got nan"),
        ({"memory_momentum": 1.0}, "--memory_momentum: expected 0 or more and less than 1"),
        ({"up_down_steps": (2, 0)}, "--up_down_steps: expected 1 or more, got 0"),
        ({"up_down_epochs": (1,)}, "--up_down_epochs: expected one number for each phase"),
    ],
)
def test_options_that_cannot_be_meant_leave_nothing_behind(idx_folder, tmp_path, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        mnist_dbn.run(config(idx_folder, tmp_path / "run", **changes))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_work_directory_that_cannot_be_used(idx_folder, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="expected a place to write"):
        mnist_dbn.run(config(idx_folder, tmp_path / "file" / "run"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="choose another --workdir"):
        mnist_dbn.run(config(idx_folder, tmp_path / "full"))
    (tmp_path / "edited").mkdir()
    (tmp_path / "edited/config.json").write_text("null")
    with pytest.raises(InputError, match="edited by hand"):
        mnist_dbn.run(config(idx_folder, tmp_path / "edited"))
    assert (tmp_path / "full/thesis.tex").read_text() == "mine"


def test_divergence_stops_the_run_and_names_the_epoch(idx_folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.config.json.tmp").write_text("{")  # a kill at the very first moment
    with pytest.raises(DivergenceError, match="after epoch 1 of rbm_1"):
        mnist_dbn.run(config(idx_folder, tmp_path / "run", greedy_rate=1e38))
    assert not (tmp_path / "run/net.safetensors").exists()


def test_divergence_of_up_down_names_the_memorys_checkpoint(idx_folder, tmp_path):
    chosen = config(idx_folder, tmp_path / "run", layers=(16,), up_down_rate=1e38)
    with pytest.raises(DivergenceError, match=r"epoch 1 of up_down_1.*checkpoints/rbm_1/2"):
        mnist_dbn.run(chosen)


def test_an_unknown_flag_is_one_line_and_no_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "experiments.mnist_dbn", "--layer=5", f"--workdir={tmp_path}/run"],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "layer" in line
    assert not (tmp_path / "run").exists()


def test_sizes_are_the_papers_shares_of_an_official_set_and_tenths_of_another():
    def source(n: int, official: bool) -> Source:
        images = Images(np.zeros((n, 2, 2), np.uint8), np.arange(n, dtype=np.int32) % 10)
        return Source("set", images, images if official else None, classes.numbered(10))

    assert cases.sizes(source(60000, True)) == (44000, 10000, None)
    assert cases.sizes(source(5000, False)) == (4000, 500, 500)
    assert cases.sizes(source(5000, False), 100, 50, 20) == (100, 50, 20)


def test_rates_fall_to_zero_or_stay():
    falling = fitting.schedule("linear", 0.1, 10)
    assert [falling(i) for i in (0, 5, 10)] == pytest.approx([0.1, 0.05, 0.0])
    assert fitting.schedule("constant", 0.1, 10)(9) == pytest.approx(0.1)


def test_the_memory_has_a_plan_of_its_own():
    chosen = dbn_config.Config(layers=(5, 4, 3), memory_rule="pcd", memory_epochs=7)
    assert [dbn_plan.plan(chosen, level).rule for level in range(3)] == ["cd", "cd", "pcd"]
    assert dbn_plan.plan(chosen, 2).n_epochs == 7
    assert dbn_plan.plan(chosen, 1).n_epochs == chosen.greedy_epochs


def test_a_missing_tensorboard_is_named_before_anything_is_written(
    idx_folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r"dbnjax\[tensorboard\]"):
        mnist_dbn.run(config(idx_folder, tmp_path / "run", tensorboard=True))
    assert not (tmp_path / "run").exists()


def test_pixels_biases_start_at_the_datas_and_labels_even():
    pixels = np.array([[0, 255], [255, 255], [0, 0], [0, 255]], np.uint8)
    data = loop.put(pixels, np.array([0, 1, 0, 1]), 2, 2, balanced=False)
    machine = greedy.layer(jax.random.key(0), 2, 3, 2)
    visible = dbn_stages.with_data_biases(machine, data, 2).visible
    np.testing.assert_allclose(jax.nn.sigmoid(visible.parts[0].bias), [0.25, 0.75], atol=1e-6)
    np.testing.assert_allclose(jax.nn.softmax(visible.parts[1].bias), [0.5, 0.5], atol=1e-6)


def test_an_energy_that_overflows_is_divergence():
    assert fitting.finite({"free_energy_gap": 1.0})
    assert not fitting.finite({"free_energy_gap": float("inf"), "error": 0.0})
