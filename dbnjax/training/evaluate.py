"""Counting a net's errors over a whole data set, in chunks of bounded memory, and its monitors."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.evaluation import overfitting
from dbnjax.inference import classify, features
from dbnjax.learning.passes import Batch
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import feedforward
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import greedy, loop
from dbnjax.types import Array, Key, PyTree, as_type, floating_type


class Measured(NamedTuple):
    """How a net does on some cases.

    Attributes:
      cost: cross-entropy in nats, mean over cases.
      wrong: the cases that it puts into a wrong class.
    """

    cost: float
    wrong: np.ndarray


ReadOut = Callable[[Key, Any, Array], PyTree]  # scores [..., n_labels], one array or more
CHUNK = 1000  # cases at a time: 1,000 x 2,000 top units are 8 MB

free_energy_gap = jax.jit(overfitting.free_energy_gap)


def read_outs(n_gibbs: int, n_passes: int) -> dict[str, ReadOut]:
    """Returns every read-out of section 6.2 by its name, in the paper's order.

    Args:
      n_gibbs: iterations of the Gibbs read-out.
      n_passes: up-passes that the averaged read-out takes.
    """
    return {
        "gibbs": functools.partial(classify.gibbs, n_steps=n_gibbs),
        "stochastic": classify.stochastic,
        "deterministic": deterministic,
        "averaged": functools.partial(classify.averaged, n_passes=n_passes),
    }


def deterministic(key: Key, net: DBN, v: Array) -> Array:
    """The read-out that draws nothing, with the arguments of those that do."""
    del key
    return classify.deterministic(net, v)


def softmax(key: Key, net: Feedforward, v: Array) -> Array:
    """The read-out of a feedforward net: log p(class), in full float32 products."""
    del key
    with jax.default_matmul_precision("highest"):
        return feedforward.log_probabilities(net, v)


@functools.partial(jax.jit, static_argnums=0)
def scores(read_out: ReadOut, key: Key, net: PyTree, pixels: Array) -> PyTree:
    """Returns a read-out's scores for every case.

    Args:
      read_out: one of `read_outs`, static: keep it and pass the same object again.
      key: a PRNG key; case i draws with `fold_in(key, i)`.
      net: what the read-out asks.
      pixels: `[n_cases, n_visible]` uint8, or values in [0, 1].

    Returns:
      `[n_cases, n_labels]`, in the read-out's own structure.
    """

    def one(case: tuple[Array, Array]) -> PyTree:
        i, row = case
        return read_out(jax.random.fold_in(key, i), net, greedy.unit_interval(row))

    return jax.lax.map(one, (jnp.arange(pixels.shape[0]), pixels), batch_size=CHUNK)


def count_errors(read_out: ReadOut, key: Key, net: PyTree, pixels: Array, labels: Array) -> int:
    """Returns how many cases a read-out of one array gets wrong.

    Args:
      read_out: as in `scores`.
      key: as in `scores`.
      net: as in `scores`.
      pixels: as in `scores`.
      labels: `[n_cases]` class numbers.

    Raises:
      InputError: the labels are no class numbers, or not one for each case.
    """
    found = scores(read_out, key, net, pixels)
    checks.check_labels("labels", labels, found.shape[-1])
    guesses = found.argmax(-1)
    checks.check_one_each("labels", labels.shape, guesses.shape)
    return int((guesses != labels).sum())


@jax.jit
def memory_states(net: DBN, batch: Batch) -> Array:
    """Returns the memory's visible states for some cases, after a deterministic up-pass."""
    unused = jax.random.key(0)  # a pass of means draws nothing
    batch = as_type(batch, floating_type(net))
    with jax.default_matmul_precision("highest"):
        states = dbn_lib.up_pass(unused, net, batch.visible, "mean")
    return dbn_lib.join_labels((batch.visible, *states)[-1], batch.labels)


@jax.jit
def reconstruction_error(net: DBN, v: Array) -> Array:
    """Returns the squared error of a deterministic reconstruction from the first hidden layer.

    Summed over visible units, mean over cases `[n_cases, n_visible]`.
    """
    unused = jax.random.key(0)  # a pass of means draws nothing
    v = jnp.asarray(v, floating_type(net))
    with jax.default_matmul_precision("highest"):
        reconstructed = features.reconstruct(unused, net, v, level=1)
    return ((v - reconstructed) ** 2).sum(-1).mean()


def measure(net: DBN | Feedforward, data: loop.Data) -> Measured:
    """Asks a net about every case, by the read-out of its kind that draws nothing."""
    return judge(log_probabilities(net, data), data)


def log_probabilities(net: DBN | Feedforward, data: loop.Data) -> Array:
    """Returns log p(class) of every case, `[n_cases, n_classes]`."""
    read_out = deterministic if isinstance(net, DBN) else softmax
    unused = jax.random.key(0)  # neither draws anything
    found: Array = scores(read_out, unused, net, data.pixels)
    return found


def judge(log_p: Array, data: loop.Data) -> Measured:
    """Compares what was said of every case with its label."""
    own = jnp.take_along_axis(log_p, data.labels[:, None], axis=-1)
    wrong = np.flatnonzero(np.asarray(log_p.argmax(-1) != data.labels))
    return Measured(-float(own.mean()), wrong)
