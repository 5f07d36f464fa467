"""Small layers of every unit type, and the oracle's table for each."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import oracles

from dbnjax import units


def _vector(*values: float) -> jax.Array:
    return jnp.array(values, jnp.float32)


BERNOULLI = units.Bernoulli(bias=_vector(0.3, -1.2, 0.8))
CATEGORICAL = units.Categorical(bias=_vector(0.5, -0.7, 1.1, 0.2), n_categories=4)
GROUPS = units.Categorical(
    bias=_vector(0.5, -0.7, 1.1, 0.0, 0.4, -1.3, 2.0, 0.1, -0.2), n_categories=3
)
GAUSSIAN = units.Gaussian(bias=_vector(0.7, -0.4), raw_log_variance=_vector(0.5, -0.8))
RELU = units.Relu(bias=_vector(0.6, -1.1), raw_log_variance=_vector(-0.6, 0.4))
POISSON = units.Poisson(bias=_vector(0.4, -0.6))
NOISY_RELU = units.NoisyRelu(bias=_vector(0.5, -0.9))
ONE_GAUSSIAN = units.Gaussian(bias=_vector(0.3), raw_log_variance=_vector(-0.5))
ONE_RELU = units.Relu(bias=_vector(0.2), raw_log_variance=_vector(0.3))
ONE_POISSON = units.Poisson(bias=_vector(0.4))
MIXED = units.Concat((units.Bernoulli(bias=_vector(-0.4, 0.9)), CATEGORICAL, ONE_GAUSSIAN))
MULTINOMIAL = units.Multinomial(bias=_vector(0.5, -0.7, 1.1), n_draws=_vector(4.0))
SOME_GROUPS = units.Present(GROUPS, mask=_vector(1.0, 0.0, 1.0))
SOME_REAL = units.Present(GAUSSIAN, mask=_vector(0.0, 1.0))
SOME = units.Concat((units.Present(BERNOULLI, mask=_vector(0.0, 1.0, 1.0)), SOME_REAL))
COUNTED = units.Concat((ONE_POISSON, CATEGORICAL, ONE_RELU))

WITH_ENERGY: dict[str, Any] = {
    "bernoulli": BERNOULLI,
    "categorical": CATEGORICAL,
    "groups": GROUPS,
    "gaussian": GAUSSIAN,
    "relu": RELU,
    "poisson": POISSON,
    "mixed": MIXED,
    "counted": COUNTED,
    "multinomial": MULTINOMIAL,
    "some groups": SOME_GROUPS,
    "some of several": SOME,
}
ALL: dict[str, Any] = {**WITH_ENERGY, "noisy_relu": NOISY_RELU}


def layer(unit: Any) -> oracles.Layer:
    """The oracle's table for a unit with an energy."""
    parameters = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(unit)]
    match unit:
        case units.Bernoulli():
            return oracles.bernoulli(*parameters)
        case units.Categorical():
            return oracles.categorical(*parameters, unit.n_categories)
        case units.Gaussian():
            return oracles.gaussian(*parameters)
        case units.Relu():
            return oracles.relu(*parameters)
        case units.Poisson():
            return oracles.poisson(*parameters)
        case units.Multinomial(n_draws=number):
            return oracles.multinomial(parameters[0], round(float(number[0])))
        case units.Present():
            blocks = [oracles.absent(unit.size // unit.n_blocks)] * unit.n_blocks
            for i in np.flatnonzero(np.asarray(unit.mask) > 0.5):
                blocks[i] = layer(block(unit.unit, i, unit.n_blocks))
            return oracles.product(blocks)
        case units.Concat():
            return oracles.product([layer(part) for part in unit.parts])
    raise TypeError(f"no oracle for {type(unit).__name__}")


def block(unit: Any, i: int, n_blocks: int) -> Any:
    """Units that are one block of a layer of one type."""
    return jax.tree.map(lambda x: np.split(np.asarray(x), n_blocks)[i], unit)


def statistics(unit: Any) -> list[np.ndarray]:
    """The oracle's -dE/dparameter of every state, `[S, n]` for each leaf of the unit."""
    leaves, structure = jax.tree.flatten(unit)
    exact = [np.asarray(leaf, np.float64) for leaf in leaves]

    def energy_by(i: int, parameter: np.ndarray) -> np.ndarray:
        changed = [*exact[:i], parameter, *exact[i + 1 :]]
        return layer(jax.tree.unflatten(structure, changed)).energy

    return [
        oracles.negative_slope(lambda p, i=i: energy_by(i, p), leaf) for i, leaf in enumerate(exact)
    ]
