"""How many updates a belief net and a Boltzmann machine of the same connections take."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import belief_nets, enumeration
from dbnjax.models import boltzmann, helmholtz
from dbnjax.models.boltzmann import Boltzmann
from dbnjax.types import Array, Key, PyTree
from dbnjax.units import Bernoulli, Concat
from experiments.belief_net.config import Config
from experiments.belief_net.modes import looks_at

MODELS = ("belief net", "Boltzmann machine")
TASKS = ("shifter", "patterns")
N_BITS, N_PATTERNS, N_COPIES, FLIPPED = 3, 4, 10, 0.1
SCALE = 0.1  # standard deviation of first weights
WAY = (
    1 / 3
)  # of what log p can gain over independent pixels: the target that updates are counted to


def cases(task: str) -> np.ndarray:
    """Returns the cases of a task, `[n, 9]`: the same in every run."""
    if task == "shifter":
        bits = np.array(list(itertools.product((0, 1), repeat=N_BITS)))
        shifts = [
            (np.roll(bits, shift, axis=1), code)
            for shift, code in zip((-1, 0, 1), np.eye(3), strict=True)
        ]
        rows = [np.hstack([bits, moved, np.tile(code, (len(bits), 1))]) for moved, code in shifts]
        return np.concatenate(rows)
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 2, (N_PATTERNS, 3 * N_BITS))
    copies = np.repeat(patterns, N_COPIES, axis=0)
    return np.where(generator.random(copies.shape) < FLIPPED, 1 - copies, copies).astype(float)


def entropy(rows: np.ndarray) -> float:
    """Returns the entropy of the cases in nats: minus the best mean log p there is."""
    _, counts = np.unique(rows, axis=0, return_counts=True)
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum())


def first_biases(rows: np.ndarray) -> Bernoulli:
    """Returns visible units that have the means of the cases without any input."""
    v = jnp.asarray(rows, float)
    return Bernoulli.zeros(rows.shape[1]).match(v.mean(0), v.var(0))


def init(model: str, key: Key, rows: np.ndarray, layers: Sequence[int]) -> PyTree:
    """Makes a model with small weights whose visible units alone have the means of the cases."""
    units = [first_biases(rows), *map(Bernoulli.zeros, layers)]
    if model == "belief net":
        return helmholtz.init(key, units, SCALE).net
    weights = [jnp.zeros((a.size, b.size)) for a, b in itertools.pairwise(units)]
    return boltzmann.randomise(key, boltzmann.deep(units, weights), SCALE)


def log_prob(machine: Boltzmann, v: Array) -> Array:
    """Returns the exact log p(v) of a chain of layers, the odd ones summed out analytically."""
    even = machine.layers[2::2]
    odd = tuple(range(1, len(machine.layers), 2))

    def log_sum(v: Array, hidden: Array) -> Array:
        """The logarithm of the sum over hidden layers for each v `[n, n_visible]`."""
        parts = Concat(even).split(hidden) if even else ()
        states: list[Any] = [None] * len(machine.layers)
        states[0] = v[:, None]
        for i, part in enumerate(parts):
            states[2 * i + 2] = part[None]
        return jax.nn.logsumexp(-boltzmann.free_energy(machine, states, odd), axis=1)

    hidden = enumeration.states(Concat(even)) if even else jnp.zeros((1, 0))
    everything = enumeration.states(machine.layers[0])
    return log_sum(v, hidden) - jax.nn.logsumexp(log_sum(everything, hidden))


ASK: dict[str, Callable[[Any, Array], Array]] = {
    "belief net": belief_nets.log_prob,
    "Boltzmann machine": log_prob,
}


def learn(config: Config, task: str, model: str) -> dict[str, Any]:
    """Climbs the exact gradient from several first weights at several rates, all at once.

    Returns:
      The record of its curves at the best rate, which has the highest mean log p in the end.
    """
    rows = cases(task)
    v, ask = jnp.asarray(rows, float), ASK[model]
    keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), 1), config.seeds)
    starts = [init(model, key, rows, config.layers) for key in keys]
    start = jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
    rates = jnp.asarray(config.rates, float)

    def value(params: PyTree) -> Array:
        return ask(params, v).mean()

    def climb(params: PyTree, rate: Array) -> Array:
        def body(params: PyTree, _: None) -> tuple[PyTree, Array]:
            log_p, gradient = jax.value_and_grad(value)(params)
            return jax.tree.map(lambda p, g: p + rate * g, params, gradient), log_p

        end, log_p = jax.lax.scan(body, params, None, config.speed_updates)
        return jnp.append(log_p, value(end))

    every = jax.vmap(jax.vmap(climb, (0, None)), (None, 0))
    curves = np.asarray(jax.jit(every)(start, rates), np.float64)  # [rates, seeds, updates + 1]
    last = curves[..., -1].mean(-1)
    best = int(np.nanargmax(last))
    looks = looks_at(config.speed_updates, config.points)
    return {
        "task": task,
        "model": model,
        "rate": config.rates[best],
        "tried": {
            f"{rate:g}": finite(x) for rate, x in zip(config.rates, last.tolist(), strict=True)
        },
        "updates": looks,
        "log_p": curves[best][:, looks].tolist(),
        "updates_to_target": fastest([updates_to_target(one, -entropy(rows)) for one in curves]),
        "best_possible": -entropy(rows),
    }


def finite(x: float) -> float | None:
    """Returns a number as JSON can hold it: None for one that is none."""
    return x if np.isfinite(x) else None


def fastest(found: Sequence[list[int | None]]) -> list[int | None]:
    """Returns the updates at the rate with the fewest on average; who never came counts as last."""
    worst = max([n for one in found for n in one if n is not None], default=0) + 1
    return min(found, key=lambda one: sum(worst if n is None else n for n in one))


def updates_to_target(curves: np.ndarray, best: float) -> list[int | None]:
    """Returns after how many updates each curve `[seeds, n]` has gone `WAY` of the way to the best.

    From where it stood at first, which is where independent pixels stand; None where it never has.
    """
    gone = curves >= (1 - WAY) * curves[:, :1] + WAY * best
    return [int(one.argmax()) if one.any() else None for one in gone]
