"""The same epochs in other libraries, where they are installed; and backpropagation beside them.

The PyTorch steps are written here and do what dbnjax does, from uint8 pixels on: CD-1 with its
additions inside the products, backpropagation by a `Sequential` of `Linear` and `Sigmoid` and an
`SGD`. The libraries do what they do of their own accord, and are given float32 intensities, made
before the clock runs. scikit-learn: persistent CD with sampled pixels, no momentum, no decay, no
shuffling. learnergy: sampled pixels, the gradient by autograd, decay of biases too, and a
pseudo-likelihood in every step, ten products in all. rbms: sampled pixels, centred, the gradient
normalised, no momentum, no decay.
"""

import functools
import importlib
import itertools
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from dbnjax.learning import backprop as backprop_lib
from dbnjax.models import feedforward
from dbnjax.training import tuning
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import operations
from experiments.benchmark.jobs import DECAY, MOMENTUM, RATE, Setting
from experiments.benchmark.operations import Job
from experiments.common import provenance

BACKPROP = "backprop epoch"
Epoch = Callable[[], Any]


class Peer(NamedTuple):
    """Another library.

    Attributes:
      name: in its row.
      distribution: what pip calls it.
      module: that is imported.
      make: `make(module, pixels, n_hidden, batch_size)` returns a call that learns for an epoch.
    """

    name: str
    distribution: str
    module: str
    make: Callable[[Any, np.ndarray, int, int], Epoch]


def peers(setting: Setting) -> list[Job]:
    """Makes a row for each peer; one that is not installed has nothing to call."""
    what = jobs_lib.divergence(setting.stack.rbms[0], setting.sizes.batch_size)

    def row(peer: Peer) -> Job:
        found = find(peer.module)
        given = setting.pixels, setting.sizes.layers[0], what.batch_size
        return other(
            setting, f"CD-1 epoch in {peer.name}", found and peer.make(found, *given), what
        )

    return [row(peer) for peer in PEERS]


def other(setting: Setting, name: str, call: Epoch | None, what: jobs_lib.Training) -> Job:
    """Makes the row of an epoch that XLA does not compile."""
    size = what.batch_size
    return Job(name, "minibatch", setting.n_steps, call, what.parts, size, compiled=False)


def backprop(setting: Setting) -> list[Job]:
    """An epoch of the net's layers with a softmax layer on top, here and in PyTorch.

    Both start from small random weights and follow the mean cross-entropy with momentum and no
    decay; PyTorch takes as many threads as it chooses.
    """
    what, torch = tuned(setting), find("torch")
    there = torch and pytorch_backprop(torch, setting)
    ours = jobs_lib.epochs(BACKPROP, what, setting.data)
    return [ours, other(setting, f"{BACKPROP} in PyTorch", there, what)]


def tuned(setting: Setting) -> jobs_lib.Training:
    """Backpropagation as in `experiments.mnist_classifier`, without a stack below it."""
    widths, n_classes = (setting.n_pixels, *setting.sizes.layers), setting.sizes.n_labels
    return jobs_lib.Training(
        learner=backprop_lib.backprop(optax.sgd(1.0, momentum=MOMENTUM)),
        prepare=tuning.cases(n_classes),
        hyper=backprop_lib.hyper(RATE),
        params=feedforward.init(jax.random.key(0), widths, n_classes),
        context=None,
        batch_size=setting.sizes.batch_size,
        parts=operations.backprop(setting.sizes.batch_size, (*widths, n_classes)),
    )


def versions() -> dict[str, str]:
    """Returns the versions of the peers that are installed."""
    installed = [peer.distribution for peer in PEERS if find(peer.module)]
    return {name: metadata.version(name) for name in installed}


def find(module: str) -> Any:
    """Imports a module; None if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _intensities(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255


def _on_all_cores(torch: Any) -> None:
    torch.set_num_threads(provenance.machine()["cores"])


def minibatches(torch: Any, n_cases: int, batch_size: int) -> Iterable[Any]:
    """Returns the rows of an epoch's minibatches, shuffled."""
    order = torch.randperm(n_cases)[: n_cases // batch_size * batch_size]
    return order.split(batch_size)  # type: ignore[no-any-return]


def torch_epoch(torch: Any, step: Callable[..., Any], batch_size: int, *data: Any) -> Epoch:
    """Returns a call that makes a step `step(v, ...)` of every minibatch of pixels and the like."""

    def epoch() -> Any:
        rows = minibatches(torch, len(data[0]), batch_size)
        batches = ([tensor[chosen] for tensor in data] for chosen in rows)
        return torch.stack([step(v.float().div_(255), *more) for v, *more in batches]).mean()

    return epoch


def pytorch_backprop(torch: Any, setting: Setting) -> Epoch:
    """Returns a call that learns for an epoch."""
    sizes = setting.sizes
    pixels, labels = torch.from_numpy(setting.pixels), torch.from_numpy(setting.labels).long()
    net = sequential(torch, (setting.n_pixels, *sizes.layers, sizes.n_labels))
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    step = functools.partial(backprop_step, torch, net, optimizer)
    return torch_epoch(torch, step, sizes.batch_size, pixels, labels)


def sequential(torch: Any, sizes: tuple[int, ...]) -> Any:
    """Makes the net: a linear layer between every two sizes, all but the last one logistic."""
    linear = [torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
    hidden = [module for layer in linear[:-1] for module in (layer, torch.nn.Sigmoid())]
    return torch.nn.Sequential(*hidden, linear[-1])


def backprop_step(torch: Any, net: Any, optimizer: Any, v: Any, labels: Any) -> Any:
    """Makes one step in place; returns the mean cross-entropy before it."""
    optimizer.zero_grad()
    cost = torch.nn.functional.cross_entropy(net(v), labels)
    cost.backward()
    optimizer.step()
    return cost.detach()


def scikit_learn(module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Epoch:
    """Returns a call that learns for an epoch with `BernoulliRBM`."""
    intensities = _intensities(pixels)
    rbm = module.BernoulliRBM(n_hidden, learning_rate=RATE, batch_size=batch_size, n_iter=1)
    return lambda: rbm.set_params(random_state=0).fit(intensities)


class Parameters(NamedTuple):
    """A binary RBM in PyTorch tensors, or its velocity."""

    visible: Any
    hidden: Any
    weights: Any


def pytorch(torch: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Epoch:
    """Returns a call that learns for an epoch on all cores."""
    _on_all_cores(torch)
    n_visible = pixels.shape[-1]
    sizes = (n_visible, n_hidden, (n_visible, n_hidden))
    params, velocity = (Parameters(*map(torch.zeros, sizes)) for _ in range(2))
    params.weights.normal_(std=0.01)
    step = functools.partial(pytorch_step, torch, params, velocity)
    call = torch_epoch(torch, step, batch_size, torch.from_numpy(pixels))
    return torch.inference_mode()(call)  # type: ignore[no-any-return]


def pytorch_step(torch: Any, params: Parameters, velocity: Parameters, v: Any) -> Any:
    """Makes one step of CD-1 in place; returns the squared reconstruction error of a case."""
    n, weights = len(v), params.weights
    hidden = torch.addmm(params.hidden, v, weights).sigmoid_()
    drawn = torch.bernoulli(hidden)
    reconstructed = torch.addmm(params.visible, drawn, weights.t()).sigmoid_()
    last = torch.addmm(params.hidden, reconstructed, weights).sigmoid_()
    difference = v - reconstructed
    velocity.weights.addmm_(v.t(), hidden, beta=MOMENTUM, alpha=1 / n)
    velocity.weights.addmm_(reconstructed.t(), last, alpha=-1 / n).add_(weights, alpha=-DECAY)
    velocity.visible.mul_(MOMENTUM).add_(difference.mean(0))
    velocity.hidden.mul_(MOMENTUM).add_((hidden - last).mean(0))
    for parameter, speed in zip(params, velocity, strict=True):
        parameter.add_(speed, alpha=RATE)
    return difference.square_().sum() / n


def learnergy(module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Epoch:
    """Returns a call that learns for an epoch with learnergy's `RBM`."""
    torch = importlib.import_module("torch")
    _on_all_cores(torch)
    intensities = torch.from_numpy(_intensities(pixels))
    cases = torch.utils.data.TensorDataset(intensities, intensities)  # targets play no part
    rbm = module.RBM(pixels.shape[-1], n_hidden, learning_rate=RATE, momentum=MOMENTUM, decay=DECAY)
    return lambda: rbm.fit(cases, batch_size=batch_size, epochs=1)


def rbms(module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Epoch:
    """Returns a call that learns for an epoch with rbms, its training loop without the files."""
    torch = importlib.import_module("torch")
    _on_all_cores(torch)
    data = torch.from_numpy(_intensities(pixels))
    weights = torch.ones(len(data))
    classes = importlib.import_module("rbms.bernoulli_bernoulli.classes")
    n_visible = pixels.shape[-1]
    first = 0.01 * torch.randn(n_visible, n_hidden)
    rbm = classes.BBRBM(first, torch.zeros(n_visible), torch.zeros(n_hidden))
    rbm.init_grad()
    optimizer = torch.optim.SGD(rbm.parameters(), lr=RATE, maximize=True)

    @torch.no_grad()
    def epoch() -> Any:
        for rows in minibatches(torch, len(data), batch_size):
            batch = data[rows], weights[rows]
            chains = rbm.init_chains(len(rows), weights=batch[1], start_v=batch[0])
            optimizer.zero_grad(set_to_none=False)
            module.fit_batch_pcd(batch, chains, rbm, gibbs_steps=1, beta=1.0)
            optimizer.step()
        return rbm.weight_matrix

    return epoch


PEERS = (
    Peer("scikit-learn", "scikit-learn", "sklearn.neural_network", scikit_learn),
    Peer("PyTorch", "torch", "torch", pytorch),
    Peer("learnergy", "learnergy", "learnergy.models.bernoulli.rbm", learnergy),
    Peer("rbms", "rbms", "rbms.training.pcd", rbms),
)
