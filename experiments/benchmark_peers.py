"""The same CD-1 epoch in scikit-learn and in plain PyTorch, where they are installed.

scikit-learn's machine learns by persistent CD: as many products, but sampled pixels, no momentum,
no decay and no shuffling. It is given float32 intensities, made before the clock runs. The PyTorch
step does what the library's does, from uint8 pixels on, with its additions inside the products.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from experiments import benchmark_parts, provenance
from experiments.benchmark_rows import DECAY, MOMENTUM, RATE, Job, Sizes


def jobs(sizes: Sizes, pixels: np.ndarray) -> list[Job]:
    """Makes a row for each peer; one that is not installed has nothing to call."""
    n_visible, n_hidden, size = pixels.shape[-1], sizes.layers[0], sizes.batch_size
    parts = benchmark_parts.contrastive_divergence(size, n_visible, n_hidden)

    def job(name: str, module: str, make: Callable[..., Callable[[], Any]]) -> Job:
        found = _find(module)
        call = None if found is None else make(found, pixels, n_hidden, size)
        return Job(f"CD-1 epoch in {name}", "minibatch", len(pixels) // size, call, parts, False)

    return [
        job("scikit-learn", "sklearn.neural_network", scikit_learn),
        job("PyTorch", "torch", pytorch),
    ]


def versions() -> dict[str, str]:
    """Returns the versions of the peers that are installed."""
    found = {name: _find(module) for name, module in (("scikit-learn", "sklearn"), ("torch",) * 2)}
    return {name: str(module.__version__) for name, module in found.items() if module}


def _find(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def scikit_learn(
    module: Any, pixels: np.ndarray, n_hidden: int, batch_size: int
) -> Callable[[], Any]:
    """Returns a call that learns for an epoch with `BernoulliRBM`."""
    intensities = pixels.astype(np.float32) / 255
    machine = module.BernoulliRBM(n_hidden, learning_rate=RATE, batch_size=batch_size, n_iter=1)
    return lambda: machine.set_params(random_state=0).fit(intensities)


class Parameters(NamedTuple):
    """A binary machine in PyTorch tensors, or its velocity."""

    visible: Any
    hidden: Any
    weights: Any


def pytorch(torch: Any, pixels: np.ndarray, n_hidden: int, batch_size: int) -> Callable[[], Any]:
    """Returns a call that learns for an epoch on all cores."""
    torch.set_num_threads(provenance.machine()["cores"])
    data = torch.from_numpy(pixels)
    n_visible = pixels.shape[-1]
    sizes = (n_visible, n_hidden, (n_visible, n_hidden))
    params, velocity = (Parameters(*map(torch.zeros, sizes)) for _ in range(2))
    params.weights.normal_(std=0.01)

    @torch.inference_mode()
    def epoch() -> Any:
        batches = torch.randperm(len(data))[: len(data) // batch_size * batch_size]
        errors = [
            pytorch_step(torch, params, velocity, data[rows].float().div_(255))
            for rows in batches.split(batch_size)
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
