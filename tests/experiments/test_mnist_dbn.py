"""`mnist_dbn` on a few small images: what it writes, how it resumes, what it refuses."""

import dataclasses
import gzip
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from idx_files import write_idx
from result_records import READ_OUTS
from saved_stages import chosen_net, greedy_net
from small_job import EPOCHS, config, epochs_of
from written_files import check_figures_last

from dbnjax.checks import InputError
from dbnjax.data import classes
from dbnjax.data.images import Images, Source
from dbnjax.training import checkpoint, fine_tuning, metrics
from dbnjax.training.stages import DivergenceError
from dbnjax.weights import io
from experiments import classify, mnist_dbn
from experiments.common import cases, devices
from experiments.common.groups import GENERATORS
from experiments.mnist_dbn import figures, report, train

STAGES = ("greedy", "up-down", "all cases", "tail")


@pytest.fixture(scope="module")
def whole(digit_files, tmp_path_factory):
    """The options and the result of a run through every stage."""
    last = {"all_epochs": 1, "tail_epochs": 1, "baselines": True, "tensorboard": True}
    chosen = config(digit_files, tmp_path_factory.mktemp("whole"), **last)
    with pytest.MonkeyPatch.context() as patch:
        never_met(patch)
        return chosen, mnist_dbn.run(chosen)


def never_met(patch):
    """The target of the stage on all cases is out of reach."""
    patch.setattr(fine_tuning, "most_errors", lambda *_: -1)


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(figures, "makers", lambda *_: {})


def assert_same_bits(first, second):
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_writes_everything(whole):
    chosen, result = whole
    folder = Path(chosen.workdir)
    assert report.stages(result) == list(STAGES)
    assert result["cases"] == {"train": 20, "validation": 10, "test": 20, "all": 40}
    for stage, read_outs in result["errors"].items():
        assert set(read_outs) == {*READ_OUTS}
        splits = {"train", "validation"} if stage in STAGES[:2] else {"all"}
        assert all(set(counts) == splits | {"test"} for counts in read_outs.values())
        assert len(result["wrong"][stage]) == read_outs["deterministic"]["test"]
    assert len(result["baselines"]) == 2
    counts = EPOCHS | {"all_cases": 1, "tail": 1}
    assert epochs_of(folder) == [(stage, i + 1) for stage, n in counts.items() for i in range(n)]
    *numbers, summary = metrics.read(folder / "metrics.jsonl")
    assert all(np.isfinite(r["reconstruction_error"]) for r in numbers)
    held_out = [r["free_energy_gap"] for r in numbers if r["stage"] in EPOCHS]
    assert np.isfinite(held_out).all()
    assert {name: result[name] for name in summary} == summary
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "receptive_fields.png",
        "reconstruction_error.png",
        "free_energy_gap.png",
        "error.png",
        "samples.png",
        "errors.png",
    }
    check_figures_last(folder)
    assert "--tensorboard" in result["command"]  # how it was done, and so in no record
    assert "tensorboard" not in result["config"]
    # As in records from before there was a choice.
    assert not {"draws", "precision"} & result["config"].keys()
    assert any((folder / "events").iterdir())


def test_the_stage_on_all_cases_ends_at_its_last_epoch_without_its_target(whole):
    _, result = whole
    chosen, errors = result["chosen"], result["errors"]
    assert chosen["training_errors"] == errors["up-down"]["deterministic"]["train"]
    of_all = errors["all cases"]["deterministic"]["all"]
    assert result["target"] == {"most": -1, "errors": of_all}
    (record,) = [record for record in result["epochs"] if record["stage"] == "all_cases"]
    assert record["training_error"] == pytest.approx(100 * of_all / 40)


def test_the_net_of_every_stage_is_saved_under_its_name(whole):
    chosen, result = whole
    names = ("greedy", "up-down", "all_cases", "net")
    nets = {name: io.load(Path(chosen.workdir) / f"{name}.safetensors") for name in names}
    assert [metadata["stage"] for _, metadata in nets.values()] == list(STAGES)
    assert all(metadata["summary"] == result for _, metadata in nets.values())
    assert nets["net"][0].memory.weights.shape == (16, 8)
    assert_same_bits(nets["greedy"][0], greedy_net(chosen))
    assert_same_bits(nets["up-down"][0], chosen_net(chosen))


def test_the_labels_of_test_cases_decide_nothing(whole, tmp_path, monkeypatch, no_figures):
    never_met(monkeypatch)
    chosen, result = whole
    folder = shutil.copytree(chosen.data_dir, tmp_path / "idx")
    path = folder / "t10k-labels-idx1-ubyte.gz"
    labels = np.frombuffer(gzip.decompress(path.read_bytes())[8:], np.uint8)
    write_idx(path, (labels + 1) % 10)
    changes = {"data_dir": str(folder), "baselines": False, "tensorboard": False}
    blind = dataclasses.replace(chosen, workdir=str(tmp_path / "run"), **changes)
    other = mnist_dbn.run(blind)
    first, second = (io.load(f"{c.workdir}/net.safetensors")[0] for c in (chosen, blind))
    assert_same_bits(first, second)
    for part in ("chosen", "target"):
        assert other[part] == result[part]
    for stage, wrong in other["wrong"].items():
        assert wrong != result["wrong"][stage]
        for read_out, counts in other["errors"][stage].items():
            before = result["errors"][stage][read_out]
            assert counts | {"test": None} == before | {"test": None}


def test_a_run_that_is_stopped_with_live_chains_goes_on_with_the_same_bits(
    whole, tmp_path, monkeypatch
):
    """The contract stops a run later, within up-down."""
    chosen, _ = whole
    cut, real, saved = (
        dataclasses.replace(chosen, workdir=str(tmp_path / "cut")),
        checkpoint.save,
        [],
    )

    def save(folder, *rest):
        real(folder, *rest)
        saved.append((folder.name, rest[0]))
        if saved[-1] in (("rbm_2", 1), ("up_down_1", 1)):
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            mnist_dbn.run(cut)
    assert saved == epochs_of(tmp_path / "cut")  # none was learned twice
    assert saved[-1] == ("up_down_1", 1)
    assert_same_bits(greedy_net(chosen), greedy_net(cut))


def test_a_net_without_labels_has_no_read_out(idx_folder, tmp_path, capsys, no_figures):
    greedy = {"layers": (8,), "up_down_epochs": (), "up_down_steps": ()}
    chosen = config(idx_folder, tmp_path / "run", labels=False, **greedy)
    result = mnist_dbn.run(chosen)
    assert result["errors"] == {}
    assert "without labels" in capsys.readouterr().out
    assert io.load(tmp_path / "run/net.safetensors")[0].memory.weights.shape == (784, 8)
    with pytest.raises(InputError, match="errors: expected the key 'greedy'"):
        report.check(tmp_path / "run/result.json", result)  # it has no part in RESULTS.md


def test_a_preset_learns_a_single_rbm_of_reduced_images(idx_folder, tmp_path, no_figures):
    sizes = {"n_train": 20, "n_validation": 10, "layers": (8,), "batch_size": 10}
    epochs = {"memory_epochs": 1, "up_down_epochs": (), "up_down_steps": (), "all_epochs": 0}
    read_outs = {"n_gibbs": 1, "n_passes": 1, "baselines": False}
    places = {"data_dir": str(idx_folder), "workdir": str(tmp_path / "run")}
    chosen = mnist_dbn.Config.with_preset("16x16", **sizes, **epochs, **read_outs, **places)
    result = mnist_dbn.run(chosen)
    assert set(result["errors"]) == {"greedy"}
    assert "--preset=16x16" in result["command"]
    path = str(tmp_path / "run/net.safetensors")
    net, metadata = io.load(path)
    assert net.memory.weights.shape == (256 + 10, 8)
    assert metadata["image_shape"] == [16, 16]
    found = classify.run(classify.Config(net=path, data_dir=str(idx_folder)))
    assert found.errors == len(result["wrong"]["greedy"])  # of images reduced in the same way


def test_presets_keep_the_papers_protocol():
    paper = mnist_dbn.Config.with_preset("paper")
    assert paper.layers == (500, 500, 2000)
    assert paper.up_down_steps == (3, 6, 10)
    assert paper.up_down_epochs == (100, 100, 100)
    assert paper.batch_size == 100
    assert (paper.greedy_features, paper.memory_features) == ("mean", "mean")
    assert (paper.greedy_epochs, paper.memory_epochs, paper.all_epochs) == (30, 30, 59)
    assert (paper.pixels, paper.memory_rule, paper.k) == ("mean", "cd", 1)
    small = mnist_dbn.Config.with_preset("16x16")
    assert small.layers == (300, 300, 1200)  # three fifths (footnote 6)


@pytest.mark.parametrize("draws", GENERATORS)
def test_a_run_draws_by_the_generator_of_its_flag(idx_folder, tmp_path, monkeypatch, draws):
    class LearningError(Exception):
        pass

    def learn(job):
        raise LearningError(job.task.key)

    monkeypatch.setattr(train, "learn", learn)
    with pytest.raises(LearningError) as caught:
        mnist_dbn.run(config(idx_folder, tmp_path / "run", draws=draws))
    assert caught.value.args[0] == devices.key(0, draws)


def test_a_missing_tensorboard_is_named_before_anything_is_written(
    idx_folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r"dbnjax\[tensorboard\]"):
        mnist_dbn.run(config(idx_folder, tmp_path / "run", tensorboard=True))
    assert not (tmp_path / "run").exists()


def test_divergence_stops_the_run_and_names_the_epoch(idx_folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.config.json.tmp").write_text("{")  # a kill at the very first moment
    with pytest.raises(DivergenceError, match="after epoch 1 of rbm_1"):
        mnist_dbn.run(config(idx_folder, tmp_path / "run", greedy_rate=1e38))
    assert not (tmp_path / "run/net.safetensors").exists()


def test_divergence_of_up_down_names_the_memorys_checkpoint(idx_folder, tmp_path):
    chosen = config(idx_folder, tmp_path / "run", layers=(8,), up_down_rate=1e38)
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
