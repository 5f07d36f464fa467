"""Which layer of an RBM an exact sum runs over: the one with fewer states."""

from typing import NamedTuple

from dbnjax import checks
from dbnjax.evaluation import enumeration, quadrature
from dbnjax.evaluation.enumeration import MAX_STATES, count_in_words
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array


class Side(NamedTuple):
    """A machine turned so that its visible layer is the one to sum over.

    Attributes:
      machine: the machine or its transpose.
      exchanged: whether it is the transpose.
    """

    machine: RBM
    exchanged: bool

    def log_weight(self, x: Array) -> Array:
        """Returns -F(x), `[...]`."""
        return -rbm_lib.free_energy(self.machine, x)

    def in_order(self, summed: Array, other: Array) -> tuple[Array, Array]:
        """Returns what belongs to the visible layer, then what belongs to the hidden one."""
        return (other, summed) if self.exchanged else (summed, other)


def smaller(rbm: RBM) -> Side | None:
    """Returns the side with fewer states, None if both have too many.

    A lattice stands in for Gaussian units only where nothing else is small enough.
    """
    sides = Side(rbm, exchanged=False), Side(rbm_lib.transpose(rbm), exchanged=True)
    small = _summable(sides) or _summable(tuple(map(_on_lattice, sides)))
    return min(small, key=lambda side: side.machine.visible.n_states, default=None)


def choose(rbm: RBM) -> Side:
    """Returns the side to sum over.

    Raises:
      InputError: both layers have too many states, or a lattice does not hold its states.
    """
    side = smaller(rbm)
    visible, hidden = (count_in_words(unit.n_states) for unit in (rbm.visible, rbm.hidden))
    if side is None:
        raise checks.InputError(
            f"exact sum: expected at most {count_in_words(MAX_STATES)} states of one layer (or up "
            f"to 3 Gaussian units), got {visible} visible and {hidden} hidden; use annealed "
            "importance sampling instead (dbnjax.evaluation.ais)",
        )
    if isinstance(side.machine.visible, quadrature.Lattice) and checks.is_concrete(rbm):
        quadrature.check_reach(side.machine)
    return side


def _summable(sides: tuple[Side, ...]) -> list[Side]:
    return [side for side in sides if enumeration.fits(side.machine.visible)]


def _on_lattice(side: Side) -> Side:
    visible, hidden, weights = side.machine.visible, side.machine.hidden, side.machine.weights
    return side._replace(machine=RBM(quadrature.on_lattice(visible), hidden, weights))
