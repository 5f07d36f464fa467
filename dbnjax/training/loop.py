"""One compiled program an epoch: a scan over minibatches of data that stay on the device.

The data lie on the device once, as uint8. Each epoch's key makes the order of the cases there;
each step gathers its rows by index, casts them, and learns. Nothing crosses to the host before
the epoch is over. On a mesh (see `sharding`) each device does that with its own rows.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.training import sharding
from dbnjax.types import Array, Key, Learner, PyTree

Prepare = Callable[[Key, PyTree, Array, Array], Any]
Epoch = Callable[["Key | Keys", PyTree, PyTree, PyTree, "Data"], tuple[PyTree, "Report"]]


class Data(NamedTuple):
    """Cases on the device.

    Attributes:
      pixels: `[n_cases, n_visible]` uint8, 0 to 255.
      labels: `[n_cases]` int32.
      by_class: `[n_classes, n_per_class]` int32 rows of each class, for balanced minibatches,
        or None for random ones.
    """

    pixels: Array
    labels: Array
    by_class: Array | None


class Keys(NamedTuple):
    """What an epoch draws with.

    Attributes:
      order: for the order of the cases.
      draws: for all else; step i draws with `fold_in(draws, i)`. In an ensemble `[n_members]` where
        members have seeds of their own.
    """

    order: Key
    draws: Key


class Report(NamedTuple):
    """What comes back from an epoch.

    Attributes:
      info: the learner's Info, averaged over steps.
      finite: whether every parameter is finite at the end.
    """

    info: PyTree
    finite: Array


def put(
    pixels: np.ndarray, labels: np.ndarray, n_classes: int, batch_size: int, balanced: bool
) -> Data:
    """Puts cases on the device.

    Args:
      pixels: `[n_cases, height, width]` or `[n_cases, n_visible]` uint8.
      labels: `[n_cases]` class numbers, integers.
      n_classes: the labels run from 0 to n_classes - 1.
      batch_size: cases in a minibatch.
      balanced: every minibatch holds the same number of each class, as in the 2006 paper.

    Raises:
      InputError: pixels or labels are of another type or range, the batch is larger than the
        data, or balance is impossible because the classes differ in size or do not divide it.
    """
    pixels = checks.as_numbers("pixels", pixels)
    labels = checks.as_numbers("labels", labels)
    checks.require(
        pixels.ndim >= 2,
        f"pixels: expected [n_cases, height, width] or [n_cases, n_visible], got shape "
        f"{pixels.shape}; one image is pixels[None]",
    )
    checks.require(
        pixels.dtype == np.uint8,
        f"pixels: expected uint8 from 0 to 255, got {pixels.dtype}; intensities in [0, 1] need "
        "a multiplication by 255 and rounding",
    )
    checks.check_labels("labels", labels, n_classes)
    checks.require(
        len(pixels) == len(labels),
        f"data: expected as many labels as images, got {len(labels)} for {len(pixels)}",
    )
    checks.check_batch_size(batch_size, len(labels))
    by_class = None
    if balanced:
        counts = np.bincount(labels, minlength=n_classes)
        checks.require(
            len(set(counts.tolist())) == 1 and batch_size % len(counts) == 0,
            f"balanced minibatches: expected equal classes that divide the batch of {batch_size}, "
            f"got class sizes {counts.tolist()}; choose another batch size or even classes",
        )
        rows = np.argsort(labels, kind="stable").reshape(len(counts), -1)
        by_class = jnp.asarray(rows, jnp.int32)
    flat = pixels.reshape(len(pixels), -1)
    return Data(jnp.asarray(flat), jnp.asarray(labels, jnp.int32), by_class)


def minibatches(key: Key, data: Data, batch_size: int) -> Array:
    """Returns the rows of an epoch's minibatches, `[n_batches, batch_size]` int32.

    A shuffled order cut into batches; cases beyond the last whole batch wait for another epoch.
    """
    cases = data.labels if data.by_class is None else data.by_class
    checks.check_batch_size(batch_size, math.prod(cases.shape))
    if data.by_class is None:
        order = jax.random.permutation(key, data.labels.shape[0])
    else:
        shuffled = jax.random.permutation(key, data.by_class, axis=1, independent=True)
        order = shuffled.T.reshape(-1)  # one of each class in turn
    n_batches = order.shape[0] // batch_size
    return order[: n_batches * batch_size].reshape(n_batches, batch_size)


def all_finite(tree: PyTree) -> Array:
    """Returns whether every float in a tree is finite."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.isfinite(x).all() for x in leaves]))


def split_key(key: Key) -> Keys:
    """Splits the single key of an epoch as its program does."""
    return Keys(*jax.random.split(key))


def epoch_program(learner: Learner, prepare: Prepare, batch_size: int) -> Epoch:
    """Compiles an epoch: `epoch(key, hyper, state, context, data) -> (state, report)`.

    Step i draws with `fold_in(key, i)`, so an epoch is a function of its key alone and a resumed
    run replays the same stream. The state is donated, its parameters with it: the host must not
    use what it gave again, only what comes back. The parameters that `learner.init` was given are
    not donated, for it copies them. The hyper-parameters are arguments: new values compile nothing.

    Args:
      learner: what steps.
      prepare: `prepare(key, context, pixels, labels) -> batch` turns gathered uint8 rows and
        their labels into what the learner's step takes; `context` is what it needs beside them,
        the layers below, say.
      batch_size: cases in a minibatch, static.
    """
    checks.check_count("batch size", batch_size, 1)
    return jax.jit(_epoch(learner, prepare, batch_size), donate_argnums=2)


def ensemble_program(learner: Learner, prepare: Prepare, batch_size: int) -> Epoch:
    """Compiles an epoch of many members at once: the same arguments as `epoch_program`.

    Hyper-parameters, state, context and report have a leading axis of members in every array. The
    data are shared: one copy of them, one order of the cases. So is a single key, with the same
    uniforms behind every member's draws: members then differ by their hyper-parameters, not by
    their luck. `Keys` with draws `[n_members]` give each the luck of its own seed. A member's
    update is what it would be alone, with its draws and that order, up to rounding.
    """
    checks.check_count("batch size", batch_size, 1)
    epoch = _epoch(learner, prepare, batch_size)

    def members(
        key: Key | Keys, hyper: PyTree, state: PyTree, context: PyTree, data: Data
    ) -> tuple[PyTree, Report]:
        own = jax.tree.map(lambda key: 0 if key.ndim else None, key)
        of_each = jax.vmap(epoch, in_axes=(own, 0, 0, 0, None))
        learned: tuple[PyTree, Report] = of_each(key, hyper, state, context, data)
        return learned

    return jax.jit(members, donate_argnums=2)


def _epoch(learner: Learner, prepare: Prepare, batch_size: int) -> Epoch:
    def epoch(
        key: Key | Keys, hyper: PyTree, state: PyTree, context: PyTree, data: Data
    ) -> tuple[PyTree, Report]:
        order, draws = key if isinstance(key, Keys) else split_key(key)
        rows = sharding.constrain(minibatches(order, data, batch_size))

        def step(state: PyTree, numbered: tuple[Array, Array]) -> tuple[PyTree, PyTree]:
            i, chosen = numbered
            key_step, batch = gather(prepare, jax.random.fold_in(draws, i), context, data, chosen)
            return learner.step(key_step, hyper, state, batch)

        state, infos = jax.lax.scan(step, state, (jnp.arange(rows.shape[0]), rows))
        return state, report(state, infos)

    return epoch


def gather(
    prepare: Prepare, key: Key, context: PyTree, data: Data, chosen: Array
) -> tuple[Key, PyTree]:
    """Returns the key of a step and its minibatch, the cases of the rows `chosen`."""
    chosen = sharding.constrain(chosen, sharding.DATA)
    key_prepare, key_step = jax.random.split(key)
    return key_step, prepare(key_prepare, context, data.pixels[chosen], data.labels[chosen])


def report(state: PyTree, infos: PyTree) -> Report:
    """Sums up an epoch: the learner's Infos of all steps, averaged, and its state at the end."""
    return Report(info=jax.tree.map(lambda x: x.mean(0), infos), finite=all_finite(state))
