"""Where a run computes: the platform that is asked for, the processes that share it, the mesh."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence

import jax

from dbnjax import checks
from dbnjax.training import sharding

FAILURE = jax.errors.JaxRuntimeError
PLATFORMS = ("", "cpu", "gpu", "tpu")
ADDRESS, N_PROCESSES, PROCESS_ID = (
    "JAX_COORDINATOR_ADDRESS",
    "DBNJAX_N_PROCESSES",
    "DBNJAX_PROCESS_ID",
)
HEARTBEAT_SECONDS = 20  # after which a silent process is lost; JAX's own 100 are long to wait for
# What JAX says when a process that it waits for is gone: other failures are not a lost process.
LOST = re.compile(
    "gloo|connection|socket closed|coordination|coordinator|heartbeat|barrier|remote process", re.I
)


@contextlib.contextmanager
def taken(platform: str, mesh: str, axes: Sequence[str]) -> Iterator[None]:
    """Makes what stands inside run where the flags say.

    Args:
      platform: one of `PLATFORMS`; empty for the best there is.
      mesh: devices by axis, as `sharding.using` reads them.
      axes: of a mesh that the experiment has work for.

    Raises:
      InputError: the platform is absent, or the mesh does not fit the devices or processes.
    """
    if platform == "cpu":
        jax.config.update("jax_platforms", "cpu")
    join(os.environ)
    found = jax.default_backend()
    checks.require(
        platform in ("", found),
        f"--platform={platform}: expected such a device, got {found} as the best that JAX finds; "
        "install the JAX build for it, look at JAX_PLATFORMS, or leave the flag out",
    )
    with sharding.using(mesh, axes):
        yield


def join(environment: Mapping[str, str]) -> None:
    """Makes this process one of several that run the same command, before any device is used.

    Nothing happens unless the address and port of process 0 are set; beside it stand the number
    of processes and this one's own, from 0. A process that is lost ends the others.

    Raises:
      InputError: the address stands without the two numbers, or they are none.
    """
    address = environment.get(ADDRESS)
    if not address:
        return
    count, own = (environment.get(name, "") for name in (N_PROCESSES, PROCESS_ID))
    checks.require(
        count.isdecimal() and own.isdecimal() and int(own) < int(count),
        f"{ADDRESS}: expected beside it {N_PROCESSES} and {PROCESS_ID}, from 0 to one less, got "
        f"{count!r} and {own!r}",
    )
    jax.distributed.initialize(
        address, int(count), int(own), heartbeat_timeout_seconds=HEARTBEAT_SECONDS
    )


def explain(error: Exception) -> str | None:
    """Says in one line what a failure of the devices means for a user, None if it is unknown."""
    reason = str(error).partition("\n")[0]
    if "RESOURCE_EXHAUSTED" in reason:
        return (
            f"the device is out of memory ({reason}); lower --batch_size, --memory_chains, a "
            "stream's --chunk or the members learned at once, or split them over more devices with "
            "--mesh"
        )
    if jax.distributed.is_initialized() and LOST.search(reason):
        return (
            f"process {jax.process_index()} lost another ({reason}); the same command goes on "
            "from the last checkpoint"
        )
    return None
