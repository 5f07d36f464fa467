"""How long calls take, and whether a second one compiles anything."""

import contextlib
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import jax

from dbnjax.training import metrics


def time_calls(
    calls: Mapping[Hashable, Callable[[], Any]], n_rounds: int
) -> tuple[dict[Hashable, float], dict[Hashable, int]]:
    """Times calls in rounds, after a first call that compiles and a second one that should not.

    Returns:
      Median seconds of each call, and how many programs its second call compiled.
    """
    seconds: dict[Hashable, list[float]] = {name: [] for name in calls}
    compiled = {}
    with metrics.progress(len(calls) * (n_rounds + 1), "benchmark", unit="timing") as advance:
        for name, call in calls.items():
            jax.block_until_ready(call())
            with counted_compilations() as events:
                jax.block_until_ready(call())
            compiled[name] = len(events)
            advance({})
        for _ in range(n_rounds):
            for name, call in calls.items():
                begin = time.perf_counter()
                jax.block_until_ready(call())
                seconds[name].append(time.perf_counter() - begin)
                advance({"seconds": seconds[name][-1]})
    return {name: statistics.median(times) for name, times in seconds.items()}, compiled


@contextlib.contextmanager
def counted_compilations() -> Iterator[list[str]]:
    """Yields a list that grows with every program that XLA compiles inside."""
    events: list[str] = []
    counting = True

    def record(event: str, duration_secs: float, **_: Any) -> None:
        del duration_secs
        if counting and "backend_compile" in event:
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(record)
    try:
        yield events
    finally:
        counting = False
        if hasattr(jax.monitoring, "unregister_event_duration_listener"):  # not in JAX 0.7
            jax.monitoring.unregister_event_duration_listener(record)
