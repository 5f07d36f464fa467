"""A run goes on with the inputs that it was begun with: those that no smallest run begins with."""

import re

import machines
import numpy as np
import pytest
from idx_files import digits
from result_records import STACK
from smallest_runs import NAMES, Person, moved, refusal

from dbnjax.weights import io
from experiments import registry
from experiments.common import options, workdir


class BegunError(Exception):
    """In the place of learning."""


@pytest.fixture
def person(monkeypatch, tmp_path):
    """Somebody whose runs stop where they begin to learn."""

    def stop(folder):
        raise BegunError

    monkeypatch.setattr(workdir, "note_commit", stop)
    return Person(tmp_path)


def save_machine(path, seed, config):
    io.save(path, machines.binary(seed, config.side**2, 4))


def save_stack(path, seed, config):
    """A stack as `mnist_classifier` leaves it."""
    cases = {"dataset": "mnist", "split_seed": 0, "n_validation": 10, "n_test": 0, "folds": 2}
    model = machines.stack(seed, (784, *config.layers))
    io.save(path, model, {"pretraining": STACK | {"config": cases}})


def save_folder(path, seed, config):
    """A folder as `shifted_digits` leaves it."""
    path.mkdir(exist_ok=True)
    for name, array in zip(("images", "labels"), digits(20, seed), strict=True):
        np.save(path / f"{name}.npy", array)


# What makes an input, and the options of the smallest run that go with it.
MADE = {
    ("mnist_dbn", "stream"): (save_folder, {"all_epochs": 0, "tail_epochs": 0, "chunk": 10}),
    ("few_labels", "stack"): (save_stack, {}),
    ("mnist_classifier", "stacks"): (save_stack, {"nets": 1}),
    ("rbm_learning_rules", "below"): (save_machine, {}),
}


def test_every_input_has_its_content_compared():
    """Here, or by the contract, whose smallest runs begin with it."""
    found = {
        (one.name, option)
        for one in map(registry.find, NAMES)
        for option in options.names(one.config, options.INPUT) - one.tiny.keys()
    }
    assert {(name, option) for name, option in found if option != "data_dir"} == MADE.keys()


@pytest.mark.parametrize(("name", "option"), MADE)
def test_an_input_that_was_replaced_is_refused_and_a_moved_one_is_not(
    person, tmp_path, name, option
):
    save, changes = MADE[name, option]

    def given(path):
        several = isinstance(getattr(registry.find(name).config(), option), tuple)
        return person.config(name, **changes | {option: (str(path),) if several else str(path)})

    path = tmp_path / "start"
    save(path, 1, given(path))
    for place in (path, moved(path, tmp_path / "moved")):
        with pytest.raises(BegunError):
            registry.find(name).run(given(place))
    save(path, 2, given(path))
    line = refusal(name, given(path))
    assert re.search(rf"got others by .*--{option}; files were replaced", line)
