"""Where and how a run computes: platform, processes, mesh, generator of draws, precision."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from dbnjax import checks
from dbnjax.training import sharding
from dbnjax.types import Key
from experiments.common.groups import GENERATORS, PRECISIONS, Devices

FAILURE = jax.errors.JaxRuntimeError
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
def of(config: Devices, axes: Sequence[str]) -> Iterator[None]:
    """Makes what stands inside run where its options say, with matrix products as they say.

    Args:
      config: the options.
      axes: of a mesh that the experiment has work for.

    Raises:
      InputError: as `taken`.
    """
    with taken(config.platform, config.mesh, axes), precision(config.precision):
        yield


@contextlib.contextmanager
def taken(platform: str, mesh: str, axes: Sequence[str]) -> Iterator[None]:
    """Makes what stands inside run where the flags say.

    Args:
      platform: one of `groups.PLATFORMS`; empty for the best there is.
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


def key(seed: int, draws: str) -> Key:
    """Makes the key of a whole run, which decides how everything in it is drawn.

    Args:
      seed: of the run.
      draws: one of `groups.GENERATORS`.
    """
    return jax.random.key(seed, impl=GENERATORS[draws])


def precision(name: str) -> contextlib.AbstractContextManager[None]:
    """Makes what stands inside learn with such matrix products.

    Probabilities, free energies and likelihoods that are reported ask for full float32 themselves,
    and stay as they are.

    Args:
      name: one of `groups.PRECISIONS`.
    """
    return jax.default_matmul_precision(PRECISIONS[name])


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


@contextlib.contextmanager
def compile_cache(place: Path) -> Iterator[None]:
    """Makes JAX keep every program that it compiles inside in a folder, and look for it there."""
    wanted = {
        "jax_compilation_cache_dir": str(place),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in wanted}
    try:
        _use(wanted)
        yield
    finally:
        _use(before)


def _use(cache: Mapping[str, Any]) -> None:
    """Changes JAX's cache of programs, which it opens once otherwise."""
    for name, value in cache.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
