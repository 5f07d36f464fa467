"""Belief nets of digits at the size of a test: what each method learns, and what is judged."""

import jax
import numpy as np
import pytest

from dbnjax.evaluation import exact, exact_nets
from experiments.belief_net_digits import main, methods, report, train
from experiments.belief_net_digits.config import METHODS, TINY, Config
from experiments.common import binarised


@pytest.fixture
def task(idx_folder, tmp_path):
    config = Config(data_dir=str(idx_folder), workdir=str(tmp_path / "run"), **TINY)
    return main.prepare(config, binarised.read(config))


def stages(task, name):
    """The stages of a method, each taken for learned as it began."""
    method, told = methods.METHODS[name](jax.random.key(1), task.config, task.data.pixels), None
    while True:
        try:
            stage = method.send(told)
        except StopIteration:
            return
        yield stage
        told = stage.start


def test_every_method_ends_with_the_layers_that_were_asked_for(task):
    assert tuple(methods.METHODS) == METHODS
    names = {}
    for name in METHODS:
        found = list(stages(task, name))
        names[name] = [stage.name for stage in found]
        net = found[-1].net(found[-1].start)
        net.check()
        sizes = [layer.unit.size for layer in net.recognition] + [net.memory.hidden.size]
        assert [n for n in sizes if n] == list(task.config.layers)
        assert net.generative[0].unit.size == 16
    assert names["greedy"] == ["RBM 1", "RBM 2", "up-down"]
    assert names["modules"] == ["module 1", "module 2", "wake-sleep"]
    assert names["causes"] == names["wake_sleep"] == ["wake-sleep"]


def test_what_is_judged_is_the_bound_on_what_the_stages_make(task):
    """Of nets this small everything is exact but the recognition passes."""
    for name in ("greedy", "modules"):
        for stage in stages(task, name):
            net = stage.net(stage.start)
            found = train.judge(task, jax.random.key(2), net)
            if net.recognition:
                truth = exact_nets.bound(net, task.judged).bound.mean()
            else:
                truth = exact.log_prob(net.memory, task.judged).mean()
            reach = 0.05 + 4 * (found["high"] - found["low"])
            assert abs(found["bound"] - truth) < reach
            assert 0 <= found["errors"] <= len(task.judged)


def test_a_method_is_judged_at_the_end_of_every_stage(task):
    curve = train.learn(task, "modules")
    assert curve["stage"] == ["module 1", "module 2", "wake-sleep"]
    assert curve["epoch"] == [1, 1, 1]
    assert report.all_epochs(curve) == [1, 2, 3]
    assert (np.diff(curve["seconds"]) > 0).all()
    assert train.points(Config(points=4), 10) == {10, 8, 5, 2}
