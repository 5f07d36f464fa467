"""The classifier on a few small images: what it writes, which stacks it takes, what it refuses."""

import dataclasses
import gzip
import shutil
from pathlib import Path

import jax
import machines
import numpy as np
import pytest
from idx_files import write_idx
from scipy.special import log_softmax
from small_classifier import config, epochs_of, judged, log_probabilities, random_start, task
from written_files import check_figures_last

from dbnjax.checks import InputError
from dbnjax.data import sources
from dbnjax.training import metrics
from dbnjax.training.stages import DivergenceError
from dbnjax.weights import io
from experiments import mnist_classifier
from experiments.common import stacks, workdir


@pytest.fixture(scope="module")
def whole(digit_files, tmp_path_factory):
    """The options and the result of a run of two nets through every stage."""
    chosen = config(digit_files, tmp_path_factory.mktemp("whole"))
    return chosen, mnist_classifier.run(chosen)


@pytest.fixture
def no_figures(monkeypatch):
    """Leaves out what takes a third of the time of a small run."""
    monkeypatch.setattr(workdir, "draw", lambda makers: None)


@pytest.fixture(scope="module")
def nets(whole):
    """The nets that the run saved, and what was saved with them."""
    return [io.load(Path(whole[0].workdir) / f"net_{i}.safetensors") for i in (1, 2)]


def parts_of(chosen):
    source = sources.load(chosen.dataset, chosen.data_dir)
    return stacks.divide(chosen, source, chosen.folds)


def near(told, cost, errors):
    assert told["cost"] == pytest.approx(cost, rel=1e-4)
    assert told["errors"] == errors


def test_the_result_is_what_the_saved_nets_say(whole, nets):
    chosen, result = whole
    test, said = parts_of(chosen)[0].test, []
    everything = sources.load(chosen.dataset, chosen.data_dir).train
    for (net, metadata), told in zip(nets, result["nets"], strict=True):
        said.append(log_probabilities(net, test))
        cost, wrong = judged(said[-1], test)
        near(told["all cases"]["test"], cost, len(wrong))
        assert told["all cases"]["wrong"] == wrong
        cost, wrong = judged(log_probabilities(net, everything), everything)
        near(told["all cases"]["all"], cost, len(wrong))
        assert metadata["summary"] == result
        assert metadata["image_shape"] == [28, 28]
    assert [metadata["net"] for _, metadata in nets] == [1, 2]
    cost, wrong = judged(log_softmax(said[0] + said[1], axis=-1), test)
    near(result["products"]["all cases"]["test"], cost, len(wrong))
    assert result["products"]["all cases"]["wrong"] == wrong
    assert set(result["products"]) == {"chosen", "all cases"}
    assert result["cases"] == {"train": 30, "validation": 10, "test": 20, "all": 40}


def test_validation_chooses_the_epoch_and_its_training_cost_ends_the_stage_on_all_cases(whole):
    chosen, result = whole
    for number, told in enumerate(result["nets"], start=1):
        records = [r for r in told["epochs"] if r["stage"] == "tuning"]
        errors = [round(r["validation_error"] / 100 * 10) for r in records]
        assert told["chosen"]["epoch"] == np.argmin(errors) + 1
        assert told["chosen"]["validation"]["errors"] == min(errors)
        costs = [r["validation_cost"] for r in records]
        assert told["chosen"]["validation"]["cost"] == costs[np.argmin(errors)]
        n = len(records)
        over = n - np.argmin(errors) - 1 >= chosen.patience and np.argmin(costs) < n - 1
        assert over or n == chosen.tune_epochs
        on_all = [r for r in told["epochs"] if r["stage"] == "all_cases"]
        target = told["chosen"]["train"]["cost"]
        assert all(r["cost"] > target for r in on_all[:-1])
        assert on_all[-1]["cost"] <= target or len(on_all) == chosen.all_epochs
        assert told["all cases"]["epochs"] == len(on_all)
        assert told["epochs"] == metrics.read(Path(chosen.workdir) / f"net_{number}/metrics.jsonl")


def test_a_run_writes_everything(whole):
    chosen, result = whole
    folder = Path(chosen.workdir)
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "receptive_fields.png",
        "cross_entropy.png",
        "error.png",
        "errors.png",
        "hard.png",
    }
    check_figures_last(folder)
    assert result["seconds"].keys() == {"rbm_1", "tuning", "all_cases"}
    assert result["pretraining"] == []
    for i in (1, 2):
        assert epochs_of(folder / f"net_{i}")[:2] == [("rbm_1", 1), ("tuning", 1)]
        stack, metadata = io.load(folder / f"net_{i}/stack.safetensors")
        assert [rbm.weights.shape for rbm in stack.rbms] == [(784, 8)]
        assert metadata["pretraining"]["epochs"] == 1
        assert "--tune_epochs=0" in metadata["pretraining"]["command"]


def test_nets_have_luck_and_validation_cases_of_their_own(whole):
    first, second = (task(whole[0], number) for number in (0, 1))
    assert first.key != second.key
    assert first.held_out.pixels.tolist() != second.held_out.pixels.tolist()
    other_luck = dataclasses.replace(whole[0], seed=1)
    assert task(other_luck).key != first.key


def assert_same_bits(first: Path, second: Path) -> None:
    jax.tree.map(np.testing.assert_array_equal, *(io.load(path)[0] for path in (first, second)))


def test_saved_stacks_are_learned_from_as_new_ones_and_test_labels_decide_nothing(
    whole, tmp_path, capsys, no_figures
):
    chosen, result = whole
    only = dataclasses.replace(chosen, nets=1, tune_epochs=0, workdir=str(tmp_path / "stacks"))
    (stack,) = mnist_classifier.run(only)["stacks"]
    assert stack in capsys.readouterr().out
    assert epochs_of(tmp_path / "stacks/net_1") == [("rbm_1", 1)]
    folder = shutil.copytree(chosen.data_dir, tmp_path / "idx")
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    changed = (np.frombuffer(labels, np.uint8) + 1) % 10
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", changed)
    blind = dataclasses.replace(
        chosen, nets=1, stacks=(stack,), data_dir=str(folder), workdir=str(tmp_path / "run")
    )
    other = mnist_classifier.run(blind)
    assert_same_bits(Path(chosen.workdir) / "net_1.safetensors", tmp_path / "run/net_1.safetensors")
    (told,) = other["nets"]
    assert other["products"] == {}
    for part in ("epoch", "train", "validation"):
        assert told["chosen"][part] == result["nets"][0]["chosen"][part]
    assert told["chosen"]["test"] != result["nets"][0]["chosen"]["test"]
    (record,) = other["pretraining"]
    assert (record["number"], record["epochs"]) == (0, 1)
    assert other["seconds"].keys() == {"tuning", "all_cases"}
    assert not (tmp_path / "run/net_1/stack.safetensors").exists()
    assert other["config"]["stacks"] == ["net_1/stack.safetensors"]
    Path(stack).unlink()  # which a finished run needs no more
    assert mnist_classifier.run(blind) == other


def saved(path, model, **record):
    """A file with a model and the record of how its machines were learned."""
    io.save(path, model, {"pretraining": record})
    return str(path)


CASES = {"dataset": "mnist", "split_seed": 0, "n_validation": 10, "n_test": 0}
MADE = {"command": "python -m experiments", "commit": "", "seconds": 1.5, "epochs": 2}
FITTING = machines.stack(0, (784, 8, 6))
STACKS = {
    "sizes": (machines.stack(0, (784, 8, 5)), {}, "expected a stack of 784-8-6 units, got 784-8-5"),
    "depth": (machines.stack(0, (784, 6)), {}, "expected a stack of 784-8-6 units, got 784-6"),
    "no stack": (FITTING.rbms[0], {}, "expected a stack of machines, got a RBM"),
    "no record": (FITTING, {}, "expected a stack learned from the training cases of net 1"),
    "another split": (
        FITTING,
        {"config": CASES | {"split_seed": 1}, "number": 0},
        "'split_seed': 0,.* got net 1 .*'split_seed': 1.*may have seen this net's validation cases",
    ),
    "damaged": (FITTING, {"config": CASES, "number": 0}, "pretraining: expected the key 'command'"),
    "another net": (
        FITTING,
        {"config": CASES, "number": 1},
        "training cases of net 1 .* got net 2",
    ),
}


@pytest.mark.parametrize(("model", "record", "message"), STACKS.values(), ids=STACKS)
def test_a_saved_stack_that_does_not_fit_is_refused_in_one_line(
    idx_folder, tmp_path, model, record, message
):
    file = saved(tmp_path / "stack", model, **record)
    chosen = config(idx_folder, tmp_path / "run", layers=(8, 6), nets=1, stacks=(file,))
    with pytest.raises(InputError, match=message) as caught:
        mnist_classifier.run(chosen)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_every_stack_is_looked_at_before_the_first_net_learns(idx_folder, tmp_path):
    first, second = (
        saved(tmp_path / f"{i}", FITTING, config=CASES, number=0, **MADE) for i in (1, 2)
    )
    chosen = config(idx_folder, tmp_path / "run", layers=(8, 6), stacks=(first, second))
    with pytest.raises(InputError, match=rf"{second}: .*cases of net 2 .* got net 1"):
        mnist_classifier.run(chosen)
    assert not (tmp_path / "run").exists()


def test_divergence_stops_the_run_and_names_the_epoch(idx_folder, tmp_path):
    chosen = random_start(idx_folder, tmp_path / "run", rate=1e38)
    with pytest.raises(DivergenceError, match="after epoch 1 of tuning"):
        mnist_classifier.run(chosen)
    assert not (tmp_path / "run/result.json").exists()
