"""What the benchmark times: whole calls, and the matrix products and draws inside, run alone.

A product is made as the library makes it, operands stored alike. Draws have their probabilities at
hand and a new key every time. Calls are timed in rounds.
"""

import contextlib
import dataclasses
import functools
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from dbnjax import numerics
from dbnjax.training import metrics
from dbnjax.types import Array, Key

Shape: TypeAlias = tuple[int, int]


class Product(NamedTuple):
    """One matrix product.

    Attributes:
      multiply: makes it from two stored operands.
      left: shape of the first as it is stored.
      right: shape of the second.
      full: whether it is made in full float32, whatever the precision of learning.
    """

    multiply: Callable[[Array, Array], Array]
    left: Shape
    right: Shape
    full: bool = False

    @property
    def n_cases(self) -> int:
        """Cases that it serves at once."""
        return self.left[0]

    def __str__(self) -> str:
        (a, b), (c, d) = self.left, self.right
        full = " in full float32" if self.full else ""
        return f"{self.multiply.__name__.strip('_')} {a}x{b}, {c}x{d}{full}"


class Sampled(NamedTuple):
    """Bernoulli states drawn at once, `[n_cases, n_units]`."""

    n_cases: int
    n_units: int

    def __str__(self) -> str:
        return f"draws {self.n_cases}x{self.n_units}"


Part: TypeAlias = Product | Sampled
Parts: TypeAlias = Counter[Part]


@dataclasses.dataclass(frozen=True)
class Job:
    """Something to time.

    Attributes:
      name: its row.
      unit: what is counted.
      n_units: units in a call.
      call: does the work; what it returns may still be on its way. None: not installed.
      parts: products and draws in a unit.
      images: that a unit learns from or reads; None where there are no data.
      compiled: whether XLA compiles it.
    """

    name: str
    unit: str
    n_units: int
    call: Callable[[], Any] | None
    parts: Mapping[Part, float]
    images: int | None = None
    compiled: bool = True


def _forward(x: Array, weights: Array) -> Array:
    return x @ weights


def _backward(y: Array, weights: Array) -> Array:
    return y @ weights.T


def _outer(x: Array, y: Array) -> Array:
    return x.T @ y


def forward(n_cases: int, n_from: int, n_to: int) -> Product:
    """States times weights `[n_from, n_to]`."""
    return Product(_forward, (n_cases, n_from), (n_from, n_to))


def backward(n_cases: int, n_visible: int, n_hidden: int) -> Product:
    """Hidden states times the transpose of weights `[n_visible, n_hidden]`."""
    return Product(_backward, (n_cases, n_hidden), (n_visible, n_hidden))


def outer(n_cases: int, n_from: int, n_to: int) -> Product:
    """Statistics of weights `[n_from, n_to]`: a layer's states, transposed, times another's."""
    return Product(_outer, (n_cases, n_from), (n_cases, n_to))


def contrastive_divergence(n_cases: int, n_visible: int, n_hidden: int) -> Parts:
    """CD-1 of an RBM: five products, one draw of hidden states; reconstructions are means."""
    shape = n_cases, n_visible, n_hidden
    drawn: dict[Part, int] = {Sampled(n_cases, n_hidden): 1}
    return Counter(drawn | {forward(*shape): 2, backward(*shape): 1, outer(*shape): 2})


def persistent(n_cases: int, n_visible: int, n_hidden: int) -> Parts:
    """PCD-1 with as many chains as cases: as CD-1, but both layers of the chains are drawn."""
    learned = contrastive_divergence(n_cases, n_visible, n_hidden)
    return learned + Counter([Sampled(n_cases, n_visible)])


def up_pass(n_cases: int, widths: tuple[int, ...]) -> Parts:
    """Binary pixels drawn from intensities, and a sampled pass up through the layers.

    Args:
      n_cases: cases in a minibatch.
      widths: of the layers from the visible to the penultimate one.
    """
    parts: Parts = Counter(Sampled(n_cases, width) for width in widths)
    parts.update(forward(n_cases, *pair) for pair in itertools.pairwise(widths))
    return parts


def joint_layer(n_cases: int, widths: tuple[int, ...], n_labels: int, n_top: int) -> Parts:
    """One step of the memory, on sampled states of the layer below.

    CD-1 and PCD-1 do the same: both sample the visible units, and one draw of the hidden ones goes
    on, to the reconstruction or to the next step.
    """
    learned = contrastive_divergence(n_cases, widths[-1] + n_labels, n_top)
    reconstructed = Counter([Sampled(n_cases, widths[-1]), Sampled(n_cases, n_labels)])
    return up_pass(n_cases, widths) + learned + reconstructed


def up_down(
    n_cases: int, widths: tuple[int, ...], n_labels: int, n_top: int, n_steps: int
) -> Parts:
    """One up-down step: passes up and down, predictions of both, and the memory's chain."""
    parts = up_pass(n_cases, widths)
    for lower, upper in itertools.pairwise(widths):
        parts[forward(n_cases, lower, upper)] += 1  # what recognition predicts of a dream
        parts[forward(n_cases, upper, lower)] += 2  # the down-pass, and the generative prediction
        parts.update((outer(n_cases, lower, upper), outer(n_cases, upper, lower)))
    parts.update(Sampled(n_cases, width) for width in widths[1:-1])  # dreamed; pixels stay means
    parts += Counter({Sampled(n_cases, n_top): n_steps + 1, Sampled(n_cases, widths[-1]): n_steps})
    memory = n_cases, widths[-1] + n_labels, n_top
    products = {forward(*memory): n_steps + 1, backward(*memory): n_steps, outer(*memory): 2}
    return parts + Counter(products)


def backprop(n_cases: int, widths: tuple[int, ...]) -> Parts:
    """One step of backpropagation: up, statistics, and down, but not to the lowest layer.

    Args:
      n_cases: cases in a minibatch.
      widths: of the layers from the visible units to the classes.
    """
    pairs = list(itertools.pairwise(widths))
    parts: Parts = Counter(make(n_cases, *pair) for pair in pairs for make in (forward, outer))
    return parts + Counter(backward(n_cases, *pair) for pair in pairs[1:])


def classification(n_cases: int, widths: tuple[int, ...], n_top: int) -> Parts:
    """A deterministic read-out: the labels' rows of the weights are added, not multiplied."""
    pairs = itertools.pairwise((*widths, n_top))
    return Counter(forward(n_cases, *pair)._replace(full=True) for pair in pairs)


def gibbs(n_chains: int, n_penultimate: int, n_labels: int, n_top: int) -> Parts:
    """One iteration of the memory; clamped labels are drawn too, and then put back."""
    shape = n_chains, n_penultimate + n_labels, n_top
    drawn = [Sampled(n_chains, n) for n in (n_penultimate, n_labels, n_top)]
    return Counter([backward(*shape), forward(*shape), *drawn])


def annealing(n_chains: int, n_visible: int, n_hidden: int) -> Parts:
    """One temperature of AIS from base rates: the weight and the Gibbs step share a product."""
    shape = (n_chains, n_visible, n_hidden)
    products = [one(*shape)._replace(full=True) for one in (forward, backward)]
    return Counter([*products, Sampled(n_chains, n_visible), Sampled(n_chains, n_hidden)])


def runner(part: Part, n_times: int) -> Callable[[], Array]:
    """Returns a call that does a part a number of times, and returns the last result."""
    key_left, key_right, key_run = jax.random.split(jax.random.key(0), 3)
    if isinstance(part, Sampled):
        probability = jax.random.uniform(key_left, part)
        return lambda: repeat(_draw, probability, key_run, n_times)
    left = jax.random.uniform(key_left, part.left)
    right = 0.01 * jax.random.normal(key_right, part.right)

    def call() -> Array:
        with jax.default_matmul_precision("highest") if part.full else contextlib.nullcontext():
            return repeat(part.multiply, left, right, n_times)

    return call


def _draw(probability: Array, key: Key) -> Array:
    return numerics.bernoulli(key, probability)


@functools.partial(jax.jit, static_argnums=(0, 3))
def repeat(work: Callable[[Array, Any], Array], start: Array, given: Any, n: int) -> Array:
    """Calls `work(operand, given)` n times in a loop, and returns the last result.

    An element of each result goes back into the operand and the whole result into the loop's state,
    so that XLA can drop nothing and move nothing out of the loop. Where `given` is a key, each call
    has one of its own.
    """
    is_key = jnp.issubdtype(given.dtype, jax.dtypes.prng_key)

    def once(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        result = work(carry[0], jax.random.fold_in(given, i) if is_key else given)
        return (carry[0].at[0, 0].set(result[0, 0]), result), None

    shape = jax.eval_shape(work, start, given)
    begin = (start, jnp.zeros(shape.shape, shape.dtype))
    return jax.lax.scan(once, begin, jnp.arange(n))[0][1]


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
