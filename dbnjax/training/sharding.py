"""Many devices in one run: a mesh in whose context everything is made, and that no kernel knows.

A mesh has two axes. Over `data` each device draws, learns and measures its own rows of every
minibatch and its own persistent chains; parameters lie on all devices, and one reduction of the
statistics an update keeps them equal. Over `ensemble` each device learns its own members of an
ensemble and has nothing to tell the others. Uniforms depend on the position in the whole array
alone, so that no draw depends on the mesh.

The images lie whole, as uint8, on every device: a minibatch is drawn from all of them, so that
each step would have to fetch most of its rows from elsewhere if they were split.

    with sharding.using("data:4,ensemble:2"):
        ...  # arrays are made on all 8 devices; `loop` splits the minibatches

Without a mesh nothing here does anything, and the compiled programs are what they were.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from dbnjax import checks
from dbnjax.types import Array, PyTree

DATA, ENSEMBLE = "data", "ensemble"
# Devices of one host are neighbours: the axis that exchanges something stays inside it.
AXES = (ENSEMBLE, DATA)
LONGEST = 4096  # bytes of a line that one process tells the others


def parse(text: str, allowed: Sequence[str] = AXES) -> dict[str, int]:
    """Reads a mesh, `data:4,ensemble:2`, into devices by axis; an empty text has none.

    Raises:
      InputError: an axis is unknown or stands twice, or its count is none.
    """
    sizes: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        axis, _, count = (word.strip() for word in part.partition(":"))
        checks.require(
            axis in allowed and axis not in sizes,
            f"--mesh={text}: expected axis:devices,axis:devices of {', '.join(allowed)}, each "
            f"once, got {part!r}",
        )
        checks.require(
            count.isdecimal() and int(count) > 0,
            f"--mesh={text}: {axis}: expected 1 device or more, got {count!r}",
        )
        sizes[axis] = int(count)
    return sizes


@contextlib.contextmanager
def using(text: str, allowed: Sequence[str] = AXES) -> Iterator[None]:
    """Makes what stands inside run on a mesh; an empty text leaves one device, as without it.

    Every array that is made inside lies on all devices of the mesh until it is split.

    Args:
      text: devices by axis, `data:4,ensemble:2`.
      allowed: the axes that the caller has work for.

    Raises:
      InputError: as `parse`; there are fewer devices; or several processes do not share out all
        of theirs.
    """
    sizes = parse(text, allowed)
    wanted, found = math.prod(sizes.values()), len(jax.devices())
    several = jax.process_count() > 1
    checks.require(
        wanted == found if several else wanted <= found,
        f"--mesh={text}: expected {'' if several else 'at most '}{found} devices in all, those of "
        f"{jax.process_count()} process(es), got {wanted}; change the mesh, or for more devices "
        "start more processes or, to try it on a CPU, set JAX_NUM_CPU_DEVICES",
    )
    if not sizes:
        yield
        return
    mesh = jax.make_mesh(
        tuple(sizes.get(axis, 1) for axis in AXES),
        AXES,
        axis_types=(AxisType.Auto,) * len(AXES),
        devices=jax.devices()[:wanted],
    )
    with jax.set_mesh(mesh):
        yield


def n_devices(axis: str) -> int:
    """Returns the number of devices along an axis of the mesh in use, 1 without one."""
    return jax.sharding.get_abstract_mesh().shape.get(axis, 1)


def check_divides(name: str, number: int, axis: str) -> None:
    """Checks that so many of something can be split evenly along an axis of the mesh in use.

    A minibatch that is balanced as a whole needs no balance on each device: its statistics are
    summed over all.
    """
    devices = n_devices(axis)
    checks.require(
        number % devices == 0,
        f"{name}: expected a multiple of {devices}, the devices of --mesh={axis}:{devices}, got "
        f"{number}; change one of the two",
    )


def constrain(x: Array, *axes: str | None) -> Array:
    """Splits the leading axes of a traced array along axes of the mesh, the rest on all devices."""
    if jax.sharding.get_abstract_mesh().empty:
        return x
    return jax.lax.with_sharding_constraint(x, P(*axes))


def place(state: PyTree) -> PyTree:
    """Splits the persistent chains of a learner's state over `data`; the rest stays on all."""
    return _place(state)


def place_members(tree: PyTree) -> PyTree:
    """Splits an ensemble's leading axis over `ensemble`, and the chains of its members as `place`.

    An ensemble that does not divide stays whole on every device, which then all do the same.
    """
    members = jax.tree.leaves(tree)[0].shape[0]
    return tree if members % n_devices(ENSEMBLE) else _place(tree, ENSEMBLE)


def _place(state: PyTree, *axes: str) -> PyTree:
    if jax.sharding.get_abstract_mesh().empty:
        return state
    where = jax.tree.map(lambda _: P(*axes), state)
    if hasattr(state, "chains"):
        where = where._replace(chains=P(*axes, DATA))
    return jax.device_put(state, where)


def map_members(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Makes a function of one member one of all, one after another: memory stays that of one.

    Each device takes its own members, so that as many go at once as `ensemble` has devices.
    """
    devices = n_devices(ENSEMBLE)

    def turned(x: Array) -> Array:
        """Turns `[n_members, ...]` into rounds, `[n_members / devices, devices, ...]`."""
        return constrain(x.reshape(devices, -1, *x.shape[1:]).swapaxes(0, 1), None, ENSEMBLE)

    def mapped(*members: PyTree) -> PyTree:
        n = jax.tree.leaves(members)[0].shape[0]
        if devices == 1 or n % devices:
            return jax.lax.map(lambda one: function(*one), members)
        at_once = jax.vmap(function)
        found = jax.lax.map(lambda one: at_once(*one), jax.tree.map(turned, members))
        return jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(n, *x.shape[2:]), found)

    return mapped


def gather(x: Array) -> Array:
    """Puts a whole array on every device of the mesh, so that the host may look at it."""
    return x if jax.sharding.get_abstract_mesh().empty else jax.device_put(x, P())


def by_first(act: Callable[[], None]) -> None:
    """Lets the first process act while the others wait: what it cannot use, none can.

    Raises:
      InputError: in every process, with the first one's line.
    """
    if jax.process_count() == 1:
        act()
        return
    said = ""
    if jax.process_index() == 0:
        try:
            act()
        except checks.InputError as error:
            said = str(error)
    said = _from_first(said)
    checks.require(not said, said)


def _from_first(text: str) -> str:
    """Returns in every process what the first one says, as far as it fits."""
    told = np.zeros(LONGEST, np.uint8)
    words = np.frombuffer(text.encode()[:LONGEST], np.uint8)
    told[: len(words)] = words
    heard = np.asarray(multihost_utils.broadcast_one_to_all(told))
    return heard.tobytes().rstrip(b"\0").decode(errors="ignore")
