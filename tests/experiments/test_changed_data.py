"""A run that was stopped goes on with what it was begun with, wherever that lies now (F9)."""

import dataclasses
import shutil

import jax
import pytest
from idx_files import digits, write_idx, write_set

from dbnjax import rbm, stack, units
from dbnjax.checks import InputError
from dbnjax.models import dbn
from dbnjax.weights import io
from experiments import comparators, three_ideas
from experiments.common import workdir
from experiments.few_labels import config as few_labels_config
from experiments.few_labels import main as few_labels
from experiments.hybrid import config as hybrid_config
from experiments.hybrid import main as hybrid
from experiments.mnist_classifier import config as classifier_config
from experiments.mnist_classifier import main as mnist_classifier
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import main as mnist_dbn
from experiments.rbm_learning_rules import main as rbm_learning_rules
from experiments.sweep import config as sweep_config
from experiments.sweep import main as sweep

OF_SPLIT = {"dataset": "mnist", "split_seed": 0, "n_train": 20, "n_validation": 10}
STACKED = {"dataset": "mnist", "split_seed": 0, "n_validation": 10, "n_test": 0}
SMALL = {"dataset": "mnist", "n_validation": 10, "batch_size": 10}
DBN = {"n_train": 20, "layers": (6,), "memory_chains": 10, "baselines": False, **SMALL}
EXPERIMENTS = {
    "mnist_dbn": (mnist_dbn, dbn_config.Config(**DBN)),
    "all_cases": (mnist_dbn, dbn_config.Config(all_epochs=1, **DBN)),
    "sweep": (sweep, sweep_config.Config(grid="seed=0,1", **DBN)),
    "mnist_classifier": (
        mnist_classifier,
        classifier_config.Config(layers=(6,), greedy_batch_size=10, **SMALL),
    ),
    "comparators": (comparators, comparators.Config(n_train=20, **SMALL)),
    "three_ideas": (three_ideas, three_ideas.Config(n_train=20, seeds=1, **SMALL)),
    "few_labels": (few_labels, few_labels_config.Config(labels=(10,), layers=(6,), **SMALL)),
    "rules": (rbm_learning_rules, rbm_learning_rules.Config(side=4, n_hidden=5, batch_size=10)),
    "hybrid": (hybrid, hybrid_config.Config(net="net.safetensors", batch_size=10)),
}


class StoppedError(Exception):
    """In the place of a kill before the first epoch."""


@pytest.fixture
def stopped(monkeypatch, tmp_path):
    """Lets every run stop where it would begin to learn, in a folder of its own."""

    def stop(folder):
        raise StoppedError

    monkeypatch.setattr(workdir, "note_commit", stop)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "idx").mkdir()
    write_set(tmp_path / "idx")
    save_net("net.safetensors", seed=0)


def save_net(path, seed):
    """A net as the main job leaves it after greedy learning."""
    joint = units.Concat((units.Bernoulli.zeros(6), units.Categorical.zeros(10)))
    memory = rbm.init(jax.random.key(seed), joint, units.Bernoulli.zeros(5))
    net = dbn.untie(stack.create((machine(seed, 784, 6), memory)))
    io.save(path, net, {"stage": "greedy", "summary": {"config": OF_SPLIT}})


def machine(seed, n_visible, n_hidden):
    visible, hidden = units.Bernoulli.zeros(n_visible), units.Bernoulli.zeros(n_hidden)
    return rbm.init(jax.random.key(seed), visible, hidden)


def save_stack(path, seed):
    """A stack as `mnist_classifier` leaves it."""
    made = {"command": "", "commit": "", "config": STACKED, "number": 0}
    made |= {"seconds": 1.0, "epochs": 1}
    io.save(path, stack.create((machine(seed, 784, 6),)), {"pretraining": made})


def save_machine(path, seed):
    io.save(path, machine(seed, 16, 4))


def begin(module, config, **changes):
    """Starts or resumes a run and stops it; returns what it says instead, if it is refused."""
    here = {"data_dir": "idx", "workdir": "run", **changes}
    with pytest.raises((StoppedError, InputError)) as caught:
        module.run(dataclasses.replace(config, **here))
    return str(caught.value)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_files_that_were_replaced_are_refused_and_moved_ones_are_not(stopped, tmp_path, name):
    module, config = EXPERIMENTS[name]
    assert begin(module, config) == ""
    assert begin(module, config) == ""
    shutil.copytree("idx", "moved")
    assert begin(module, config, data_dir=str(tmp_path / "moved")) == ""
    pixels, labels = digits(40, seed=2)
    write_idx(tmp_path / "idx/train-images-idx3-ubyte.gz", pixels)
    write_idx(tmp_path / "idx/train-labels-idx1-ubyte.gz", labels)
    refused = begin(module, config)
    assert "got others by --data_dir; files were replaced" in refused
    assert "\n" not in refused
    assert begin(module, config, data_dir="moved") == ""


def test_labels_alone_are_data_too(stopped, tmp_path):
    module, config = EXPERIMENTS["mnist_dbn"]
    assert begin(module, config) == ""
    _, labels = digits(20, seed=1)
    write_idx(tmp_path / "idx/t10k-labels-idx1-ubyte.gz", labels[::-1])
    assert "others by --data_dir" in begin(module, config)


@pytest.mark.parametrize(
    ("name", "flag", "save"),
    [
        ("hybrid", "net", save_net),
        ("hybrid", "all_net", save_net),
        ("few_labels", "stack", save_stack),
        ("mnist_classifier", "stacks", save_stack),
        ("rules", "below", save_machine),
    ],
)
def test_a_net_that_was_replaced_is_refused_and_a_moved_one_is_not(stopped, name, flag, save):
    module, config = EXPERIMENTS[name]

    def given(path):
        return {flag: (path,) if flag == "stacks" else path}

    save("start.safetensors", seed=1)
    assert begin(module, config, **given("start.safetensors")) == ""
    shutil.copy("start.safetensors", "moved.safetensors")
    save("start.safetensors", seed=2)
    refused = begin(module, config, **given("start.safetensors"))
    assert f"got others by --{flag}; files were replaced" in refused
    assert begin(module, config, **given("moved.safetensors")) == ""


def test_a_folder_of_before_there_were_digests_goes_on_with_the_same_flags(stopped, tmp_path):
    module, config = EXPERIMENTS["mnist_dbn"]
    assert begin(module, config) == ""
    (tmp_path / "run" / workdir.DIGESTS).unlink()
    assert begin(module, config) == ""
    shutil.copytree("idx", "moved")
    assert "--data_dir=idx there, moved here" in begin(module, config, data_dir="moved")


def test_digests_that_were_edited_are_one_line(stopped, tmp_path):
    module, config = EXPERIMENTS["mnist_dbn"]
    assert begin(module, config) == ""
    (tmp_path / "run" / workdir.DIGESTS).write_text("[]")
    assert "expected a JSON object of digests, got []" in begin(module, config)
