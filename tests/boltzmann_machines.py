"""Small Boltzmann machines of every shape, with strong couplings, and their oracle tables."""

import itertools

import cases
import jax.numpy as jnp
import numpy as np
import oracles_boltzmann

from dbnjax import units
from dbnjax.models import boltzmann
from dbnjax.models.boltzmann import Boltzmann
from dbnjax.models.couplings import between, lateral

SCALE = 0.8  # standard deviation of weights: strong, so that a wrong sign shows


def bernoulli(rng, n):
    return units.Bernoulli(jnp.asarray(rng.normal(0, 0.7, n), jnp.float32))


def weights(rng, n, m):
    return jnp.asarray(rng.normal(0, SCALE, (n, m)), jnp.float32)


def symmetric(rng, unit, exists=1.0):
    """Lateral weights of a layer, none inside a block."""
    number = np.concatenate([
        [(begin, i // (run.size // run.n_blocks)) for i in range(run.size)]
        for begin, run in unit.runs()
    ])  # fmt: skip
    apart = (number[:, None] != number[None]).any(-1)
    upper = np.triu(rng.normal(0, SCALE, (unit.size, unit.size)) * apart * exists, 1)
    return jnp.asarray(upper + upper.T, jnp.float32)


def chain(seed: int = 0, sizes: tuple[int, ...] = (4, 3, 2)) -> Boltzmann:
    """A deep Boltzmann machine of binary layers."""
    rng = np.random.default_rng(seed)
    layers = [bernoulli(rng, n) for n in sizes]
    pairs = itertools.pairwise(sizes)
    return boltzmann.deep(layers, [weights(rng, *pair) for pair in pairs])


def labelled_chain(seed: int = 1) -> Boltzmann:
    """Layers 3-2-2 with a softmax group of three labels that joins the top."""
    rng = np.random.default_rng(seed)
    labels = units.Categorical(jnp.asarray(rng.normal(size=3), jnp.float32), 3)
    layers = [bernoulli(rng, 3), bernoulli(rng, 2), bernoulli(rng, 2), labels]
    pairs = [(0, 1), (1, 2), (2, 3)]
    return boltzmann.create(
        layers, [between(weights(rng, layers[i].size, layers[j].size), i, j) for i, j in pairs]
    )


def semi_restricted(seed: int = 2, n_visible: int = 5, n_hidden: int = 3) -> Boltzmann:
    """Binary visible units with lateral weights, binary hidden units."""
    rng = np.random.default_rng(seed)
    visible, hidden = bernoulli(rng, n_visible), bernoulli(rng, n_hidden)
    return boltzmann.semi_restricted(
        visible, hidden, weights(rng, n_visible, n_hidden), symmetric(rng, visible)
    )


def general(seed: int = 3, n_visible: int = 4, n_hidden: int = 3) -> Boltzmann:
    """Binary units, every one coupled with every other."""
    rng = np.random.default_rng(seed)
    visible, hidden = bernoulli(rng, n_visible), bernoulli(rng, n_hidden)
    return boltzmann.general(
        visible,
        hidden,
        weights(rng, n_visible, n_hidden),
        symmetric(rng, visible),
        symmetric(rng, hidden),
    )


def mixed(seed: int = 4) -> Boltzmann:
    """Softmax groups beside binary units with lateral weights; three layers, all pairs coupled."""
    rng = np.random.default_rng(seed)
    groups = units.Categorical(jnp.asarray(rng.normal(size=4), jnp.float32), 2)
    visible = units.Concat((bernoulli(rng, 2), groups))
    layers = [visible, bernoulli(rng, 2), bernoulli(rng, 2)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    coupled = [between(weights(rng, layers[i].size, layers[j].size), i, j) for i, j in pairs]
    return boltzmann.create(layers, [*coupled, lateral(symmetric(rng, visible), 0)])


def sparse(seed: int = 5, n: int = 5) -> Boltzmann:
    """A ring of binary units, alone in one layer."""
    rng = np.random.default_rng(seed)
    unit, place = bernoulli(rng, n), np.arange(n)
    distance = np.abs(place[:, None] - place[None])
    ring = (distance == 1) | (distance == n - 1)
    return boltzmann.create([unit], [lateral(symmetric(rng, unit, ring), 0, ring)])


def real(seed: int = 6) -> Boltzmann:
    """Two real units with a lateral weight below two binary ones."""
    rng = np.random.default_rng(seed)
    raw = jnp.asarray(rng.normal(0, 0.2, 2), jnp.float32)
    visible = units.Gaussian(jnp.asarray(rng.normal(size=2), jnp.float32), raw)
    beside = jnp.array([[0.0, -0.4], [-0.4, 0.0]])
    return boltzmann.semi_restricted(visible, bernoulli(rng, 2), weights(rng, 2, 2), beside)


FINITE = {
    "chain": chain,
    "labelled chain": labelled_chain,
    "semi-restricted": semi_restricted,
    "general": general,
    "mixed": mixed,
    "sparse": sparse,
}
"""Machines with finitely many states; `real` has infinitely many."""

ALL = FINITE | {"real": real}


def table(machine: Boltzmann) -> oracles_boltzmann.Table:
    """The oracle's table of a machine."""
    layers = [cases.layer(unit) for unit in machine.layers]
    couplings = {(c.first, c.second): np.float64(c.weights) for c in machine.couplings}
    return oracles_boltzmann.table(layers, couplings)
