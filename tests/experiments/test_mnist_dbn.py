"""The main job on a few small images: what it writes, how it resumes, what it refuses."""

import dataclasses
import gzip
import json
import shutil
import sys
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
from dbnjax.training import checkpoint, metrics
from dbnjax.training.stages import DivergenceError
from dbnjax.weights import io
from experiments import mnist_dbn
from experiments.common import cases
from experiments.mnist_dbn import report, train

ALL_EPOCHS = [(stage, i + 1) for stage, n in EPOCHS.items() for i in range(n)]


def test_a_run_writes_everything_and_then_says_that_it_is_finished(idx_folder, tmp_path, capsys):
    chosen = config(idx_folder, tmp_path / "run", baselines=True, tensorboard=True)
    result = mnist_dbn.run(chosen)
    printed = capsys.readouterr().out
    assert result["cases"] == {"train": 20, "validation": 10, "test": 20}
    for stage in ("greedy", "up-down"):
        assert set(result["errors"][stage]) == {
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
    *numbers, summary = metrics.read(tmp_path / "run/metrics.jsonl")
    assert all(np.isfinite(r["reconstruction_error"]) for r in numbers)
    assert all(np.isfinite(r["free_energy_gap"]) for r in numbers)
    assert {name: result[name] for name in summary} == summary
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
    assert metadata["summary"] == result
    assert "--tensorboard" not in result["command"]
    assert any((tmp_path / "run/events").iterdir())
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    assert mnist_dbn.run(chosen) == result
    assert "finished" in capsys.readouterr().out
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The options and the result of a run through every stage."""
    place = tmp_path_factory.mktemp("whole")
    (place / "idx").mkdir()
    write_set(place / "idx")
    chosen = config(place / "idx", place / "run", all_epochs=1, tail_epochs=2)
    return chosen, mnist_dbn.run(chosen)


def assert_same_bits(first: mnist_dbn.Config, second: mnist_dbn.Config) -> None:
    nets = [io.load(Path(c.workdir) / "net.safetensors")[0] for c in (first, second)]
    for a, b in zip(*map(jax.tree.leaves, nets), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_labels_of_test_cases_decide_nothing(whole, tmp_path):
    chosen, result = whole
    folder = shutil.copytree(chosen.data_dir, tmp_path / "idx")
    path = folder / "t10k-labels-idx1-ubyte.gz"
    labels = np.frombuffer(gzip.decompress(path.read_bytes())[8:], np.uint8)
    write_idx(path, (labels + 1) % 10)
    blind = dataclasses.replace(chosen, data_dir=str(folder), workdir=str(tmp_path / "run"))
    other = mnist_dbn.run(blind)
    assert_same_bits(chosen, blind)
    for part in ("chosen", "target"):
        assert other[part] == result[part]
    for stage, wrong in other["wrong"].items():
        assert wrong != result["wrong"][stage]
        for read_out, counts in other["errors"][stage].items():
            before = result["errors"][stage][read_out]
            assert counts | {"test": None} == before | {"test": None}


def test_a_run_that_is_stopped_in_every_stage_ends_with_the_same_bits(whole, tmp_path, monkeypatch):
    chosen, _ = whole
    cut, real, saved = (
        dataclasses.replace(chosen, workdir=str(tmp_path / "cut")),
        checkpoint.save,
        [],
    )

    def save(folder, *rest):
        real(folder, *rest)
        saved.append(folder.name)
        if (folder.name, rest[0]) in (("rbm_3", 1), ("up_down_1", 1), ("tail", 1)):
            raise KeyboardInterrupt  # with live chains, with a best net, with neither

    monkeypatch.setattr(checkpoint, "save", save)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            mnist_dbn.run(cut)
    assert not (tmp_path / "cut/net.safetensors").exists()
    mnist_dbn.run(cut)
    assert epochs_of(tmp_path / "cut") == epochs_of(Path(chosen.workdir))
    assert len(saved) == len(epochs_of(tmp_path / "cut"))  # none was learned twice
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
    result = mnist_dbn.run(chosen)
    assert result["errors"] == {}
    assert "without labels" in capsys.readouterr().out
    assert io.load(tmp_path / "run/net.safetensors")[0].memory.weights.shape == (12, 16)
    with pytest.raises(InputError, match="errors: expected the key 'greedy'"):
        report.check(tmp_path / "run/result.json", result)  # it has no part in RESULTS.md


def test_greedy_learning_alone_and_a_single_rbm(idx_folder, tmp_path):
    chosen = config(idx_folder, tmp_path / "run", layers=(16,), up_down_epochs=(), up_down_steps=())
    assert set(mnist_dbn.run(chosen)["errors"]) == {"greedy"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "nist"}, "nist"),
        ({"batch_size": 30}, "batch size: expected 1 to 20"),
        ({"n_train": 4000}, "4000|400"),
        ({"up_down_epochs": (1,)}, "--up_down_epochs: expected one number for each phase"),
        ({"tail_epochs": 1}, "--tail_epochs: expected --all_epochs before it"),
        ({"side": 40}, "size: expected 1 to 28"),
        (
            {"all_epochs": 1, "up_down_epochs": (), "up_down_steps": ()},
            "--all_epochs: expected labels and up-down before it",
        ),
    ],
)
def test_options_that_cannot_be_meant_leave_nothing_behind(idx_folder, tmp_path, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        mnist_dbn.run(config(idx_folder, tmp_path / "run", **changes))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


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


def test_sizes_are_the_papers_shares_of_an_official_set_and_tenths_of_another():
    def source(n: int, official: bool) -> Source:
        images = Images(np.zeros((n, 2, 2), np.uint8), np.arange(n, dtype=np.int32) % 10)
        return Source("set", images, images if official else None, classes.numbered(10))

    assert cases.sizes(source(60000, True)) == (44000, 10000, None)
    assert cases.sizes(source(5000, False)) == (4000, 500, 500)
    assert cases.sizes(source(5000, False), 100, 50, 20) == (100, 50, 20)


def test_the_memory_has_a_plan_of_its_own():
    plan = train.stack_plan(mnist_dbn.Config(layers=(5, 4, 3), memory_rule="pcd", memory_epochs=7))
    assert [layer.rule for layer in plan.layers] == ["cd", "cd", "pcd"]
    assert [layer.n_hidden for layer in plan.layers] == [5, 4, 3]
    assert [layer.n_epochs for layer in plan.layers] == [40, 40, 7]


def test_a_missing_tensorboard_is_named_before_anything_is_written(
    idx_folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r"dbnjax\[tensorboard\]"):
        mnist_dbn.run(config(idx_folder, tmp_path / "run", tensorboard=True))
    assert not (tmp_path / "run").exists()


def test_a_run_of_before_that_finished_is_shown(whole, tmp_path, capsys):
    """Older records tell less."""
    chosen, result = whole
    old = dataclasses.replace(
        chosen, workdir=str(shutil.copytree(chosen.workdir, tmp_path / "old"))
    )
    short = {name: x for name, x in result.items() if name not in ("date", "stage")}
    (tmp_path / "old/result.json").write_text(json.dumps(short))
    assert mnist_dbn.run(old) == short
    assert "this run is finished" in capsys.readouterr().out
