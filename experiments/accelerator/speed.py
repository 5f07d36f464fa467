"""Sections `bandwidth` and `ensembles`: memory bandwidth, and how much of it many machines use."""

import functools
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax.types import Array, PyTree
from experiments.accelerator.config import Config, Found, at_least, number, setting
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import parts as benchmark_parts
from experiments.benchmark import series as benchmark_series
from experiments.benchmark import timing as benchmark_timing
from experiments.benchmark.jobs import Job, Setting
from experiments.benchmark.parts import Parts, Product

CALLS = 10  # triads in a row, so that the host's part of their time is hidden
FASTER, SHARE = 12.0, 60.0  # times as fast as one after another; per cent of the bandwidth
TRAFFIC = (
    "the parameters and velocities written once and the velocities read once in an update, and the "
    "weights read once for each product that they take part in, the update using what one of these "
    "read; states, statistics, images and indices not at all"
)
TRIAD_NOTE = (
    f"a = b + s * c in float32, best of {{rounds}} rounds of {CALLS} calls. A call moves three "
    "arrays; a CPU also reads what it overwrites, which is not counted."
)
ENSEMBLES_NOTE = (
    "CD-1 of {shape}, minibatches of {size} random images, median of {rounds} rounds of an epoch "
    f"of {{steps}}. Least traffic, {{megabytes:.3g}} MB a member's update: {TRAFFIC}. Its share of "
    "the bandwidth ({bandwidth:.4g} GB/s by the triad, just measured) may exceed 100 % where the "
    "parameters stay in a cache."
)


def bandwidth(config: Config) -> Found:
    """Measures the memory bandwidth of the device."""
    found = number(triad_bandwidth(config) / 1e9)
    return Found(
        columns=["arrays", "MB of each", "GB a second"],
        rows=[["triad", config.triad_mb, found]],
        note=TRIAD_NOTE.format(rounds=config.rounds),
        bars=[],
    )


@functools.partial(jax.jit, donate_argnums=0, keep_unused=True)
def triad(target: Array, b: Array, c: Array, s: Array) -> Array:
    """Returns `b + s * c` in the memory of `target`."""
    del target
    return b + s * c


def triad_bandwidth(config: Config) -> float:
    """Returns the bytes that the device reads and writes in a second."""
    n = config.triad_mb * 10**6 // 4
    key_b, key_c = jax.random.split(jax.random.key(0))
    b, c = (jax.random.uniform(key, (n,)) for key in (key_b, key_c))
    s = jnp.float32(0.5)
    a = jax.block_until_ready(triad(jnp.zeros(n), b, c, s))
    seconds = []
    for _ in range(config.rounds):
        began = time.perf_counter()
        for _ in range(CALLS):
            a = triad(a, b, c, s)
        jax.block_until_ready(a)
        seconds.append(time.perf_counter() - began)
    return 3 * a.nbytes * CALLS / min(seconds)


def ensembles(config: Config) -> Found:
    """Times machines that learn CD-1 together, and one after another."""
    made = setting(config)
    machine, size = made.stack.rbms[0], made.sizes.batch_size
    shape = "{}-{}".format(*machine.weights.shape)
    parts = benchmark_parts.contrastive_divergence(size, *machine.weights.shape)
    alone, *together = time_units(jobs(made, parts, config.members), config.rounds)
    measured, n_bytes = triad_bandwidth(config), traffic(parts, machine)

    def cells(ms: float) -> list[float]:
        return [ms, 1000 * size / ms, alone / ms, 100 * n_bytes / (ms / 1000) / measured]

    found = dict(zip(config.members, map(cells, together), strict=True))
    *_, times, share = found[max(found)]
    what = f"CD-1 of {shape}, {max(found)} machines together"
    rows = {"one after another": cells(alone)} | {f"{n} together": x for n, x in found.items()}
    return Found(
        columns=[
            "machines",
            "ms a member's minibatch",
            "images a second",
            "times as fast as one after another",
            "least traffic, % of the bandwidth",
        ],
        rows=[[name, *map(number, numbers)] for name, numbers in rows.items()],
        note=ENSEMBLES_NOTE.format(
            shape=shape,
            size=size,
            rounds=config.rounds,
            steps=made.n_steps,
            megabytes=n_bytes / 1e6,
            bandwidth=measured / 1e9,
        ),
        bars=[
            at_least(what, FASTER, "times as fast as one after another", times),
            at_least(what, SHARE, "% of the bandwidth", share),
        ],
    )


def jobs(setting: Setting, parts: Parts, members: Sequence[int]) -> list[Job]:
    """Makes an epoch of CD-1 of one machine alone, and of every ensemble as many each."""
    machine, size, n = setting.stack.rbms[0], setting.sizes.batch_size, setting.n_steps
    what = benchmark_jobs.divergence(machine)
    alone = benchmark_jobs.epochs("alone", parts, what, setting.data, size)
    return [
        alone,
        *(benchmark_series.ensemble(setting, "CD-1", parts, what, m, m * n) for m in members),
    ]


def time_units(jobs: list[Job], n_rounds: int) -> list[float]:
    """Returns the milliseconds that a unit of each job takes."""
    calls: dict[Hashable, Callable[[], Any]] = {
        job.name: job.call for job in jobs if job.call is not None
    }
    seconds, _ = benchmark_timing.measure(calls, n_rounds)
    return [1000 * seconds[job.name] / job.n_units for job in jobs]


def traffic(parts: Parts, params: PyTree) -> float:
    """Returns the bytes that an update has to move at least, as `TRAFFIC` says.

    Args:
      parts: of the update.
      params: of one member.
    """
    statistics = benchmark_parts.outer(1, 1, 1).multiply
    n_read = sum(
        count * part.right[0] * part.right[1]
        for part, count in parts.items()
        if isinstance(part, Product) and part.multiply is not statistics
    )
    return 4 * n_read + 3 * sum(array.nbytes for array in jax.tree.leaves(params))
