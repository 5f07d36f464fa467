"""What a profile shows of a call: the kernels that a device ran, and how they were launched."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax

DEVICE, STREAM = "/device:", "Stream #"  # planes and lines on which a GPU's kernels and copies lie
KERNEL_LAUNCH, GRAPH_LAUNCH = "cuLaunchKernel", "cuGraphLaunch"  # the driver's, on the host


class Profile(NamedTuple):
    """Counts of a call; all are 0 where the device is a CPU, which launches nothing.

    Attributes:
      kernels: that ran, copies and fills included, captured ones too.
      kernel_launches: by the host, of single kernels.
      graph_launches: by the host, of captured graphs.
      busy: share of the time from the first to the last of them in which one ran; more than 1
        where several run at once.
    """

    kernels: int
    kernel_launches: int
    graph_launches: int
    busy: float


def take(call: Callable[[], Any]) -> Profile:
    """Profiles a call, until what it returns is there."""
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            jax.block_until_ready(call())
        (path,) = Path(folder).rglob("*.xplane.pb")
        return read(jax.profiler.ProfileData.from_file(str(path)).planes)


def read(planes: Iterable[Any]) -> Profile:
    """Counts the events of a profile, `jax.profiler.ProfileData.planes`."""
    n_kernels = n_graphs = 0
    spans = []
    for plane in planes:
        on_device = plane.name.startswith(DEVICE)
        for line in plane.lines:
            ran = on_device and line.name.startswith(STREAM)
            for event in line.events:
                n_kernels += event.name.startswith(KERNEL_LAUNCH)
                n_graphs += event.name.startswith(GRAPH_LAUNCH)
                if ran:
                    spans.append((event.start_ns, event.duration_ns))
    if not spans:
        return Profile(0, n_kernels, n_graphs, 0.0)
    end, begin = max(start + lasted for start, lasted in spans), min(spans)[0]
    busy = sum(lasted for _, lasted in spans) / (end - begin)
    return Profile(len(spans), n_kernels, n_graphs, busy)
