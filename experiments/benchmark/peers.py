"""The same CD-1 epoch in other libraries, where they are installed.

The PyTorch step is written here and does what dbnjax does, from uint8 pixels on, with its additions
inside the products. The libraries do what they do of their own accord, and are given float32
intensities, made before the clock runs. scikit-learn: persistent CD with sampled pixels, no
momentum, no decay, no shuffling. learnergy: sampled pixels, the gradient by autograd, decay of
biases too, and a pseudo-likelihood in every step, ten products in all. rbms: sampled pixels,
centred, the gradient normalised, no momentum, no decay.
"""

import importlib
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from experiments.benchmark import parts as benchmark_parts
from experiments.benchmark.jobs import DECAY, MOMENTUM, RATE, Job, Setting
from experiments.common import provenance


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
    make: Callable[[Any, np.ndarray, int, int], Callable[[], Any]]


def jobs(setting: Setting) -> list[Job]:
    """Makes a row for each peer; one that is not installed has nothing to call."""
    pixels, size = setting.pixels, setting.sizes.batch_size
    n_hidden = setting.sizes.layers[0]
    parts = benchmark_parts.contrastive_divergence(size, pixels.shape[-1], n_hidden)

    def job(peer: Peer) -> Job:
        found = find(peer.module)
        call = None if found is None else peer.make(found, pixels, n_hidden, size)
        name = f"CD-1 epoch in {peer.name}"
        return Job(name, "minibatch", setting.n_steps, call, parts, size, compiled=False)

    return [job(peer) for peer in PEERS]


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


def scikit_learn(
    module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int
) -> Callable[[], Any]:
    """Returns a call that learns for an epoch with `BernoulliRBM`."""
    intensities = _intensities(pixels)
    machine = module.BernoulliRBM(n_hidden, learning_rate=RATE, batch_size=batch_size, n_iter=1)
    return lambda: machine.set_params(random_state=0).fit(intensities)


def _on_all_cores(torch: Any) -> None:
    torch.set_num_threads(provenance.machine()["cores"])


def minibatches(torch: Any, n_cases: int, batch_size: int) -> Iterable[Any]:
    """Returns the rows of an epoch's minibatches, shuffled."""
    order = torch.randperm(n_cases)[: n_cases // batch_size * batch_size]
    return order.split(batch_size)  # type: ignore[no-any-return]


class Parameters(NamedTuple):
    """A binary machine in PyTorch tensors, or its velocity."""

    visible: Any
    hidden: Any
    weights: Any


def pytorch(torch: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Callable[[], Any]:
    """Returns a call that learns for an epoch on all cores."""
    _on_all_cores(torch)
    data = torch.from_numpy(pixels)
    n_visible = pixels.shape[-1]
    sizes = (n_visible, n_hidden, (n_visible, n_hidden))
    params, velocity = (Parameters(*map(torch.zeros, sizes)) for _ in range(2))
    params.weights.normal_(std=0.01)

    @torch.inference_mode()
    def epoch() -> Any:
        errors = [
            pytorch_step(torch, params, velocity, data[rows].float().div_(255))
            for rows in minibatches(torch, len(data), batch_size)
        ]
        return torch.stack(errors).mean()

    return epoch


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


def learnergy(module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Callable[[], Any]:
    """Returns a call that learns for an epoch with learnergy's `RBM`."""
    torch = importlib.import_module("torch")
    _on_all_cores(torch)
    intensities = torch.from_numpy(_intensities(pixels))
    cases = torch.utils.data.TensorDataset(intensities, intensities)  # targets play no part
    machine = module.RBM(
        pixels.shape[-1], n_hidden, learning_rate=RATE, momentum=MOMENTUM, decay=DECAY
    )
    return lambda: machine.fit(cases, batch_size=batch_size, epochs=1)


def rbms(module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Callable[[], Any]:
    """Returns a call that learns for an epoch with rbms, its training loop without the files."""
    torch = importlib.import_module("torch")
    _on_all_cores(torch)
    data = torch.from_numpy(_intensities(pixels))
    weights = torch.ones(len(data))
    classes = importlib.import_module("rbms.bernoulli_bernoulli.classes")
    n_visible = pixels.shape[-1]
    first = 0.01 * torch.randn(n_visible, n_hidden)
    machine = classes.BBRBM(first, torch.zeros(n_visible), torch.zeros(n_hidden))
    machine.init_grad()
    optimizer = torch.optim.SGD(machine.parameters(), lr=RATE, maximize=True)

    @torch.no_grad()
    def epoch() -> Any:
        for rows in minibatches(torch, len(data), batch_size):
            batch = data[rows], weights[rows]
            chains = machine.init_chains(len(rows), weights=batch[1], start_v=batch[0])
            optimizer.zero_grad(set_to_none=False)
            module.fit_batch_pcd(batch, chains, machine, gibbs_steps=1, beta=1.0)
            optimizer.step()
        return machine.weight_matrix

    return epoch


PEERS = (
    Peer("scikit-learn", "scikit-learn", "sklearn.neural_network", scikit_learn),
    Peer("PyTorch", "torch", "torch", pytorch),
    Peer("learnergy", "learnergy", "learnergy.models.bernoulli.rbm", learnergy),
    Peer("rbms", "rbms", "rbms.training.pcd", rbms),
)
