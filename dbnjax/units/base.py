"""What every unit type answers: its own half of the mathematics of an energy-based layer.

A layer of units has an energy E(x) with parameters of its own and receives a total input, the
field f, from its neighbours. Everything follows from

    p(x | f) = exp(-E(x) + x . f) / exp(Gamma(f)),    Gamma(f) = log sum_x exp(-E(x) + x . f)

(an integral for real-valued units). Gamma is the cumulant function: its gradient by f is the
mean and its gradient by the unit's parameters is the expectation of -dE/dparams, the unit's
sufficient statistics. Models and samplers see only this interface, never a unit type.
"""

import dataclasses
import math
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array, Draws, Key, floating_type, pytree

BOUNDED, X_LOG_X, QUADRATIC = 0, 1, 2
_ROUNDING = 1e-6  # of a variance in float32, beside the mean square
U = TypeVar("U", bound="Unit")


class Tails(NamedTuple):
    """How fast each unit's energy grows, for judging whether a machine is normalisable.

    Attributes:
      order: `[n]` BOUNDED (finitely many states), X_LOG_X or QUADRATIC.
      scale: `[n]` standard deviation of a quadratic tail, 0 elsewhere.
      one_sided: `[n]` true where the states are never negative.
    """

    order: np.ndarray
    scale: np.ndarray
    one_sided: np.ndarray


class Unit:
    """A layer of units of one type; subclasses are frozen `flax.struct` dataclasses of arrays.

    States and fields have the shape `[..., n]`. A layer's energy and cumulant are sums over its
    blocks, where a block is what is independent of the rest: one unit, or one softmax group. A
    subclass gives the terms, `energies` and `cumulants`, of which the sums follow.

    Parameters have the shape `[n]`. Units of their own for each case (`models.conditional`) have
    `[n_cases, n]`, for states and fields `[..., n_cases, n]`.
    """

    least_state = -math.inf  # no unit's state is smaller

    @property
    def size(self) -> int:
        """The number of units, read from the last axis of the parameters."""
        raise AttributeError(f"{type(self).__name__} must define size")

    @property
    def n_blocks(self) -> int:
        """The number of blocks, all of one size where the layer is of one type."""
        return self.size

    def runs(self) -> tuple[tuple[int, Any], ...]:
        """Returns the layer as pieces with blocks of one size: where each begins, and its units."""
        return ((0, self),)

    def block(self: U, index: Any) -> U:
        """Returns the units of one block alone, as a layer, of a layer that is one run.

        Args:
          index: number of the block, which may be traced.
        """

        def one(leaf: Array) -> Array:
            width = leaf.shape[-1] // self.n_blocks
            return jax.lax.dynamic_slice_in_dim(leaf, index * width, width, axis=-1)

        return self if self.n_blocks == 1 else jax.tree.map(one, self)

    @property
    def n_states(self) -> int | None:
        """The number of states of the layer, None where there are infinitely many."""
        return None

    def no_field(self, *lead: int) -> Array:
        """Returns a field of zeros in the units' own floating type, `[*lead, n]`."""
        return jnp.zeros((*lead, self.size), floating_type(self))

    def state(self, index: Array) -> Array:
        """Returns the states with these numbers, the last unit counting fastest, `[..., n]`.

        Args:
          index: `[...]` integers from 0 to `n_states - 1`.
        """
        raise TypeError(f"{type(self).__name__} has no finite list of states")

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether each x is a state of the layer, `[...]`; no other x has a probability.

        An energy has a value for more than the states, for means that stand in for them and for
        units without a state that are to count nowhere, and so cannot tell.

        Args:
          x: `[..., n]`.
          means: whether means count too where the energy is linear in the state. An energy of a
            mean is then the mean energy, and a log-probability a cross-entropy.
        """
        raise TypeError(f"{type(self).__name__} has no states")

    def only_present(self, x: Array) -> Array:
        """Returns states with zeros in the place of absent units (`presence`), `[..., n]`."""
        return x

    def energies(self, state: Array) -> Array:
        """Returns E(x) of each block, `[..., n_blocks]`."""
        raise TypeError(f"{type(self).__name__} has no energy")

    def cumulants(self, field: Array) -> Array:
        """Returns Gamma(f), the log-partition of the field, of each block, `[..., n_blocks]`."""
        raise TypeError(f"{type(self).__name__} has no cumulant")

    def energy(self, state: Array) -> Array:
        """Returns E(x) of the layer, `[...]`."""
        return self.energies(state).sum(-1)

    def cumulant(self, field: Array) -> Array:
        """Returns Gamma(f) of the layer, `[...]`."""
        return self.cumulants(field).sum(-1)

    def mean(self, field: Array) -> Array:
        """Returns the mean state for a field, `[..., n]`."""
        raise TypeError(f"{type(self).__name__} has no mean")

    def sample(self, key: Key, field: Array) -> Array:
        """Draws a state for a field, `[..., n]`."""
        raise TypeError(f"{type(self).__name__} has no sampler")

    def statistics(self: U, state: Array) -> U:
        """Returns -dE/dparams for each case: this unit type with leaves `[..., n]`."""
        raise TypeError(f"{type(self).__name__} has no statistics")

    def expected_statistics(self: U, field: Array) -> U:
        """Returns the expectation of `statistics` for a field, which is dGamma/dparams."""
        raise TypeError(f"{type(self).__name__} has no expected statistics")

    def shift_field(self: U, shift: Array) -> U:
        """Returns units whose law for a field f is this one's law for `f + shift`."""
        raise TypeError(f"{type(self).__name__} cannot take a field into its parameters")

    def match(self: U, mean: Array, variance: Array) -> U:
        """Returns units whose mean at a zero field is `mean` (and variance, where they have one).

        For a binary unit this is the bias `log(p / (1 - p))`. Means on the border of what the
        unit can express are moved inside it.

        Args:
          mean: `[n]` mean of the data.
          variance: `[n]` variance of the data.

        Raises:
          InputError: as `check_moments`.
        """
        raise TypeError(f"{type(self).__name__} cannot match a mean")

    def check_moments(self, mean: Array, variance: Array) -> None:
        """Raises `InputError` unless these `[n]` can be moments of the units' states."""
        for name, moment in (("mean of the data", mean), ("variance of the data", variance)):
            checks.check_width(name, moment, self.size)
        if checks.is_concrete((mean, variance)):
            means, variances = np.asarray(mean), np.asarray(variance)
            self.check_mean("mean of the data", means)
            # E x^2 - (E x)^2 may come out a little below zero.
            nothing = np.abs(variances) <= _ROUNDING * (1.0 + np.float64(means) ** 2)
            checks.check_within("variance of the data", np.where(nothing, 0.0, variances), 0.0)

    def check_mean(self, name: str, values: np.ndarray) -> None:
        """Raises `InputError` for a mean over cases `[n]` that no cases have."""
        self.check_data(name, values)

    def check_data(self, name: str, values: np.ndarray) -> None:
        """Raises `InputError` for values `[..., n]` that are neither states nor means."""
        checks.check_finite(name, values)
        checks.check_within(name, values, self.least_state)

    def check(self) -> None:
        """Raises `InputError` unless the parameters are arrays of one axis and of one size."""
        fields: Any = dataclasses.fields(self)  # type: ignore[arg-type]
        arrays = [field.name for field in fields if field.metadata.get("pytree_node", True)]
        for name in arrays:
            shape = np.shape(getattr(self, name))
            checks.require(
                shape == np.shape(getattr(self, arrays[0])) and len(shape) == 1,
                f"{name}: expected one axis of units, as many as in the other arrays, got shape "
                f"{shape}; more axes belong to an ensemble or to cases",
            )

    def tails(self) -> Tails:
        """Returns the growth of the energy, on the host; bounded unless overridden."""
        n = self.size
        return Tails(np.full(n, BOUNDED), np.zeros(n), np.ones(n, bool))

    def binary(self) -> np.ndarray:
        """Returns, on the host, which units have the states 0 and 1 alone, `[n]`."""
        return self.tails().order == BOUNDED

    def check_mask(self, mask: np.ndarray) -> None:
        """Raises `InputError` if a clamping mask `[n]` does not fit the units."""
        checks.require(
            mask.shape == (self.size,),
            f"clamp mask: expected shape ({self.size},), got {mask.shape}; one entry a unit",
        )

    def draw(self: U, key: Key, field: Array, how: Draws) -> tuple[Array, U]:
        """Draws a state or takes the mean, with the matching sufficient statistics.

        Args:
          key: a PRNG key, unused for a mean.
          field: `[..., n]`.
          how: "sample" or "mean".

        Returns:
          The state `[..., n]` and the statistics of each case.
        """
        if how == "sample":
            state = self.sample(key, field)
            return state, self.statistics(state)
        checks.require(
            how == "mean", f"draw: expected 'sample' or 'mean' for one unit type, got {how!r}"
        )
        return self.mean(field), self.expected_statistics(field)


@pytree
class Conditional:
    """The distribution of a layer given its field: p(x | f).

    Attributes:
      unit: the layer's units.
      field: `[..., n]` their total input, without their own bias.
    """

    unit: Any
    field: Array

    def mean(self) -> Array:
        """Returns the mean state, `[..., n]`."""
        return self.unit.mean(self.field)

    def sample(self, key: Key) -> Array:
        """Draws a state, `[..., n]`."""
        return self.unit.sample(key, self.field)

    def draw(self, key: Key, how: Draws) -> tuple[Array, Any]:
        """Draws a state or takes the mean, with the matching statistics."""
        return self.unit.draw(key, self.field, how)

    def expected_statistics(self) -> Any:
        """Returns the expected sufficient statistics of each case."""
        return self.unit.expected_statistics(self.field)

    def log_prob(self, state: Array) -> Array:
        """Returns log p(state | field) in nats, `[...]`, for a state that is one (`has_state`)."""
        state = jnp.asarray(state, self.field.dtype)
        inner = (state * self.field).sum(-1)
        return inner - self.unit.energy(state) - self.unit.cumulant(self.field)
