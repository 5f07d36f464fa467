"""Backpropagation beside its products: what a step does, in place, and PyTorch's step the same."""

import jax
import numpy as np
import pytest
from traced_work import counted, work

from experiments.benchmark import backprop as benchmark_backprop
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import parts as benchmark_parts
from experiments.benchmark.jobs import MOMENTUM, RATE, Sizes

WIDTHS = (16, 9, 6, 11, 10)  # no two matrices of one shape
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 16), dtype=np.uint8)
SETTING = benchmark_jobs.setting(
    Sizes(layers=WIDTHS[1:-1], batch_size=10), PIXELS, np.arange(40) % 10
)
WHAT = benchmark_backprop.training(SETTING)
KEY = jax.random.key(0)


def step(state):
    batch = WHAT.prepare(KEY, None, SETTING.data.pixels[:10], SETTING.data.labels[:10])
    return WHAT.learner.step(KEY, WHAT.hyper, state, batch)


def first_state():
    return WHAT.learner.init(KEY, WHAT.params)


def test_the_parts_of_backpropagation_are_what_a_step_does():
    assert work(step, first_state()) == counted(benchmark_parts.backprop(10, WIDTHS))


def test_both_rows_are_there_and_an_epoch_in_pytorch_runs():
    pytest.importorskip("torch")
    ours, theirs = benchmark_backprop.backprop(SETTING)
    assert theirs.name == f"{ours.name} in PyTorch"
    assert (ours.n_units, ours.parts, ours.images) == (theirs.n_units, theirs.parts, theirs.images)
    assert float(theirs.call()) > 0


def test_the_pytorch_step_is_the_library_s():
    torch = pytest.importorskip("torch")
    net = benchmark_backprop.sequential(torch, WIDTHS)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    pixels, labels = torch.from_numpy(PIXELS[:10]), torch.arange(10)
    params = [torch.tensor(np.array(x)) for x in jax.tree.leaves(WHAT.params)]
    with torch.no_grad():
        for bias, weights, module in zip(params[::2], params[1::2], net[::2], strict=True):
            module.bias.copy_(bias)
            module.weight.copy_(weights.T)
    state = first_state()
    for _ in range(2):
        state, info = step(state)
        v = pixels.float().div_(255)
        cost = benchmark_backprop.pytorch_step(torch, net, optimizer, v, labels)
        np.testing.assert_allclose(float(cost), info.cross_entropy, rtol=1e-5)
    leaves = jax.tree.leaves(state.params)
    for bias, weights, module in zip(leaves[::2], leaves[1::2], net[::2], strict=True):
        np.testing.assert_allclose(bias, module.bias.detach().numpy(), atol=1e-6)
        np.testing.assert_allclose(weights, module.weight.detach().numpy().T, atol=1e-6)
