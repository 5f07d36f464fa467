"""Softmax groups: one unit of each group is on, p_i = exp(b_i + f_i) / sum_j (eq. 6.1).

A group of K categories is K units of the layer, one-of-K states; a layer may hold any number
of groups of one size. E(x) = -b . x on the one-of-K states.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import Unit


@pytree
class Categorical(Unit):
    """Softmax groups, laid out one after another along the last axis.

    Attributes:
      bias: `[n_groups * n_categories]`.
      n_categories: categories in each group, static.
    """

    bias: Array
    n_categories: int = struct.field(pytree_node=False)

    @classmethod
    def zeros(cls, n_categories: int, n_groups: int = 1) -> "Categorical":
        """Makes groups without bias."""
        checks.check_count("categories", n_categories, 1)
        checks.check_count("groups", n_groups, 1)
        return cls(bias=jnp.zeros(n_groups * n_categories), n_categories=n_categories)

    @property
    def size(self) -> int:
        """The number of units, over all groups."""
        return self.bias.shape[-1]

    @property
    def n_blocks(self) -> int:
        """The number of groups."""
        return self.size // self.n_categories

    @property
    def n_states(self) -> int:
        """The number of categories to the power of the number of groups."""
        return self.n_categories**self.n_blocks

    def state(self, index: Array) -> Array:
        """Returns the number's digits to the base of the number of categories, one-of-K each."""
        place = self.n_categories ** np.arange(self.n_blocks - 1, -1, -1)
        digits = index[..., None] // place % self.n_categories
        states = jax.nn.one_hot(digits, self.n_categories, dtype=self.bias.dtype)
        return states.reshape(*index.shape, self.size)

    def _grouped(self, x: Array) -> Array:
        return x.reshape(*x.shape[:-1], -1, self.n_categories)

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether one unit of each group is on, or the units sum to 1 for a mean."""
        groups = self._grouped(x)
        if means:
            one = jnp.abs(groups.sum(-1) - 1) < jnp.finfo(self.bias.dtype).eps ** 0.5
            return ((groups >= 0).all(-1) & one).all(-1)
        return (((groups == 0) | (groups == 1)).all(-1) & (groups.sum(-1) == 1)).all(-1)

    def energies(self, state: Array) -> Array:
        """Returns -b . x of each group, `[..., n_groups]`."""
        return -self._grouped(state * self.bias).sum(-1)

    def cumulants(self, field: Array) -> Array:
        """Returns log sum exp(b + f) of each group, `[..., n_groups]`."""
        return jax.nn.logsumexp(self._grouped(self.bias + field), axis=-1)

    def mean(self, field: Array) -> Array:
        """Returns the softmax of each group, `[..., n]`."""
        total = self.bias + field
        return jax.nn.softmax(self._grouped(total), axis=-1).reshape(total.shape)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws one-of-K states, `[..., n]`; NaN in groups without a distribution."""
        total = self.bias + field
        shape, total = total.shape, self._grouped(total)
        chosen = numerics.categorical(key, total)
        states = jax.nn.one_hot(chosen, self.n_categories, dtype=total.dtype)
        largest = total.max(-1, keepdims=True)
        unknown = jnp.isnan(largest) | (largest == -jnp.inf)
        return jnp.where(unknown, jnp.nan, states).reshape(shape)

    def statistics(self, state: Array) -> "Categorical":
        """Returns -dE/db = x."""
        return dataclasses.replace(self, bias=state)

    def expected_statistics(self, field: Array) -> "Categorical":
        """Returns dGamma/db, the softmax."""
        return dataclasses.replace(self, bias=self.mean(field))

    def shift_field(self, shift: Array) -> "Categorical":
        """Returns units with the bias `b + shift`."""
        return dataclasses.replace(self, bias=self.bias + shift)

    def match(self, mean: Array, variance: Array) -> "Categorical":
        """Returns the bias log p, p kept above 0.001."""
        self.check_moments(mean, variance)
        del variance
        return dataclasses.replace(self, bias=jnp.log(jnp.maximum(mean, 1e-3)))

    def check_mean(self, name: str, values: np.ndarray) -> None:
        """Refuses what is outside [0, 1]; cases without a label take from a group's sum."""
        checks.check_unit_interval(name, values, rounding=1e-5)

    def check_data(self, name: str, values: np.ndarray) -> None:
        """Refuses groups that are neither one-of-K nor probabilities."""
        groups = values.reshape(*values.shape[:-1], -1, self.n_categories)
        checks.check_label_states(name, groups, self.n_categories, means=True)

    def check(self) -> None:
        """Checks that the units are whole groups, too."""
        super().check()
        group = self.n_categories
        checks.require(
            group > 0 and self.size % group == 0,
            f"expected whole softmax groups of {group}, got {self.size} units",
        )

    def check_mask(self, mask: np.ndarray) -> None:
        """Refuses a mask that clamps a part of a group: its units are not free apart."""
        super().check_mask(mask)
        groups = mask.reshape(-1, self.n_categories)
        split = np.flatnonzero(groups.any(-1) != groups.all(-1))
        checks.require(
            split.size == 0,
            f"clamp mask: expected whole softmax groups of {self.n_categories}, but the mask "
            f"splits group {split[:1].tolist()}; clamp all of a group or none of it",
        )
