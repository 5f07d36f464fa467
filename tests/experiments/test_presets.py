"""The paper's protocol past up-down: presets, all cases, the long tail, reduced images."""

import dataclasses
import json

import jax
import pytest
from small_job import EPOCHS, config, epochs_of

from dbnjax.training import fine_tuning, metrics
from dbnjax.weights import io
from experiments import classify, mnist_dbn
from experiments.common import options, provenance
from experiments.mnist_dbn import report, train


def with_all(folder, workdir, **changes):
    return config(folder, workdir, all_epochs=2, tail_epochs=1, **changes)


def test_all_cases_and_the_tail_follow_the_chosen_net(idx_folder, tmp_path, capsys):
    chosen = with_all(idx_folder, tmp_path / "run", all_rate=0.0, up_down_rate=0.0)
    result = mnist_dbn.run(chosen)
    assert result["cases"] == {"train": 20, "validation": 10, "test": 20, "all": 40}
    assert set(result["errors"]) == {"greedy", "up-down", "all cases", "tail"}
    assert report.stages(result) == ["greedy", "up-down", "all cases", "tail"]
    for stage, read_outs in result["errors"].items():
        splits = (
            {"all", "test"} if stage in ("all cases", "tail") else {"train", "validation", "test"}
        )
        assert all(set(counts) == splits for counts in read_outs.values())
        assert len(result["wrong"][stage]) == read_outs["deterministic"]["test"]
    # At a rate of zero nothing moves: the nets are one and the same.
    assert result["wrong"]["up-down"] == result["wrong"]["all cases"]
    chosen_net, target = result["chosen"], result["target"]
    assert chosen_net["epoch"] == 0
    assert chosen_net["training_errors"] == result["errors"]["up-down"]["deterministic"]["train"]
    assert target["most"] == 2 * chosen_net["training_errors"]  # of 40 cases in the place of 20
    assert target["errors"] == result["errors"]["all cases"]["deterministic"]["all"]
    assert "all cases, deterministic" in capsys.readouterr().out
    (tmp_path / "results").mkdir()
    (tmp_path / "results/run.json").write_text(json.dumps(result))
    (read,) = report.read_runs(tmp_path / "results")
    assert read.record["seconds"].keys() >= EPOCHS.keys()
    assert not any(str(tmp_path) in word for word in json.dumps(result).split('"'))
    assert "--data_dir=FOLDER" in result["command"]


def test_all_cases_end_as_soon_as_the_target_is_met(idx_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fine_tuning, "most_errors", lambda *_: 40)
    result = mnist_dbn.run(with_all(idx_folder, tmp_path / "run"))
    assert [epoch for epoch in epochs_of(tmp_path / "run") if epoch[0] == "all_cases"] == []
    assert result["target"]["most"] == 40
    assert epochs_of(tmp_path / "run")[-1] == ("tail", 1)


def test_all_cases_end_at_their_last_epoch_without_the_target(idx_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fine_tuning, "most_errors", lambda *_: -1)
    result = mnist_dbn.run(with_all(idx_folder, tmp_path / "run"))
    assert [e for e in epochs_of(tmp_path / "run") if e[0] == "all_cases"] == [
        ("all_cases", 1), ("all_cases", 2),
    ]  # fmt: skip
    assert result["target"]["errors"] > result["target"]["most"]
    records = metrics.read(tmp_path / "run/metrics.jsonl")
    *_, last = [record for record in records if record["stage"] == "all_cases"]
    errors = result["errors"]["all cases"]["deterministic"]["all"]
    assert last["training_error"] == pytest.approx(100 * errors / 40)


def test_reduced_images_are_what_the_net_sees(idx_folder, tmp_path):
    mnist_dbn.run(config(idx_folder, tmp_path / "run", side=7, up_down_epochs=(), up_down_steps=()))
    net, metadata = io.load(tmp_path / "run/net.safetensors")
    assert net.recognition[0].weights.shape == (49, 12)
    assert metadata["image_shape"] == [7, 7]
    asked = classify.Config(net=str(tmp_path / "run/net.safetensors"), data_dir=str(idx_folder))
    last = list(metadata["summary"]["wrong"].values())[-1]
    assert classify.run(asked).errors == len(last)  # of images reduced in the same way


SHORT = {
    "n_train": 20, "n_validation": 10, "layers": (12, 10, 16), "batch_size": 10, "greedy_epochs": 1,
    "memory_epochs": 1, "n_gibbs": 2, "n_passes": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in mnist_dbn.Config.PRESETS if name])
def test_each_preset_runs_on_a_few_images(name, idx_folder, tmp_path):
    full = mnist_dbn.Config.with_preset(name)
    settings = SHORT | {
        "up_down_epochs": (1,) * len(full.up_down_steps),
        "all_epochs": min(full.all_epochs, 1),
    }
    places = {"data_dir": str(idx_folder), "workdir": str(tmp_path / "run")}
    result = mnist_dbn.run(mnist_dbn.Config.with_preset(name, **places, **settings))
    assert set(result["errors"]) >= {"greedy", "up-down"}
    assert ("all cases" in result["errors"]) == bool(settings["all_epochs"])
    assert f"--preset={name}" in result["command"]


def test_presets_name_flags_and_keep_the_papers_protocol():
    names = {field.name for field in dataclasses.fields(mnist_dbn.Config)}
    assert all(set(preset) <= names for preset in mnist_dbn.Config.PRESETS.values())
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


def test_a_flag_beside_a_preset_changes_it():
    options.define(mnist_dbn.Config)
    try:
        options.FLAGS(["job", "--preset=paper", "--greedy_epochs=3"])
        chosen = options.from_flags(mnist_dbn.Config)
    finally:
        options.FLAGS.unparse_flags()
        for name in ("preset", "greedy_epochs"):
            options.FLAGS[name].unparse()
    assert (chosen.preset, chosen.greedy_epochs, chosen.memory_epochs) == ("paper", 3, 30)


def test_the_origin_of_a_run_is_kept_with_the_commits_that_resumed_it(
    idx_folder, tmp_path, monkeypatch
):
    chosen = config(idx_folder, tmp_path / "run", up_down_epochs=(), up_down_steps=())

    def stop(job):
        raise KeyboardInterrupt

    def known():
        return json.loads((tmp_path / "run/origin.json").read_text())

    with monkeypatch.context() as patch:
        patch.setattr(train, "learn", stop)
        for commit, later in (("a", None), ("a", None), ("b", ["b"]), ("a", ["b"])):
            monkeypatch.setattr(provenance, "commit", lambda commit=commit: commit)
            with pytest.raises(KeyboardInterrupt):
                mnist_dbn.run(chosen)
            assert (known()["commit"], known().get("later_commits")) == ("a", later)
    for commit in ("c", "d"):  # the last run finds everything finished
        monkeypatch.setattr(provenance, "commit", lambda commit=commit: commit)
        mnist_dbn.run(chosen)
    assert known()["later_commits"] == ["b", "c"]
    assert known()["versions"]["jax"] == jax.__version__
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert {name: result[name] for name in known()} == known()
