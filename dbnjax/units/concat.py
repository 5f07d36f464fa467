"""Several unit types joined into one layer, side by side along the last axis.

The 500 penultimate units and the softmax group of ten labels of the 2006 paper are one visible
layer of 510 units and one matrix product.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, numerics
from dbnjax.types import Array, Draws, Key, pytree
from dbnjax.units.base import Tails, Unit


@pytree
class Concat(Unit):
    """A layer made of parts.

    Attributes:
      parts: the units, in the order in which they lie along the last axis.

    Example:
      >>> from dbnjax.units import Bernoulli, Categorical
      >>> Concat((Bernoulli.zeros(500), Categorical.zeros(10))).size
      510
    """

    parts: tuple[Any, ...]

    @property
    def size(self) -> int:
        """The number of units, over all parts."""
        return sum(part.size for part in self.parts)

    @property
    def n_blocks(self) -> int:
        """The number of blocks, over all parts."""
        return sum(part.n_blocks for part in self.parts)

    def runs(self) -> tuple[tuple[int, Any], ...]:
        """Returns the runs of all parts, one after another."""
        begins = np.cumsum([0, *(part.size for part in self.parts)]).tolist()
        pairs = zip(begins, self.parts, strict=False)
        return tuple((begin + at, run) for begin, part in pairs for at, run in part.runs())

    def block(self, index: Any) -> "Concat":
        """Raises: the blocks of parts differ in size and type; take those of each run."""
        raise TypeError("Concat has blocks of several types; take the blocks of its runs")

    @property
    def n_states(self) -> int | None:
        """The product of the parts' numbers, None if a part has infinitely many states."""
        counts = [part.n_states for part in self.parts]
        return None if None in counts else math.prod(counts)

    def state(self, index: Array) -> Array:
        """Returns the parts' states side by side, the last part counting fastest."""
        if self.n_states is None:
            return super().state(index)
        states = []
        for part in reversed(self.parts):
            states.append(part.state(index % part.n_states))
            index = index // part.n_states
        return jnp.concatenate(states[::-1], axis=-1)

    def split(self, x: Array) -> list[Array]:
        """Cuts `[..., n]` into one array a part."""
        ends = np.cumsum([part.size for part in self.parts])[:-1].tolist()
        return jnp.split(x, ends, axis=-1)

    def _joined(self, method: Callable[[Any, Array], Array], x: Array) -> Array:
        pieces = zip(self.parts, self.split(x), strict=True)
        return jnp.concatenate([method(part, piece) for part, piece in pieces], axis=-1)

    def _parts(self, method: Callable[[Any, Array], Any], x: Array) -> "Concat":
        pieces = zip(self.parts, self.split(x), strict=True)
        return Concat(tuple(method(part, piece) for part, piece in pieces))

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether every part's piece is one of its states, `[...]`."""
        pieces = zip(self.parts, self.split(x), strict=True)
        return jnp.stack([part.has_state(piece, means) for part, piece in pieces]).all(0)

    def only_present(self, x: Array) -> Array:
        """Returns states with zeros in the place of the parts' absent units, `[..., n]`."""
        return self._joined(lambda part, piece: part.only_present(piece), x)

    def energies(self, state: Array) -> Array:
        """Returns the parts' energies side by side, `[..., n_blocks]`."""
        return self._joined(lambda part, x: part.energies(x), state)

    def cumulants(self, field: Array) -> Array:
        """Returns the parts' cumulants side by side, `[..., n_blocks]`."""
        return self._joined(lambda part, f: part.cumulants(f), field)

    def mean(self, field: Array) -> Array:
        """Returns the parts' means side by side, `[..., n]`."""
        return self._joined(lambda part, f: part.mean(f), field)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws the parts' states side by side, `[..., n]`."""
        return self.draw(key, field, "sample")[0]

    def statistics(self, state: Array) -> "Concat":
        """Returns the parts' statistics."""
        return self._parts(lambda part, x: part.statistics(x), state)

    def expected_statistics(self, field: Array) -> "Concat":
        """Returns the parts' expected statistics."""
        return self._parts(lambda part, f: part.expected_statistics(f), field)

    def shift_field(self, shift: Array) -> "Concat":
        """Shifts the field of every part."""
        return self._parts(lambda part, s: part.shift_field(s), shift)

    def match(self, mean: Array, variance: Array) -> "Concat":
        """Matches every part."""
        self.check_moments(mean, variance)
        pieces = zip(self.parts, self.split(mean), self.split(variance), strict=True)
        return Concat(tuple(part.match(m, v) for part, m, v in pieces))

    def check(self) -> None:
        """Raises `InputError` unless there is a part, and every part passes its own check."""
        checks.require(bool(self.parts), "expected one part or more, got none")
        for part in self.parts:
            part.check()

    def tails(self) -> Tails:
        """Returns the parts' tails side by side."""
        columns = zip(*(part.tails() for part in self.parts), strict=True)
        return Tails(*(np.concatenate(column) for column in columns))

    def binary(self) -> np.ndarray:
        """Returns which of the parts' units are binary, side by side."""
        return np.concatenate([part.binary() for part in self.parts])

    def check_mask(self, mask: np.ndarray) -> None:
        """Checks every part of a clamping mask."""
        super().check_mask(mask)
        for part, piece in self._on_host(mask):
            part.check_mask(piece)

    def check_mean(self, name: str, values: np.ndarray) -> None:
        """Checks every part's means."""
        for part, piece in self._on_host(values):
            part.check_mean(name, piece)

    def check_data(self, name: str, values: np.ndarray) -> None:
        """Checks every part's values."""
        for part, piece in self._on_host(values):
            part.check_data(name, piece)

    def _on_host(self, x: np.ndarray) -> Iterable[tuple[Any, np.ndarray]]:
        ends = np.cumsum([part.size for part in self.parts])[:-1]
        return zip(self.parts, np.split(x, ends, axis=-1), strict=True)

    def draw(self, key: Key, field: Array, how: Draws) -> tuple[Array, "Concat"]:
        """Draws or averages; `how` may name a choice for each part."""
        choices = (how,) * len(self.parts) if isinstance(how, str) else tuple(how)
        checks.require(
            len(choices) == len(self.parts),
            f"expected one choice or {len(self.parts)}, one a part, got {len(choices)}",
        )
        numerics.check_key(key)
        keys = jax.random.split(key, len(self.parts))
        drawn = [
            part.draw(key_part, piece, choice)
            for part, key_part, piece, choice in zip(
                self.parts, keys, self.split(field), choices, strict=True
            )
        ]
        states, statistics = zip(*drawn, strict=True)
        return jnp.concatenate(states, axis=-1), Concat(tuple(statistics))
