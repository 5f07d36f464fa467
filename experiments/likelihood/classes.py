"""Which class a chain of a machine shows: by its label units, or as the shipped net sees it."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from dbnjax.inference import classify
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import propagate
from dbnjax.models.dbn import DBN
from dbnjax.types import Array
from dbnjax.weights import shipped
from experiments.common import nets


class Reader(NamedTuple):
    """Tells classes.

    Attributes:
      name: who tells them, as what is told of the classes says it.
      read: returns the classes `[n]` of visible states `[n, n_visible]` of the top machine.
    """

    name: str
    read: Callable[[Array], Array]


def reader(net: DBN, shape: tuple[int, int]) -> Reader | None:
    """Returns who tells the classes of the states of a net's top machine.

    The label units do. Without any the shipped net classifies what the net shows, if it shows
    binary pixels of the size that the shipped net was made for.

    Args:
      net: a net.
      shape: height and width of its images.
    """
    if stack_lib.label_group(net.memory) is not None:
        return Reader("as the label units show them", lambda v: _labels(net, v))
    seer, about = shipped.load()
    if list(shape) != about["image_shape"] or not nets.has_binary_pixels(net):
        return None
    return Reader("as the shipped net sees them", lambda v: _seen(net, seer, v))


@jax.jit
def _labels(net: DBN, v: Array) -> Array:
    _, labels = net.memory.visible.split(v)
    return labels.argmax(-1)


@jax.jit
def _seen(net: DBN, seer: DBN, v: Array) -> Array:
    unused = jax.random.key(0)  # a pass of means draws nothing
    with jax.default_matmul_precision("highest"):
        pixels = (v, *propagate(unused, tuple(reversed(net.generative)), v, "mean"))[-1]
    return classify.deterministic(seer, pixels).argmax(-1)
