"""Counts of N draws from one softmax over K categories: a document of N words, its bag of words.

E(n) = -b . n for the counts n of all the draws in their order, so that the sum over states runs
over all K^N sequences:

    Gamma(f) = N log sum_k exp(b_k + f_k)
    p(sequence | f) = prod_k p_k^{n_k},    p = softmax(b + f)

The log multinomial coefficient, which counts the orders that one n has, is not in the energy: every
probability is one of draws in their order. That of the counts alone is larger by the coefficient,
for every machine alike. With one draw it is a softmax group (2006 paper, eq. 6.1).

N is a context and not learned: it may differ from case to case, and may be traced.

Source: Salakhutdinov and Hinton 2009, "Replicated softmax: an undirected topic model".
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import BOUNDED, Tails, Unit

_AT_ONCE = 64  # draws of a case between two looks at whether there are more to make
_SMALLEST_SHARE = 1e-3  # of an even one, for a category that the data lack


@pytree
class Multinomial(Unit):
    """K units that count how often each category came in N draws.

    Attributes:
      bias: `[n]`, one for each category.
      n_draws: `[1]` N, a whole number in the floating type; `[n_cases, 1]` beside biases
        `[n_cases, n]` for a number for each case. Its statistics are zero: it is not learned.

    Example:
      >>> unit = Multinomial.zeros(4, n_draws=8)
      >>> unit.mean(jnp.zeros(4)).tolist()
      [2.0, 2.0, 2.0, 2.0]
    """

    bias: Array
    n_draws: Array

    least_state = 0.0
    not_learned = ("n_draws",)

    @classmethod
    def zeros(cls, n: int, n_draws: Any = 1) -> "Multinomial":
        """Makes n categories without bias.

        Args:
          n: categories.
          n_draws: scalar, or `[n_cases]` for units of their own for each case.

        Raises:
          InputError: a number of draws that can be looked at is not whole, or below 0.
        """
        checks.check_count("units", n, 1)
        unit = cls(bias=jnp.zeros(n), n_draws=jnp.zeros(1))
        return unit.with_draws(n_draws)

    def with_draws(self, n_draws: Any) -> "Multinomial":
        """Returns units with another number of draws, scalar or `[...]` one for each case.

        Raises:
          InputError: as `zeros`.
        """
        if checks.is_concrete(n_draws):
            _check_whole(checks.as_numbers("numbers of draws", n_draws))
        number = jnp.asarray(n_draws, self.bias.dtype)[..., None]
        bias = jnp.broadcast_to(self.bias, (*number.shape[:-1], self.size))
        return dataclasses.replace(self, bias=bias, n_draws=number)

    @property
    def size(self) -> int:
        """The number of categories."""
        return self.bias.shape[-1]

    @property
    def n_blocks(self) -> int:
        """One: no count is independent of the others."""
        return 1

    @property
    def n_states(self) -> None:
        """None: their number depends on N, so that an exact sum is over the other layer."""
        return None

    @property
    def _number(self) -> Array:
        return jax.lax.stop_gradient(self.n_draws)

    def _log_share(self, field: Array) -> Array:
        return jax.nn.log_softmax(self.bias + field, axis=-1)

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether the units are counts, or means of counts, that add up to N, `[...]`."""
        total, number = x.sum(-1), self.n_draws[..., 0]
        if means:
            rounding = jnp.finfo(self.bias.dtype).eps ** 0.5 * (1.0 + number)
            return (x >= 0).all(-1) & (jnp.abs(total - number) < rounding)
        return ((x >= 0) & (x == jnp.round(x))).all(-1) & (total == number)

    def energies(self, state: Array) -> Array:
        """Returns -b . n, `[..., 1]`."""
        return -(state * self.bias).sum(-1, keepdims=True)

    def cumulants(self, field: Array) -> Array:
        """Returns N log sum exp(b + f), `[..., 1]`."""
        return self._number * jax.nn.logsumexp(self.bias + field, axis=-1, keepdims=True)

    def mean(self, field: Array) -> Array:
        """Returns N softmax(b + f), `[..., n]`."""
        return self._number * jax.nn.softmax(self.bias + field, axis=-1)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws counts, `[..., n]`, NaN where there is no distribution.

        The draws are made by inverting the distribution function, some at a time until the longest
        case has all of its own: the work goes with the largest N. A category's rate is right to
        2^-24, and to the rounding of a sum over categories.
        """
        numerics.check_key(key)
        share = jax.lax.stop_gradient(jax.nn.softmax(self.bias + field, axis=-1))
        number = jnp.broadcast_to(self._number, (*share.shape[:-1], 1)).reshape(-1, 1)
        upper = jnp.cumsum(share.reshape(-1, self.size), axis=-1)
        lower = upper[:, :-1] / upper[:, -1:]  # of the categories from the second on

        def more(carry: tuple[Array, Array]) -> Array:
            return (carry[0] * _AT_ONCE < number).any()

        def draw(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            i, counts = carry
            u = numerics.uniform(jax.random.fold_in(key, i), (len(number), _AT_ONCE))
            u = (u + 2.0**-25).astype(lower.dtype)
            chosen = jax.vmap(lambda row, x: jnp.searchsorted(row, x, side="right"))(lower, u)
            made = (i * _AT_ONCE + jnp.arange(_AT_ONCE) < number).astype(counts.dtype)
            return i + 1, jax.vmap(lambda row, at, one: row.at[at].add(one))(counts, chosen, made)

        nothing = jnp.zeros(upper.shape, upper.dtype)
        counts = jax.lax.while_loop(more, draw, (jnp.zeros((), jnp.int32), nothing))[1]
        counts = jnp.where(jnp.isnan(upper[:, -1:]), jnp.nan, counts)
        return counts.reshape(share.shape)

    def _statistics(self, x: Array) -> "Multinomial":
        nothing = jnp.zeros((*x.shape[:-1], 1), x.dtype)
        return dataclasses.replace(self, bias=x, n_draws=nothing)

    def statistics(self, state: Array) -> "Multinomial":
        """Returns -dE/db = n."""
        return self._statistics(state)

    def expected_statistics(self, field: Array) -> "Multinomial":
        """Returns dGamma/db, the mean."""
        return self._statistics(self.mean(field))

    def shift_field(self, shift: Array) -> "Multinomial":
        """Returns units with the bias `b + shift`."""
        return dataclasses.replace(self, bias=self.bias + shift)

    def match(self, mean: Array, variance: Array) -> "Multinomial":
        """Returns the bias log p, p being the shares that the mean counts have of their sum."""
        self.check_moments(mean, variance)
        del variance
        share = mean / jnp.maximum(mean.sum(-1, keepdims=True), jnp.finfo(mean.dtype).tiny)
        least = _SMALLEST_SHARE / self.size
        return dataclasses.replace(self, bias=jnp.log(jnp.maximum(share, least)))

    def check_data(self, name: str, values: np.ndarray) -> None:
        """Refuses what does not add up to the number of draws, too."""
        super().check_data(name, values)
        if not checks.is_concrete(self):
            return
        number = np.asarray(self.n_draws, np.float64)[..., 0]
        total = np.asarray(values, np.float64).sum(-1)
        wrong = np.abs(total - number) > 0.01 * (1.0 + number)
        checks.require(
            not wrong.any(),
            f"{name}: expected counts that add up to the number of draws, got "
            f"{int(wrong.sum())} cases of other sums; the numbers belong to other cases",
        )

    def check_mean(self, name: str, values: np.ndarray) -> None:
        """Refuses negative means; their sum is that of the data's own numbers of draws."""
        super().check_data(name, values)

    def check(self) -> None:
        """Raises `InputError` unless there is one bias a category and one whole number of draws."""
        shapes = np.shape(self.bias), np.shape(self.n_draws)
        checks.require(
            len(shapes[0]) == 1 and shapes[0][0] > 0 and shapes[1] == (1,),
            f"expected biases [n] and a number of draws [1], got shapes {shapes[0]} and "
            f"{shapes[1]}; more axes belong to an ensemble or to cases",
        )
        if checks.is_concrete(self.n_draws):
            _check_whole(np.asarray(self.n_draws))

    def tails(self) -> Tails:
        """Bounded by the number of draws."""
        n = self.size
        return Tails(np.full(n, BOUNDED), np.zeros(n), np.ones(n, bool))

    def binary(self) -> np.ndarray:
        """Nowhere: a count may be larger than 1."""
        return np.zeros(self.size, bool)


def _check_whole(numbers: np.ndarray) -> None:
    checks.check_within("numbers of draws", numbers, 0.0, math.inf)
    wrong = numbers[(numbers != np.round(numbers)) | np.isinf(numbers)]
    checks.require(
        wrong.size == 0, f"numbers of draws: expected whole numbers, got {wrong[:1]} among them"
    )
