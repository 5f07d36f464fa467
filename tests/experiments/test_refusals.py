"""What no run can mean is one line before anything is written, whatever a single option allows."""

import pytest
from smallest_runs import Person, refusal

from experiments import mnist_classifier
from experiments.mnist_dbn import Config as MainJob

CG = {"optimiser": "cg", "rate": 1.0}
NO_UP_DOWN = {"up_down_epochs": (), "up_down_steps": ()}
REFUSED = [
    ("mnist_dbn", {"batch_size": 30}, "batch size: expected 1 to 20"),
    ("mnist_dbn", {"n_train": 4000}, "training images: expected at most 4 of class 0"),
    ("mnist_dbn", {"up_down_epochs": (1,)}, "--up_down_epochs: expected one number for each phase"),
    ("mnist_dbn", {"all_epochs": 0}, "--tail_epochs: expected --all_epochs before it"),
    ("mnist_dbn", NO_UP_DOWN, "--all_epochs: expected labels and up-down before it"),
    ("mnist_dbn", {"side": 40}, "size: expected 1 to 28"),
    ("mnist_dbn", {"mesh": "data:3"}, "--batch_size: expected a multiple of 3, "),
    ("mnist_dbn", {"mesh": "data:5", "memory_chains": 12}, "--memory_chains: expected a multiple "),
    ("mnist_dbn", {"mesh": "ensemble:2"}, "axis:devices of data, each once, got 'ensemble:2'"),
    ("mnist_dbn", {"mesh": "data:16"}, "--mesh=data:16: expected at most 8 devices in all, "),
    ("mnist_dbn", {"platform": "gpu"}, "--platform=gpu: expected such a device, got cpu"),
    ("mnist_classifier", {"batch_size": 31}, "batch size: expected 1 to 30"),
    ("mnist_classifier", {"greedy_batch_size": 31}, "batch size: expected 1 to 30"),
    ("mnist_classifier", {"folds": 5}, "validation images: expected at most 40 "),
    ("mnist_classifier", {"n_test": 21}, "test images: expected at most 20"),
    ("mnist_classifier", {"reach": 28}, "translations: expected 0 to 27 pixels"),
    ("mnist_classifier", {"stacks": ("a", "b")}, "a: expected a safetensors file"),
    ("mnist_classifier", {"easy": 0.1, "drop_visible": 0.2}, "--easy=0.1: expected no dropout "),
    ("mnist_classifier", {"easy": 0.1} | CG, "--easy=0.1: expected no --optimiser=cg"),
    ("mnist_classifier", {"easy": 0.1, "reach": 1}, "--reach=1: expected --easy=0 beside it"),
    ("mnist_classifier", {"optimiser": "cg"}, "and no dropout, got --rate=0.1"),
    ("mnist_classifier", CG | {"drop_hidden": 0.5}, "--optimiser=cg: expected "),
    ("mnist_classifier", CG | {"schedule": "linear"}, "--optimiser=cg: expected a constant"),
    ("mnist_classifier", {"tune_epochs": 0, "start": "2006"}, "=0: expected stacks that are to be"),
    (
        "mnist_classifier",
        {"tune_epochs": 0, "stacks": ("a", "b")},
        "=0: expected stacks that are to b",
    ),
    ("mnist_classifier", {"stacks": ("a",)}, "--stacks: expected one file for each of 2 nets, got"),
    ("mnist_classifier", {"stacks": ("a", "b"), "nets": 1}, "each of 1 nets, got 2"),
    ("mnist_classifier", {"stacks": ("a", "b"), "start": "2006"}, "--stacks: expected --start"),
    ("few_labels", {"labels": (15,)}, "--labels: expected multiples of 10, as many of each class"),
    ("few_labels", {"labels": (60,)}, "--labels: expected at most "),
    ("few_labels", {"shapes": ("5x5",)}, "--shapes: expected hidden units such as 500-500, "),
    ("few_labels", {"shapes": ("5-0",)}, "--shapes: expected 1 unit or more in every layer, "),
    ("few_labels", {"n_validation": 41}, "validation images: expected at most 40 for 1 disjoint "),
    ("few_labels", {"stack": "nowhere"}, "nowhere: expected a safetensors file"),
    ("three_ideas", {"methods": ("rbm",)}, "--methods: expected some that are tried in rectified"),
    ("three_ideas", {"seed": 2**32 - 1}, "--seeds: expected the last of --seed=4294967295"),
    ("three_ideas", {"n_train": 15}, "training images: expected a multiple of 10"),
    ("three_ideas", {"batch_size": 21}, "batch size: expected 1 to 20"),
    ("comparators", {"few": 21}, "--few: expected at most 20"),
    ("comparators", {"svm_cases": 30}, "--svm_cases: expected at most 20"),
    ("comparators", {"batch_size": 21}, "batch size: expected 1 to 20"),
    ("comparators", {"n_train": 400}, "training images: expected at most 4 of class 0"),
    ("rbm_learning_rules", {"batch_size": 1000}, "batch size: expected 1 to 40"),
    ("rbm_learning_rules", {"tied": True}, "--tied: expected --below too"),
    ("rbm_learning_rules", {"tied": True, "rules": ("tempered",)}, "rules other than tempered"),
    ("rbm_learning_rules", {"below": "nowhere"}, "nowhere: expected a safetensors file"),
    ("belief_net_digits", {"batch_size": 1000}, "batch size: expected 1 to 40"),
    ("belief_net_digits", {"binarisation": "real"}, "--binarisation: expected one that makes"),
    ("belief_net_digits", {"layers": (3,)}, "--layers: expected two or more, a directed layer"),
]


@pytest.mark.parametrize(("name", "changes", "message"), REFUSED)
def test_what_no_run_can_mean_leaves_nothing_behind(tmp_path, name, changes, message):
    assert message in refusal(name, Person(tmp_path).config(name, **changes))
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("config", [MainJob, mnist_classifier.Config])
def test_every_preset_can_be_meant(config):
    for name in config.PRESETS:
        config.with_preset(name).check_options()
