"""The row of backpropagation, and the same epoch in PyTorch, where it is installed.

Both tune the net's layers with a softmax layer on top, from small random weights: the mean
cross-entropy, momentum and no decay. PyTorch does it in its own words, a `Sequential` of `Linear`
and `Sigmoid` and an `SGD` beside it, on as many threads as it chooses, from uint8 pixels on.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import optax

from dbnjax.learning import backprop as backprop_lib
from dbnjax.models import feedforward
from dbnjax.training import tuning
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import parts as parts_lib
from experiments.benchmark import peers
from experiments.benchmark.jobs import MOMENTUM, RATE, Job, Setting

NAME = "backprop epoch"


def backprop(setting: Setting) -> list[Job]:
    """An epoch here and in PyTorch, which has nothing to call if it is not installed."""
    size = setting.sizes.batch_size
    parts = parts_lib.backprop(size, (*widths(setting), setting.sizes.n_labels))
    torch = peers.find("torch")
    call = None if torch is None else pytorch(torch, setting)
    return [
        jobs_lib.epochs(NAME, parts, training(setting), setting.data, size),
        Job(f"{NAME} in PyTorch", "minibatch", setting.n_steps, call, parts, size, compiled=False),
    ]


def widths(setting: Setting) -> tuple[int, ...]:
    """Returns the visible units, and the hidden ones from the bottom up."""
    return (setting.pixels.shape[-1], *setting.sizes.layers)


def training(setting: Setting) -> jobs_lib.Training:
    """Backpropagation as in `experiments.mnist_classifier`, without a stack below it."""
    n_classes = setting.sizes.n_labels
    return jobs_lib.Training(
        learner=backprop_lib.backprop(optax.sgd(1.0, momentum=MOMENTUM)),
        prepare=tuning.cases(n_classes),
        hyper=backprop_lib.hyper(RATE),
        params=feedforward.init(jax.random.key(0), widths(setting), n_classes),
        context=None,
    )


def pytorch(torch: Any, setting: Setting) -> Callable[[], Any]:
    """Returns a call that learns for an epoch."""
    pixels, labels = torch.from_numpy(setting.pixels), torch.from_numpy(setting.labels).long()
    net = sequential(torch, (*widths(setting), setting.sizes.n_labels))
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)

    def epoch() -> Any:
        costs = [
            pytorch_step(torch, net, optimizer, pixels[rows].float().div_(255), labels[rows])
            for rows in peers.minibatches(torch, len(labels), setting.sizes.batch_size)
        ]
        return torch.stack(costs).mean()

    return epoch


def sequential(torch: Any, sizes: tuple[int, ...]) -> Any:
    """Makes the net: a linear layer between every two sizes, all but the last one logistic."""
    linear = [torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
    hidden = [module for layer in linear[:-1] for module in (layer, torch.nn.Sigmoid())]
    return torch.nn.Sequential(*hidden, linear[-1])


def pytorch_step(torch: Any, net: Any, optimizer: Any, v: Any, labels: Any) -> Any:
    """Makes one step in place; returns the mean cross-entropy before it."""
    optimizer.zero_grad()
    cost = torch.nn.functional.cross_entropy(net(v), labels)
    cost.backward()
    optimizer.step()
    return cost.detach()
