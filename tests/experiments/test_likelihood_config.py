"""What likelihoods are called, what they might be mistaken for, and whose they are."""

import jax
import machines
import pytest

from dbnjax import rbm, units
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from experiments.common import nets
from experiments.likelihood import Config, main


def test_what_a_number_might_be_mistaken_for_is_said():
    def doubts(how, about, net="x"):
        chosen, dbn = Config(net=net, binarisation=how), machines.net(0, (4, 3, 2))
        return main.doubts(chosen, nets.Net(dbn, (2, 2), about))

    def of_rules(how):
        return {"binarisation": how}

    def of_main_job(pixels):
        return {"summary": {"config": {"pixels": pixels}}}

    for how in ("fixed", "resampled"):
        assert doubts(how, of_rules("resampled")) == doubts(how, of_main_job("sample")) == []
    assert doubts("threshold", of_rules("threshold")) == []
    assert "another binarisation (threshold) than" in doubts("fixed", of_rules("threshold"))[0]
    assert "another binarisation (real) than" in doubts("fixed", of_main_job("mean"))[0]
    for silent in ({}, {"summary": None}, {"summary": {}}, of_main_job("red")):
        assert doubts("fixed", silent) == ["the net does not say how its pixels were binarised"]
    assert doubts("real", of_main_job("mean")) == doubts("real", of_rules("real"))
    assert "no log-probabilities" in doubts("real", of_rules("real"))[0]
    real = nets.Net(of_one(gaussian(4, 2)), (2, 2), of_rules("real"))
    assert main.doubts(Config(net="x", binarisation="real"), real) == []
    (shipped,) = doubts("fixed", nets.read_net(None).metadata, None)
    assert "part of the images that the shipped net learned from" in shipped


def of_one(machine):
    return dbn_lib.untie(stack_lib.create((machine,)))


def gaussian(n_visible, n_hidden):
    visible, hidden = units.Gaussian.zeros(n_visible), units.Bernoulli.zeros(n_hidden)
    return rbm.init(jax.random.key(0), visible, hidden)


SCORE = "negative free energy less log Z of intensities"
ENTROPY = "negative cross-entropy of intensities"


@pytest.mark.parametrize(
    ("net", "how", "names"),
    [
        (of_one(machines.binary(0, 4, 3)), "fixed", ("log p(v)", "log p(v, label)")),
        (of_one(gaussian(4, 3)), "real", ("log p(v)", "log p(v, label)")),
        (of_one(machines.binary(0, 4, 3)), "real", (SCORE, f"{SCORE} and label")),
        (machines.net(0, (4, 3, 2)), "real", (ENTROPY, f"{ENTROPY} and label")),
    ],
    ids=["states", "real units", "machine", "net"],
)
def test_what_intensities_get_from_binary_units_is_no_log_p(net, how, names):
    task = main.Task(Config(binarisation=how), net, None, None, None)
    assert main.quantities(task) == names


def test_how_a_net_was_made_is_told_as_far_as_it_says():
    rule = {"command": "learn", "commit": "a", "rule": "pcd", "rate": 0.1, "epochs": 9, "seed": 0}
    assert nets.origin(rule | {"image_shape": [4, 4]}) == rule
    job = {"command": "job", "commit": "b", "preset": "best", "seed": 1}
    summary = job | {"epochs": [{"stage": "rbm_1"}], "later_commits": ["c", "d"]}
    told = job | {"commit": "b, then c, then d"}
    assert nets.origin({"summary": summary}) == told
    of_stage = {"summary": summary | {"stage": "summary"}, "stage": "greedy"}
    assert nets.origin(of_stage) == told | {"stage": "greedy"}
    for silent in ({}, {"summary": None}, {"summary": {}}):
        assert nets.origin(silent) == {}
