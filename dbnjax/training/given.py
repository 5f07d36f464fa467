"""What the fits make of what a user gives: checked cases, plans, and somebody who listens."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.training import loop, stages
from dbnjax.training.plans import LayerPlan, StackPlan, UpDownPlan
from dbnjax.training.task import Task
from dbnjax.types import Array, PyTree
from dbnjax.units import Bernoulli
from dbnjax.units.base import Unit

N_STEPS = (3, 6, 10)  # Gibbs iterations of the phases of up-down (section 6.1)
# What stages measure by validation cases, for which training cases stand in where there are none.
OF_VALIDATION = ("validation_error", "validation_cost", "free_energy_gap")
After = Callable[[str, int, PyTree, Mapping[str, float]], None]


def states(name: str, values: Any, unit: Any, n_visible: int | None = None) -> np.ndarray:
    """Returns visible states or their means as a float array `[n_cases, n_visible]`.

    Args:
      name: of the array, for messages.
      values: NumPy or JAX array.
      unit: type of the visible units.
      n_visible: the width that is wanted; None for any.

    Raises:
      InputError: they are no such array, or neither states of the units nor means of them.
    """
    check_unit_type("visible", unit)
    array = checks.as_numbers(name, values)
    checks.require(
        array.ndim == 2 and array.size > 0,
        f"{name}: expected [n_cases, n_visible], got shape {array.shape}; images become rows by "
        "reshape(len(images), -1)",
    )
    if n_visible is not None:
        checks.check_width(name, array, n_visible)
    array = array.astype(np.promote_types(array.dtype, np.float32))
    unit.zeros(array.shape[1]).check_data(name, array)
    return array


def check_unit_type(name: str, unit: Any) -> None:
    """Raises `InputError` unless something is a type of units, by which any number is made."""
    checks.require(
        isinstance(unit, type) and issubclass(unit, Unit),
        f"{name}: expected a type of units, such as units.Bernoulli, got {checks.in_words(unit)}; "
        "their number and their first parameters come from the cases",
    )


def rbm_plan(visible: Any, n_hidden: int, n_epochs: int, rate: float | None) -> LayerPlan:
    """Returns how an RBM learns by itself, at a rate that its visible units can take."""
    if rate is None:
        rate = 0.05 if visible.zeros(1).binary().all() else 0.005
    return LayerPlan(n_hidden, n_epochs, rate, schedule="linear", decay=1e-4)


def some(cases: np.ndarray, n: int) -> Array:
    """Returns at most n cases from all over, whatever their order, on the device."""
    return jnp.asarray(cases[:: -(-len(cases) // n)])


def moments(cases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and variance of each visible unit, the variance of no unit zero.

    A unit that is always the same tells nothing of its spread: it is given the least spread of the
    others, or one.
    """
    variance = cases.var(0, dtype=np.float64)
    varying = variance[variance > 0]
    floor = varying.min() if varying.size else 1.0
    return cases.mean(0, dtype=np.float64), np.where(variance > 0, variance, floor)


def task(
    v: Any,
    labels: Any,
    batch_size: int,
    validation: tuple[Any, Any] | None,
    seed: int,
    progress: bool,
    after: After,
) -> tuple[Task, list[dict[str, Any]]]:
    """Makes the task of a net with labels whose visible units are binary, and its history to be.

    Without validation cases the training cases stand in for them in what stages measure, and these
    numbers are left out of the history.

    Raises:
      InputError: cases or labels cannot be used, or do not fit each other.
    """
    checks.check_seed(seed)
    n_labels = count_classes(labels)
    data = _labelled("cases", v, labels, n_labels, batch_size, None)
    held_out = data
    if validation is not None:
        checks.require(
            isinstance(validation, tuple) and len(validation) == 2,
            f"validation: expected (cases, labels), got {checks.in_words(validation)}",
        )
        held_out = _labelled("validation", *validation, n_labels, 1, data.pixels.shape[1])
    history: list[dict[str, Any]] = []
    told = listener(history, progress, after, OF_VALIDATION if validation is None else ())
    return Task(jax.random.key(seed), n_labels, data, held_out, listener=told), history


def count_classes(labels: Any) -> int:
    """Returns the number of classes of class numbers, each of which stands there.

    Raises:
      InputError: they are no class numbers, or a class lacks.
    """
    numbers = checks.as_numbers("labels", labels)
    checks.check_labels("labels", numbers, int(numbers.max(initial=0)) + 1)
    present = np.unique(numbers)
    missing = np.setdiff1d(np.arange(present[-1] + 1), present)
    checks.require(
        missing.size == 0,
        f"labels: expected every class from 0 to {present[-1]}, got none of "
        f"{', '.join(map(str, missing[:5]))}; classes are numbered anew by "
        "np.unique(labels, return_inverse=True)",
    )
    checks.require(present.size > 1, "labels: expected two classes or more, got one")
    return int(present.size)


def _labelled(
    name: str, v: Any, labels: Any, n_labels: int, batch_size: int, n_visible: int | None
) -> loop.Data:
    array = checks.as_numbers(name, v)
    if array.dtype == np.uint8 and array.ndim >= 2 and array.size:  # as small on the device
        checks.require(
            int(array.max()) > 1,
            f"{name}: expected pixels from 0 to 255 of type uint8, got 0 and 1; states become "
            "floats by astype(float)",
        )
        array = array.reshape(len(array), -1)
        if n_visible is not None:
            checks.check_width(name, array, n_visible)
    else:
        array = states(name, array, Bernoulli, n_visible)
    return loop.put_cases(array, batch_size, checks.as_numbers("labels", labels), n_labels)


def listener(
    history: list[dict[str, Any]], progress: bool, after: After, without: Collection[str] = ()
) -> stages.Listener:
    """Returns one that keeps a history, and tells a user's own, without some of the numbers."""

    def told(stage: str, epoch: int, state: PyTree, numbers: Mapping[str, float]) -> None:
        numbers = {name: x for name, x in numbers.items() if name not in without}
        history.append({"stage": stage, "epoch": epoch, **numbers})
        after(stage, epoch, state, numbers)

    return stages.Listener(told, progress)


def stack_plan(layers: Sequence[int], n_epochs: int, batch_size: int) -> StackPlan:
    """Returns how a stack learns from probabilities, by CD-1 at falling rates."""
    checks.check_counts("layers", layers, 1)
    checks.check_count("layer_epochs", n_epochs, 0)
    checks.require(len(layers) > 0, "layers: expected one size or more, got none")
    plans = (LayerPlan(n, n_epochs, 0.1, schedule="linear", decay=2e-4) for n in layers)
    return StackPlan(tuple(plans), batch_size, data_biases=True)


def up_down_plan(n_epochs: Sequence[int], batch_size: int) -> UpDownPlan:
    """Returns how a net is fine-tuned in the phases of section 6.1, from probabilities."""
    checks.check_counts("up_down_epochs", n_epochs, 0)
    checks.require(
        len(n_epochs) <= len(N_STEPS),
        f"up_down_epochs: expected one number for each of at most {len(N_STEPS)} phases, got "
        f"{tuple(n_epochs)}",
    )
    steps = N_STEPS[: len(n_epochs)]
    return UpDownPlan(tuple(n_epochs), steps, 0.02, "linear", batch_size=batch_size)
