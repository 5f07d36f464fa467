"""What the rules of `rbm_learning_rules` start from: the machines below and a machine on top."""

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import greedy, loop
from dbnjax.types import Key
from dbnjax.units import Bernoulli
from dbnjax.weights import io
from experiments import likelihood_estimates
from experiments.rules_config import Config


def layers(lower: tuple[RBM, ...]) -> greedy.Below:
    """Returns what machines are to one that learns above them."""
    return tuple(Layer(unit=rbm.hidden, weights=rbm.weights) for rbm in lower)


def read_below(path: str | None, n_pixels: int) -> tuple[RBM, ...]:
    """Reads the machines below, none without a file.

    Raises:
      InputError: the file is no machine or stack without labels, or of other images.
    """
    if path is None:
        return ()
    model, _ = io.load(path)
    found = (model,) if isinstance(model, RBM) else getattr(model, "rbms", ())
    machines: tuple[RBM, ...] = tuple(found)
    checks.require(
        bool(machines) and stack_lib.label_group(machines[-1]) is None,
        f"{path}: expected a machine or a stack without labels, got "
        f"{type(model).__name__}{' with labels' if machines else ''}; another cannot be joined",
    )
    checks.require(
        machines[0].visible.size == n_pixels,
        f"{path}: expected {n_pixels} visible units, as many as the images have pixels, got "
        f"{machines[0].visible.size}; reduce the images with --side or use another net",
    )
    return machines


def start(config: Config, key: Key, lower: tuple[RBM, ...], data: loop.Data) -> RBM:
    """Makes the machine that every rule starts from: small weights, biases like its data.

    Raises:
      InputError: `--tied` without enough hidden units, or without a machine below.
    """
    n_visible = lower[-1].hidden.size if lower else data.pixels.shape[-1]
    machine = greedy.layer(key, n_visible, config.n_hidden)
    if config.tied:
        return tied(machine, lower)
    few = data.pixels[: likelihood_estimates.MOMENTS_FROM]
    see = jax.jit(greedy.layer_data("mean", "mean", 0))
    mean = see(key, layers(lower), few, data.labels[: len(few)]).mean(0)
    return rbm_lib.match_data(machine, mean, mean * (1.0 - mean))


def tied(machine: RBM, lower: tuple[RBM, ...]) -> RBM:
    """Gives a machine the weights and biases of the one below it, turned over.

    With them the bound of the two is log p under the one below, exactly, and learning can only
    raise it (2006 paper, section 4). Hidden units beyond its visible ones keep their small weights;
    half of these, what they add to the visible fields on average, is taken off again.
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
        turned.visible.shift_field(-spare.sum(1) / 2),
        Bernoulli(bias=bias),
        jnp.concatenate([turned.weights, spare], axis=1),
    )


def join(lower: tuple[RBM, ...], machine: RBM) -> RBM | Stack:
    """Returns the machine, on top of those below it if there are any."""
    return stack_lib.create((*lower, machine)) if lower else machine
