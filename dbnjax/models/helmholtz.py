"""A belief net with recognition weights, also called a Helmholtz machine (2007 review, Box 1).

The generative half is a belief net with independent top units. The recognition half is directed
layers upwards, which infer every hidden layer from the layer below it:

    Q(h1, h2, ... | v) = Q(h1 | v) Q(h2 | h1) ...

A deep belief net in disguise. Its memory is an RBM whose visible units are the top layer and which
has no hidden units: p(top) then is the product of the units' own laws, its log Z the sum of their
cumulants, and a Gibbs step in it is an independent draw. `as_dbn` returns that net, with which
`evaluation.exact_nets`, `evaluation.bounds` and `inference.generate` work as they are.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import BeliefNet, Layer
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, floating_type, pytree
from dbnjax.units import Bernoulli


@pytree
class Helmholtz:
    """A belief net and what infers its hidden layers.

    Attributes:
      recognition: layers upwards, the first from the visible units.
      net: the belief net, its layers from the top down.
    """

    recognition: tuple[Layer, ...]
    net: BeliefNet

    def check(self) -> None:
        """Raises `InputError` unless the layers fit each other, upwards as well as downwards."""
        as_dbn(self).check()


def init(key: Key, layers: Sequence[Any], scale: float = 0.01) -> Helmholtz:
    """Makes a machine with small normal weights, the generative ones not the recognition ones.

    Args:
      key: a PRNG key.
      layers: units from the bottom up, the visible layer first; both halves begin with their
        biases.
      scale: standard deviation of the weights.

    Raises:
      InputError: there are fewer than two layers, or as `rbm.init`.

    Example:
      >>> from dbnjax import units
      >>> layers = [units.Bernoulli.zeros(n) for n in (6, 4, 2)]
      >>> machine = init(jax.random.key(0), layers)
      >>> [layer.weights.shape for layer in machine.net.layers]
      [(2, 4), (4, 6)]
    """
    checks.require(
        len(layers) >= 2,
        f"layers: expected the visible units and a hidden layer or more, got {len(layers)} in all",
    )
    recognition, generative = [], []
    for i, (below, above) in enumerate(itertools.pairwise(layers)):
        key_up, key_down = jax.random.split(jax.random.fold_in(key, i))
        up, down = (rbm_lib.init(k, below, above, scale).weights for k in (key_up, key_down))
        recognition.append(Layer(above, up))
        generative.append(Layer(below, down.T))
    net = BeliefNet(prior=layers[-1], layers=tuple(reversed(generative)))
    return Helmholtz(tuple(recognition), net)


def tied(net: BeliefNet) -> Helmholtz:
    """Gives a belief net the recognition layers that are its generative ones turned over.

    They ignore explaining away: a first guess, and enough where only the units' kinds are asked
    for. A hidden layer's recognition bias is its generative one.
    """
    above = (net.prior, *(layer.unit for layer in net.layers[:-1]))
    upwards = (Layer(unit, down.weights.T) for unit, down in zip(above, net.layers, strict=True))
    return Helmholtz(tuple(reversed(tuple(upwards))), net)


def as_dbn(machine: Helmholtz) -> DBN:
    """Returns the deep belief net that a machine is: its memory has no hidden units."""
    prior = machine.net.prior
    dtype = floating_type(prior)
    memory = RBM(
        visible=prior,
        hidden=Bernoulli(bias=jnp.zeros(0, dtype)),
        weights=jnp.zeros((prior.size, 0), dtype),
    )
    return DBN(machine.recognition, tuple(reversed(machine.net.layers)), memory)


def stack(modules: Sequence[Helmholtz]) -> Helmholtz:
    """Joins machines of one hidden layer, each of which learned the features of the one below.

    A module's model of its own hidden units, independent causes, gives way to the modules above
    it, as that of an RBM does in a stack.

    Args:
      modules: from the bottom up.

    Raises:
      InputError: there is none, one has more than one hidden layer, or they do not fit.
    """
    checks.require(len(modules) > 0, "stack: expected one module or more, got none")
    depths = [len(module.recognition) for module in modules]
    checks.require(
        set(depths) == {1},
        f"stack: expected modules of one hidden layer each, got {depths} layers",
    )
    recognition = tuple(module.recognition[0] for module in modules)
    layers = tuple(module.net.layers[0] for module in reversed(modules))
    whole = Helmholtz(recognition, BeliefNet(prior=modules[-1].net.prior, layers=layers))
    whole.check()
    return whole


def up_pass(key: Key, machine: Helmholtz, v: Array) -> tuple[Array, ...]:
    """Draws every layer from the recognition distribution: states from the top down, v the last.

    Args:
      key: a PRNG key.
      machine: a belief net with recognition.
      v: `[..., n_visible]`.
    """
    v = jnp.asarray(v, floating_type(machine.net))
    hidden = belief_net_lib.propagate(key, machine.recognition, v, "sample")
    return (*reversed(hidden), v)
