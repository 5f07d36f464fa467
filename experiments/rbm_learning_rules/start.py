"""What the rules of `rbm_learning_rules` start from: the machines below and a machine on top."""

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.scoring import log_z
from dbnjax.training import greedy, loop
from dbnjax.types import Key
from dbnjax.units import Bernoulli
from dbnjax.weights import io
from experiments.common import nets
from experiments.rbm_learning_rules.config import Config


def layers(lower: tuple[RBM, ...]) -> greedy.Below:
    """Returns what machines are to one that learns above them."""
    return tuple(Layer(unit=rbm.hidden, weights=rbm.weights) for rbm in lower)


def read_below(path: str | None, n_pixels: int, binarisation: str) -> tuple[RBM, ...]:
    """Reads the machines below, none without a file.

    Raises:
      InputError: the file is no binary machine or stack without labels, or of other images or
        pixels.
    """
    if path is None:
        return ()
    model, metadata = io.load(path)
    machines: tuple[RBM, ...] = (
        (model,) if isinstance(model, RBM) else tuple(getattr(model, "rbms", ()))
    )
    units = [unit for machine in machines for unit in (machine.visible, machine.hidden)]
    other = {type(unit).__name__ for unit in units if not isinstance(unit, Bernoulli)}
    with_others = f" with {', '.join(sorted(other))} units" if other else ""
    checks.require(
        bool(machines) and not other,
        f"{path}: expected a machine or a stack of binary units without labels, got "
        f"{type(model).__name__}{with_others}; another cannot be joined",
    )
    checks.require(
        machines[0].visible.size == n_pixels,
        f"{path}: expected {n_pixels} visible units, as many as the images have pixels, got "
        f"{machines[0].visible.size}; reduce the images with --side or use another net",
    )
    learned = nets.learned_from(metadata)
    checks.require(
        learned is None or nets.alike(learned, binarisation),
        f"{path}: expected --binarisation={learned}, of which its machines learned, got "
        f"{binarisation}; the machine on top would learn what these make of other pixels",
    )
    return machines


def start(config: Config, key: Key, lower: tuple[RBM, ...], data: loop.Data) -> RBM:
    """Makes the machine that every rule starts from: small weights, biases like its data.

    Raises:
      InputError: `--tied` without enough hidden units, or without a machine below.
    """
    n_visible = lower[-1].hidden.size if lower else data.pixels.shape[-1]
    key_weights, key_features = jax.random.split(key)
    machine = greedy.layer(key_weights, n_visible, config.n_hidden)
    if config.tied:
        return tied(machine, lower)
    few = data.pixels[: log_z.MOMENTS_FROM]
    see = jax.jit(greedy.layer_data("mean", "mean", 0))
    mean = see(key_features, layers(lower), few, data.labels[: len(few)]).mean(0)
    return rbm_lib.match_data(machine, mean, mean * (1.0 - mean))


def tied(machine: RBM, lower: tuple[RBM, ...]) -> RBM:
    """Gives a machine the weights and biases of the one below it, turned over.

    With as many hidden units as that one has visible ones, the bound of the two is log p under the
    one below, exactly, and what makes the features more probable raises it (2006 paper, section
    4). Spare hidden units keep their small weights w; what these add to log p(x), the sum of
    log(1 + exp(x . w)), is taken off the visible biases, to the second order without cross terms.
    """
    n_below = lower[-1].visible.size if lower else 0
    checks.require(
        0 < n_below <= machine.hidden.size,
        f"--tied: expected --below and --n_hidden of {n_below or 'its visible units'} or more, the "
        f"visible units of the machine below, got --n_hidden={machine.hidden.size}; there is no "
        "place for its weights",
    )
    turned = rbm_lib.transpose(lower[-1])
    spare = machine.weights[:, n_below:]
    bias = jnp.concatenate([turned.hidden.bias, jnp.zeros(spare.shape[1])])
    return rbm_lib.create(
        turned.visible.shift_field(-(spare / 2 + spare**2 / 8).sum(1)),
        Bernoulli(bias=bias),
        jnp.concatenate([turned.weights, spare], axis=1),
    )


def join(lower: tuple[RBM, ...], machine: RBM) -> RBM | Stack:
    """Returns the machine, on top of those below it if there are any."""
    return stack_lib.create((*lower, machine)) if lower else machine
