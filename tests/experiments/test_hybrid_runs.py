"""The hybrid experiment on a few small images: what it chooses, writes and refuses."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest
from idx_files import write_set
from refusals import one_line
from small_job import epochs_of
from written_files import check_figures_last

from dbnjax import units
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.training import greedy
from dbnjax.weights import io, shipped
from experiments import hybrid
from experiments.common import options

SPLIT = {"dataset": "mnist", "split_seed": 0, "n_train": 20, "n_validation": 10}
WEIGHTS, EPOCHS = (0.6, 0.9), 2


def stack(seed, n_visible=784, n_labels=10):
    """A stack that has learned nothing yet."""

    def strong(level, machine, below):
        return machine.replace(weights=20.0 * machine.weights)

    return greedy.learn_stack(jax.random.key(seed), n_visible, (12, 16), n_labels, strong)


def prejudiced(net):
    """A net that is surer of noughts than it should be: whatever it learns makes it better."""
    features, labels = net.memory.visible.parts
    labels = labels.replace(bias=labels.bias.at[0].add(5.0))
    return net.replace(memory=net.memory.replace(visible=units.Concat((features, labels))))


def save(path, model, stage="up-down", **changes):
    """Saves a net with the record of its run; returns the file."""
    record = {"command": "python -m experiments.mnist_dbn", "config": SPLIT | changes}
    io.save(path, model, {"stage": stage, "summary": record})
    return str(path)


def config(place, **changes):
    small = hybrid.Config(
        net=str(place / "up_down.safetensors"),
        data_dir=str(place / "idx"),
        workdir=str(place / "run"),
        weights=WEIGHTS,
        epochs=EPOCHS,
        batch_size=10,
        rate=2.0,
        momentum=0.5,
        n_steps=1,
    )
    return dataclasses.replace(small, **changes)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with images and a net."""
    folder = tmp_path_factory.mktemp("hybrid")
    (folder / "idx").mkdir()
    write_set(folder / "idx")
    save(folder / "up_down.safetensors", prejudiced(dbn.untie(stack(0))))
    return folder


@pytest.fixture(scope="module")
def whole(place):
    """The options and the result of a whole run."""
    return config(place), hybrid.run(config(place))


def assert_same(first, second):
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_chooses_weight_and_epoch_and_all_cases_go_as_far(whole):
    chosen, result = whole
    records = [r for r in result["epochs"] if r["stage"] == "hybrid"]
    assert [r["weight"] for r in records] == [w for w in WEIGHTS for _ in range(EPOCHS)]
    best = min(records, key=lambda r: (r["validation_error"], r["validation_cost"]))
    assert result["chosen"] == {"weight": best["weight"], "epoch": best["epoch"]}
    assert result["errors"]["chosen"]["validation"] == best["validation_error"] * 10 / 100
    assert result["errors"]["chosen"]["validation"] <= result["errors"]["start"]["validation"]
    after = [r for r in result["epochs"] if r["stage"] == "all_cases"]
    assert [r["weight"] for r in after] == [r["weight"] for r in records[: best["epoch"]]]
    assert epochs_of(Path(chosen.workdir)) == [(r["stage"], r["epoch"]) for r in result["epochs"]]


def test_a_run_writes_all_that_results_need(whole):
    chosen, result = whole
    folder = Path(chosen.workdir)
    assert result["cases"] == {"train": 20, "validation": 10, "all": 40, "test": 20}
    for name, wrong in result["wrong"].items():
        assert len(wrong) == result["errors"][name]["test"]
    assert result["errors"]["all cases"].keys() == {"all", "test"}
    assert "start of all cases" not in result["errors"]  # it began as the chosen one
    assert result["starts"] == {
        "net": {"command": "python -m experiments.mnist_dbn", "stage": "up-down"}
    }
    assert {path.name for path in (folder / "figures").iterdir()} == {"weights.png", "error.png"}
    check_figures_last(folder)
    for name, stage in (("chosen", "hybrid"), ("net", "all cases")):
        net, metadata = io.load(folder / f"{name}.safetensors")
        assert isinstance(net, DBN)
        assert (metadata["stage"], metadata["image_shape"]) == (stage, [28, 28])


def test_a_tied_net_learns_as_a_stack_and_the_start_is_kept_where_nothing_is_better(
    place, tmp_path, capsys
):
    one, two = stack(1), stack(2)
    net = save(tmp_path / "greedy.safetensors", dbn.untie(one), "greedy")
    other = save(tmp_path / "all.safetensors", dbn.untie(two), "all cases")
    still = config(
        place, net=net, all_net=other, workdir=str(tmp_path / "run"), form="pretraining", rate=0.0
    )
    result = hybrid.run(still)
    assert result["chosen"] == {"weight": None, "epoch": 0}
    assert result["errors"]["start of all cases"] == result["errors"]["all cases"]
    assert result["wrong"]["start of all cases"] == result["wrong"]["all cases"]
    assert result["errors"]["chosen"] == result["errors"]["start"]
    assert "the net of the start" in capsys.readouterr().out
    for name, expected in (("chosen", one), ("net", two)):
        saved, _ = io.load(tmp_path / "run" / f"{name}.safetensors")
        assert isinstance(saved, Stack)
        assert_same(saved, expected)


def test_the_shipped_net_is_named_by_its_place_in_the_package(place):
    other = dataclasses.replace(config(place), all_net=str(shipped.PATH))
    assert options.recorded(other)["all_net"] == "dbnjax/weights/mnist.safetensors"


def moved(net):
    """A net whose recognition weights are no longer its generative ones."""
    return net.replace(recognition=jax.tree.map(lambda x: x + 0.1, net.recognition))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": (0.5, 0.2)}, "--weights: expected each to be larger"),
        ({"net": ""}, "--net: expected a net that learned from training cases alone, got none"),
        ({"net": str(shipped.PATH)}, "which may have seen the validation cases"),
        ({"net": "label_free"}, "expected a net with label units, got one without"),
        ({"net": "no_record"}, "expected a net with the record of its run, got one without"),
        ({"net": "all"}, "got one of the stage 'all cases', which may have seen"),
        ({"net": "moved", "form": "pretraining"}, "expected a tied net for --form=pretraining"),
        ({"all_net": "divided"}, r"divided as those of .*'split_seed': 0.*'split_seed': 1"),
        ({"net": "small"}, "expected a net for images of 28 x 28 pixels, got one for 5 x 5"),
        ({"net": "few_labels"}, "expected a net with 10 labels, got 3"),
        ({"batch_size": 30}, "batch size: expected 1 to 20"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_leaves_nothing_behind(
    place, tmp_path, changes, message
):
    net = dbn.untie(stack(0))
    nets = {
        "label_free": lambda path: save(path, dbn.untie(stack(0, n_labels=0))),
        "no_record": lambda path: io.save(path, net, {"stage": "up-down"}),
        "all": lambda path: save(path, net, "all cases"),
        "moved": lambda path: save(path, moved(net)),
        "divided": lambda path: save(path, net, "all cases", split_seed=1),
        "small": lambda path: save(path, dbn.untie(stack(0, 25))),
        "few_labels": lambda path: save(path, dbn.untie(stack(0, n_labels=3))),
    }
    for flag, name in changes.items():
        if name in nets:
            nets[name](tmp_path / name)
            changes = {**changes, flag: str(tmp_path / name)}
    with one_line(message):
        hybrid.run(config(place, workdir=str(tmp_path / "run"), **changes))
    assert not (tmp_path / "run").exists()
