"""One compiled program an epoch: a scan over minibatches of data that stay on the device.

The data lie on the device once, in their smallest type: images as uint8, but any arrays with a
leading axis of cases will do (`put_cases`). Each epoch's key makes the order of the cases there;
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

Prepare = Callable[[Key, PyTree, Any, Any], Any]
Epoch = Callable[["Key | Keys", PyTree, PyTree, PyTree, "Data"], tuple[PyTree, "Report"]]


class Data(NamedTuple):
    """Cases on the device.

    Attributes:
      cases: any pytree of arrays `[n_cases, ...]`; of images the pixels, `[n_cases, n_visible]`
        uint8 from 0 to 255. What all cases share, such as frames into which a case is the number of
        a row, is the context of an epoch, which is not gathered.
      labels: `[n_cases]` int32; None without labels.
      by_class: `[n_classes, n_per_class]` int32 rows of each class, for balanced minibatches,
        or None for random ones.
    """

    cases: PyTree
    labels: Any
    by_class: Array | None = None

    @property
    def pixels(self) -> Array:
        """The cases of images."""
        pixels: Array = self.cases
        return pixels

    @property
    def n_cases(self) -> int:
        """The number of cases."""
        length: int = jax.tree.leaves(self.cases)[0].shape[0]
        return length


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
    flat = pixels.reshape(len(pixels), -1)
    return put_cases(flat, batch_size, labels, n_classes, balanced)


def put_cases(
    cases: PyTree,
    batch_size: int,
    labels: np.ndarray | None = None,
    n_classes: int = 0,
    balanced: bool = False,
) -> Data:
    """Puts cases of any kind on the device, each array in the type that it has.

    Args:
      cases: any pytree of arrays of numbers `[n_cases, ...]`: real values, counts, bits, two views
        of each case, ratings with the mask of those that are known. They reach `prepare` as they
        are, for the rows of a minibatch.
      batch_size: cases in a minibatch.
      labels: `[n_cases]` class numbers, integers; None for none.
      n_classes: the labels run from 0 to n_classes - 1.
      balanced: every minibatch holds the same number of each class.

    Raises:
      InputError: an array is none of numbers, the arrays or the labels differ in length, there is
        no case, labels are out of range, the batch is larger than the data, or balance is
        impossible because the classes differ in size or do not divide it.
    """
    n_cases = check_lengths("cases", cases)
    checks.check_batch_size(batch_size, n_cases)
    on_device = jax.tree.map(jnp.asarray, cases)
    if labels is None:
        checks.require(not balanced, "balanced minibatches: expected labels, got none")
        return Data(on_device, None)
    labels = checks.as_numbers("labels", labels)
    checks.check_labels("labels", labels, n_classes)
    checks.require(
        n_cases == len(labels),
        f"data: expected as many labels as cases, got {len(labels)} for {n_cases}",
    )
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
    return Data(on_device, jnp.asarray(labels, jnp.int32), by_class)


def check_lengths(name: str, cases: PyTree) -> int:
    """Checks that a pytree holds arrays of numbers `[n_cases, ...]`, and returns n_cases.

    Raises:
      InputError: there is no array, one is none of numbers, or they differ in length.
    """
    leaves = jax.tree_util.tree_leaves_with_path(cases, is_leaf=lambda x: isinstance(x, list))
    lengths = {}
    for path, leaf in leaves:
        place = name + jax.tree_util.keystr(path)
        checks.check_array(place, leaf)
        checks.require(bool(leaf.shape), f"{place}: expected [n_cases, ...], got a scalar")
        lengths[place] = int(leaf.shape[0])
    checks.require(
        len(set(lengths.values())) == 1 and 0 not in lengths.values(),
        f"{name}: expected arrays with one leading axis of cases, at least one case, got lengths "
        f"{lengths or 'of no array'}",
    )
    return next(iter(lengths.values()))


def minibatches(key: Key, data: Data, batch_size: int) -> Array:
    """Returns the rows of an epoch's minibatches, `[n_batches, batch_size]` int32.

    A shuffled order cut into batches; cases beyond the last whole batch wait for another epoch.
    """
    n_cases = data.n_cases if data.by_class is None else math.prod(data.by_class.shape)
    checks.check_batch_size(batch_size, n_cases)
    if data.by_class is None:
        order = jax.random.permutation(key, n_cases)
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
      prepare: `prepare(key, context, cases, labels) -> batch` turns the gathered rows of the cases
        and their labels, None without labels, into what the learner's step takes; `context` is what
        it needs beside them, the layers below, say, or frames that the cases are cut from.
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
    cases = jax.tree.map(lambda x: x[chosen], data.cases)
    labels = None if data.labels is None else data.labels[chosen]
    return key_step, prepare(key_prepare, context, cases, labels)


def report(state: PyTree, infos: PyTree) -> Report:
    """Sums up an epoch: the learner's Infos of all steps, averaged, and its state at the end."""
    return Report(info=jax.tree.map(lambda x: x.mean(0), infos), finite=all_finite(state))
