"""Units of which some are not there: of a missing item, a rating that was not given.

A mask says for each block, one unit or one softmax group, whether it is present. An absent block
has one state, zeros, with an energy, a cumulant, a mean, statistics and a draw of zero: the machine
is, number for number, the one that was made without it. Zeros as data would be something else, a
state of units that are there and say "off".

Neither the states nor the fields of absent units are read by their layer; the other layer reads
states, and so they must be zeros there (`only_present`).

Source: Salakhutdinov, Mnih and Hinton 2007, "Restricted Boltzmann machines for collaborative
filtering", where each user has a machine with softmax units for the items that this user rated.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array, Draws, Key, floating_type, pytree
from dbnjax.units.base import Tails, Unit
from dbnjax.units.concat import Concat


def present(unit: Any, mask: Any) -> Any:
    """Makes units of which some blocks are absent, checked.

    Args:
      unit: any units; each part of a `Concat` gets the piece of the mask that belongs to it.
      mask: `[n_blocks]` true or 1 where present, or `[n_cases, n_blocks]` for a mask for each case.

    Raises:
      InputError: the mask has another width, or says other than yes or no.

    Example:
      >>> from dbnjax.units import Categorical
      >>> items = present(Categorical.zeros(2, n_groups=3), jnp.array([True, False, True]))
      >>> items.mean(jnp.zeros(6)).tolist()
      [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]
    """
    checks.check_array("presence", mask)
    checks.require(
        mask.shape[-1:] == (unit.n_blocks,),
        f"presence: expected {unit.n_blocks} entries in the last axis, one for each unit or whole "
        f"softmax group, got shape {mask.shape}; a table of single states becomes one by any(-1)",
    )
    if checks.is_concrete(mask):
        values = np.asarray(mask)
        checks.require(
            bool(((values == 0) | (values == 1)).all()),
            "presence: expected true or false, 1 or 0, got other numbers; ratings become a mask by "
            "telling where there is one",
        )
    mask = jnp.asarray(mask, floating_type(unit))
    if isinstance(unit, Concat):
        ends = np.cumsum([part.n_blocks for part in unit.parts])[:-1].tolist()
        pieces = zip(unit.parts, jnp.split(mask, ends, axis=-1), strict=True)
        return Concat(tuple(Present(part, piece) for part, piece in pieces))
    return Present(unit, mask)


@pytree
class Present(Unit):
    """Units of one type of which some blocks are absent; made by `present`.

    Attributes:
      unit: the units.
      mask: `[n_blocks]`, 1 where present and 0 where not, in the floating type of the units;
        `[n_cases, n_blocks]` where it differs from case to case. Its statistics are zero: it is not
        learned.
    """

    unit: Any
    mask: Array

    not_learned = ("mask",)

    @property
    def size(self) -> int:
        """The number of units, absent ones too."""
        return int(self.unit.size)

    @property
    def n_blocks(self) -> int:
        """The number of blocks, absent ones too."""
        return int(self.unit.n_blocks)

    @property
    def n_states(self) -> None:
        """None: their number depends on the mask, so that an exact sum is over the other layer."""
        return None

    @property
    def _blocks(self) -> Array:
        return self.mask > 0

    @property
    def _units(self) -> Array:
        return jnp.repeat(self._blocks, self.size // self.n_blocks, axis=-1)

    def only_present(self, x: Array) -> Array:
        """Returns states or fields with zeros in the place of absent units, `[..., n]`."""
        return jnp.where(self._units, x, 0)

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether absent units are 0 and the others have one of their states, `[...]`."""
        nothing = (self._units | (x == 0)).all(-1)
        return nothing & self.unit.has_state(self._filled(x), means)

    def energies(self, state: Array) -> Array:
        """Returns the energies of the blocks that are present, `[..., n_blocks]`."""
        return jnp.where(self._blocks, self.unit.energies(self.only_present(state)), 0)

    def cumulants(self, field: Array) -> Array:
        """Returns the cumulants of the blocks that are present, `[..., n_blocks]`."""
        return jnp.where(self._blocks, self.unit.cumulants(self.only_present(field)), 0)

    def mean(self, field: Array) -> Array:
        """Returns the means of the units that are present, `[..., n]`."""
        return self.only_present(self.unit.mean(self.only_present(field)))

    def sample(self, key: Key, field: Array) -> Array:
        """Draws the units that are present, `[..., n]`."""
        return self.only_present(self.unit.sample(key, self.only_present(field)))

    def statistics(self, state: Array) -> "Present":
        """Returns those of the units that are present."""
        return self._of_present(self.unit.statistics(self.only_present(state)))

    def expected_statistics(self, field: Array) -> "Present":
        """Returns those of the units that are present."""
        return self._of_present(self.unit.expected_statistics(self.only_present(field)))

    def shift_field(self, shift: Array) -> "Present":
        """Shifts the field of the units."""
        return dataclasses.replace(self, unit=self.unit.shift_field(shift))

    def match(self, mean: Array, variance: Array) -> "Present":
        """Matches the units, absent ones too."""
        return dataclasses.replace(self, unit=self.unit.match(mean, variance))

    def check_moments(self, mean: Array, variance: Array) -> None:
        """Refuses what the units refuse."""
        self.unit.check_moments(mean, variance)

    def check_mean(self, name: str, values: np.ndarray) -> None:
        """Refuses what the units refuse."""
        self.unit.check_mean(name, values)

    def check_data(self, name: str, values: np.ndarray) -> None:
        """Refuses other values than 0 of absent units, and what the others refuse."""
        if not checks.is_concrete(self):
            return
        with jax.ensure_compile_time_eval():  # where a function is traced, these are constants
            here = np.asarray(self._units)
            filled = np.asarray(self._filled(jnp.asarray(values)))
        wrong = ~here & (np.asarray(values) != 0)
        checks.require(
            not wrong.any(),
            f"{name}: expected zeros where units are absent, got {int(wrong.sum())} other values; "
            "only_present of the units makes them zeros",
        )
        self.unit.check_data(name, filled)

    def check_mask(self, mask: np.ndarray) -> None:
        """Refuses a clamping mask that the units refuse."""
        self.unit.check_mask(mask)

    def check(self) -> None:
        """Raises `InputError` unless the mask has an entry a block, and the units pass."""
        checks.require(
            not isinstance(self.unit, Concat),
            "expected units of one type, got a Concat; presence.present masks each of its parts",
        )
        self.unit.check()
        checks.require(
            np.shape(self.mask) == (self.n_blocks,),
            f"mask: expected shape ({self.n_blocks},), one entry a block, got "
            f"{np.shape(self.mask)}; more axes belong to an ensemble or to cases",
        )

    def tails(self) -> Tails:
        """Those of the units, absent ones too."""
        tails: Tails = self.unit.tails()
        return tails

    def binary(self) -> np.ndarray:
        """Where the units are binary."""
        return np.asarray(self.unit.binary())

    def draw(self, key: Key, field: Array, how: Draws) -> tuple[Array, "Present"]:
        """Draws or averages the units that are present."""
        state, statistics = self.unit.draw(key, self.only_present(field), how)
        return self.only_present(state), self._of_present(statistics)

    def _filled(self, x: Array) -> Array:
        """Puts some state of the units where they are absent: a draw, which is one of any type."""
        some = self.unit.sample(jax.random.key(0), self.unit.no_field())
        return jnp.where(self._units, x, some)

    def _of_present(self, statistics: Any) -> "Present":
        """Makes the statistics of absent units zero, and those of the mask, which is no parameter.

        A leaf has an entry a unit or an entry a block, such as a number of draws.
        """
        units, blocks = self._units, self._blocks

        def one(leaf: Array) -> Array:
            return jnp.where(units if leaf.shape[-1] == self.size else blocks, leaf, 0)

        masked = jax.tree.map(one, statistics)
        lead = jax.tree.leaves(masked)[0].shape[:-1]
        return Present(masked, jnp.zeros((*lead, self.n_blocks), self.mask.dtype))
