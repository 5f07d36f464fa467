"""The sweep on a few small images: its members, its table, and both ways of learning them."""

import dataclasses
import json

import jax
import pytest
import small_sweep
from refusals import one_line
from small_job import epochs_of
from small_sweep import config, distance, take

from dbnjax.checks import InputError
from dbnjax.data import preparation
from dbnjax.training import fine_tuning, fitting, loop
from experiments import mnist_dbn, registry, sweep
from experiments.common import options, provenance
from experiments.sweep import config as sweep_config
from experiments.sweep import main, report

DIVERGING = "greedy_rate=0.1,1e38;up_down_rate=0.1,1e38"
NO_ERRORS = dict.fromkeys(("validation_errors", "training_errors", "epoch"))
NO_GREEDY_ERRORS = dict.fromkeys(("greedy_validation_errors", "greedy_training_errors"))


def without_times(record):
    return [{name: x for name, x in row.items() if name != "seconds"} for row in record["rows"]]


def check_diverging(record, capsys):
    """What the grid of one good and three diverging members must give."""
    good, late, early, earliest = without_times(record)
    assert good["varied"] == {"greedy_rate": 0.1, "up_down_rate": 0.1}
    assert earliest["varied"] == {"greedy_rate": 1e38, "up_down_rate": 1e38}
    assert 0 <= good["validation_errors"] <= good["greedy_validation_errors"] <= 10
    assert 0 <= good["training_errors"] <= 20
    assert good["epoch"] in (0, 1)
    assert late == {"varied": late["varied"]} | NO_ERRORS | {n: good[n] for n in NO_GREEDY_ERRORS}
    for row in (early, earliest):
        assert row == {"varied": row["varied"]} | NO_ERRORS | NO_GREEDY_ERRORS
    assert all(row["seconds"] >= 0 for row in record["rows"])
    printed = capsys.readouterr().out
    assert "greedy_rate=1e+38: diverged in greedy learning" in printed
    return good


def test_members_one_after_another_share_a_stack_and_diverge_alone(idx_folder, tmp_path, capsys):
    output = tmp_path / "results" / "sweeps" / "rates.json"
    chosen = config(idx_folder, tmp_path / "run", grid=DIVERGING, output=str(output))
    record = sweep.run(chosen)
    good = check_diverging(record, capsys)
    assert epochs_of(tmp_path / "run/greedy/base") == [("rbm_1", 1), ("rbm_2", 1)]
    assert epochs_of(tmp_path / "run/members/base") == [("up_down_1", 1)]
    assert epochs_of(tmp_path / "run/greedy/greedy_rate=1e+38") == []
    assert list((tmp_path / "run").rglob("members/*/checkpoints")) == []
    assert json.loads(output.read_text()) == record
    assert record["command"] == options.command(chosen)
    assert record["proxy"]["layers"] == [6, 8]
    assert not record["proxy"].keys() & {"greedy_rate", "up_down_rate", "data_dir", "workdir"}
    assert record["cases"] == {"train": 20, "validation": 10}
    (source,) = registry.find("sweep").read(tmp_path / "results")
    section = "\n".join(report.one_sweep(source))
    share = 100 * good["validation_errors"] / 10
    assert f"| {good['validation_errors']} ({share:.2f} %)" in section
    assert "## rates" in section


def test_finished_members_are_not_run_again_and_a_larger_grid_adds_to_them(
    idx_folder, tmp_path, monkeypatch
):
    chosen = config(idx_folder, tmp_path / "run", grid="up_down_rate=0.1,0.02")
    first = sweep.run(chosen)
    assert (tmp_path / "run/sweep.json").exists()
    monkeypatch.setattr(provenance, "commit", lambda: "later")
    learned = []
    real = fine_tuning.fine_tune
    monkeypatch.setattr(
        fine_tuning, "fine_tune", lambda *words: learned.append(words[1].rate) or real(*words)
    )
    assert sweep.run(chosen) == first
    assert learned == []
    more = sweep.run(dataclasses.replace(chosen, grid="up_down_rate=0.02,0.1,0.5"))
    assert learned == [0.5]
    assert more["rows"][:2] == first["rows"][::-1]
    assert (more["commit"], more["later_commits"]) == (first["commit"], ["later"])
    assert epochs_of(tmp_path / "run/greedy/base") == [("rbm_1", 1), ("rbm_2", 1)]
    with pytest.raises(InputError, match="--k=1 there, 2 here"):
        sweep.run(dataclasses.replace(chosen, k=2))


def test_all_together_resume_and_say_what_they_would_alone(
    idx_folder, tmp_path, capsys, monkeypatch
):
    chosen = config(idx_folder, tmp_path / "run", grid=DIVERGING, together="yes")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(main, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            sweep.run(chosen)
    written = {path: path.read_bytes() for path in (tmp_path / "run").rglob("metrics.jsonl")}
    assert sorted(epochs_of(path.parent) for path in written) == [
        [("rbm_1", 1), ("rbm_2", 1)],
        [("up_down_1", 1)],
    ]
    monkeypatch.setattr(loop, "ensemble_program", lambda *_: stop)  # nothing is learned again
    record = sweep.run(chosen)
    check_diverging(record, capsys)
    assert {path: path.read_bytes() for path in written} == written
    assert len({row["seconds"] for row in record["rows"]}) == 1  # equal shares
    assert json.loads((tmp_path / "run/sweep.json").read_text()) == record


@pytest.mark.parametrize(("rule", "i", "early"), [("cd", 3, 5), ("pcd", 0, 0)])
def test_together_equals_one_after_another(tmp_path, monkeypatch, rule, i, early):
    monkeypatch.setattr(fitting, "EARLY_EPOCHS", early)
    base = config(
        tmp_path,
        tmp_path,
        memory_rule=rule,
        batch_size=20,  # one update an epoch: after many, a draw that rounding flipped shows
        greedy_epochs=2,
        memory_epochs=2,
        up_down_epochs=(1, 1),
        up_down_steps=(2, 3),
        decay=0.1,
        up_down_momentum=0.5,
        up_down_decay=0.1,
    )
    grid = (
        "greedy_rate=0.1,0.3;memory_rate=0.2;early_momentum=0.2,0.9;memory_momentum=0.7;"
        "schedule=linear;up_down_rate=0.3;up_down_schedule=linear"
    )
    members = sweep_config.members(base, grid)
    sweep_config.check_together(members)
    shared = main.Sweep(base, tmp_path, 10, *small_sweep.cases())
    stacks, tuned = small_sweep.learn(shared, members)
    assert stacks.sound.all()
    assert tuned.learner.sound.all()
    net, selected = small_sweep.learn_alone(shared, members[i])
    for ensemble, alone in (
        (stacks.state, net),
        (tuned.learner.state, selected.learner),
        (tuned.best, selected.best),
    ):
        assert distance(take(ensemble, i), alone) < 1e-5
    assert (int(tuned.errors[i]), int(tuned.epoch[i])) == (selected.errors, selected.epoch)
    # The tolerance says something only where the grid and learning make a difference.
    assert distance(take(stacks.state, 3 - i), net) > 1e-3
    assert distance(net, selected.learner.params) > 1e-3


def test_members_are_named_by_what_differs_and_grouped_by_their_greedy_flags():
    base = mnist_dbn.Config(baselines=False)
    members = sweep_config.members(base, "up_down_rate=0.02, 0.1; k=1,2 ;memory_rule=cd")
    assert [(member.name, member.greedy) for member in members] == [
        ("memory_rule=cd", "memory_rule=cd"),
        ("k=2,memory_rule=cd", "k=2,memory_rule=cd"),
        ("memory_rule=cd,up_down_rate=0.1", "memory_rule=cd"),
        ("k=2,memory_rule=cd,up_down_rate=0.1", "k=2,memory_rule=cd"),
    ]
    assert members[-1].varied == {"up_down_rate": 0.1, "k": 2, "memory_rule": "cd"}
    assert (members[-1].config.up_down_rate, members[-1].config.k) == (0.1, 2)
    assert list(members[-1].varied) == ["up_down_rate", "k", "memory_rule"]


def test_switches_and_iterations_of_the_phases_stand_in_a_grid_and_in_names():
    members = sweep_config.members(mnist_dbn.Config(), "data_biases=true, false")
    assert [member.config.data_biases for member in members] == [True, False]
    assert [member.greedy for member in members] == ["base", "data_biases=False"]
    members = sweep_config.members(mnist_dbn.Config(), "up_down_steps=3-6-10, 1-1-2")
    assert [member.config.up_down_steps for member in members] == [(3, 6, 10), (1, 1, 2)]
    assert [member.name for member in members] == ["base", "up_down_steps=1-1-2"]


BAD = [
    ("", r"--grid: expected name=value,value;name=value of seed, .*; got ''"),
    ("n_train=10,20", "got 'n_train=10,20'"),
    ("up_down_epochs=1", "got 'up_down_epochs=1'"),
    ("labels=true,false", "got 'labels=true,false'"),
    ("data_biases=true,0", "data_biases: expected true or false, separated by commas, got '0'"),
    ("decay=0;decay=1", "expected every flag once, got decay twice"),
    ("decay=", "--grid: decay: expected numbers, separated by commas, got ''"),
    ("decay=0;k=1.5", "--grid: k: expected whole numbers, separated by commas, got '1.5'"),
    ("memory_rule=cd,pdc", "memory_rule: expected some of cd, pcd, separated by commas, got 'pdc'"),
    ("decay=0.1,0.10", "decay: expected different values, got '0.1,0.10'"),
    ("up_down_steps=1-x", "up_down_steps: expected whole numbers with - between those .* '1-x'"),
    ("up_down_steps=1-2", "--up_down_epochs: expected one number for each phase of "),
    ("up_down_momentum=0,1", "--up_down_momentum: expected 0 or more and less than 1, got 1.0"),
    ("batch_size=10,15", "balanced minibatches: expected equal classes that divide the batch of"),
]


@pytest.mark.parametrize(("grid", "message"), BAD)
def test_a_grid_that_cannot_be_meant_leaves_nothing_behind(idx_folder, tmp_path, grid, message):
    with one_line(message):
        sweep.run(config(idx_folder, tmp_path / "run", grid=grid))
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_learned_together_is_named(idx_folder, tmp_path, monkeypatch):
    chosen = config(idx_folder, tmp_path / "run", grid="decay=0;draws=rbg;pixels=mean")
    with pytest.raises(InputError, match=r"as arrays, seed, .*; got draws, pixels, which need"):
        sweep.run(dataclasses.replace(chosen, together="yes"))
    assert not main.at_once(chosen)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert main.at_once(chosen)
    assert not main.at_once(dataclasses.replace(chosen, together="no"))


def test_a_sweep_needs_labels_and_never_looks_at_the_test_set(idx_folder, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="--labels: expected labels"):
        sweep.run(config(idx_folder, tmp_path / "run", grid="decay=0", labels=False))
    split = preparation.make_splits
    monkeypatch.setattr(preparation, "make_splits", lambda *how: split(*how)._replace(test=None))
    chosen = config(idx_folder, tmp_path / "run", grid="decay=0", up_down_epochs=())
    chosen = dataclasses.replace(chosen, up_down_steps=(), preset="best", all_epochs=30)
    (row,) = sweep.run(chosen)["rows"]
    assert row["validation_errors"] == row["greedy_validation_errors"]
