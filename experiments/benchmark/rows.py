"""Rows about single questions: inference, draws, CD-1 with a part left out each, and streams."""

import atexit
import dataclasses
import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import numerics
from dbnjax.data import folder_writing, folders
from dbnjax.data.images import Images
from dbnjax.data.streams import Stream
from dbnjax.evaluation import annealing
from dbnjax.inference import generate
from dbnjax.learning import contrastive_divergence, phases, updates
from dbnjax.learning.updates import Hyper, State
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import path as path_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.scoring import chains
from dbnjax.training import evaluate, greedy, loop, streaming
from dbnjax.types import Array, Key, Learner
from dbnjax.units import Bernoulli
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import operations
from experiments.benchmark.jobs import Setting
from experiments.benchmark.operations import Job, Sampled

CLASSIFIED = 10_000  # images in a timed call, as many as MNIST's test set holds
anneal = jax.jit(annealing.anneal)


def inference(setting: Setting) -> list[Job]:
    """Reading images, generating them, and the partition function of the first RBM."""
    net = dbn_lib.untie(setting.stack)
    generated = [generation(setting, net, n) for n in setting.sizes.n_chains]
    return [classification(setting, net), *generated, annealed(setting)]


def classification(setting: Setting, net: DBN) -> Job:
    """Makes the row of the deterministic read-out."""
    n_cases, layers = len(setting.labels), setting.sizes.layers
    chunk = min(evaluate.CHUNK, n_cases)
    n = min(CLASSIFIED, n_cases) // chunk * chunk
    pixels, key = setting.data.pixels[:n], jax.random.key(3)
    in_chunk = operations.classification(chunk, (setting.n_pixels, *layers[:-1]), layers[-1])
    return Job(
        "classification, deterministic",
        "image",
        n,
        lambda: evaluate.scores(evaluate.deterministic, key, net, pixels),
        {part: count / chunk for part, count in in_chunk.items()},
        images=1,
    )


def generation(setting: Setting, net: DBN, n_chains: int) -> Job:
    """Makes the row of clamped chains in the memory."""
    n_labels = setting.sizes.n_labels
    labels = jnp.eye(n_labels)[jnp.arange(n_chains) % n_labels]
    clamp = generate.label_clamp(net, labels)
    start = generate.start_at_random(jax.random.key(4), net, n_chains)
    key, n_steps = jax.random.key(5), setting.n_steps
    n_penultimate, n_top = stack_lib.feature_unit(net.memory).size, net.memory.hidden.size
    return Job(
        f"clamped generation, {n_chains} chains",
        "Gibbs iteration",
        n_steps,
        lambda: chains.chain(key, net.memory, start, n_steps=n_steps, clamp_visible=clamp),
        operations.gibbs(n_chains, n_penultimate, n_labels, n_top),
    )


def annealed(setting: Setting) -> Job:
    """Makes the row of AIS from base rates up to the first RBM."""
    rbm, n_chains = setting.stack.rbms[0], setting.sizes.batch_size
    shape = rbm.weights.shape
    half = jnp.full(shape[0], 0.5)
    path = path_lib.from_base_rates(rbm, half, half * half)
    start = annealing.start(path, jnp.zeros((n_chains, shape[0])), 0.0)
    betas, key = jnp.linspace(0.0, 1.0, setting.n_steps + 1)[1:], jax.random.key(6)
    return Job(
        "AIS sweep, {}-{}, {} chains".format(*shape, n_chains),
        "temperature",
        setting.n_steps,
        lambda: anneal(key, path, betas, start),
        operations.annealing(n_chains, *shape),
    )


def middle(bits: Array) -> Array:
    """Turns 16 bits into the middle of their cell in [0, 1]: probabilities are rounded by it."""
    return (bits.astype(jnp.float32) + 0.5) * 2.0**-16


def halves(key: Key, probability: Array) -> Array:
    """Draws by threefry, two units from each word: the left half of a row from the high bits."""
    n_cases, n_units = probability.shape
    shape = n_cases, -(-n_units // 2)
    row, column = (jax.lax.broadcasted_iota(jnp.uint32, shape, axis) for axis in (0, 1))
    word = numerics.threefry(jax.random.key_data(key), row, column)[0]
    bits = jnp.concatenate([word >> 16, word & 0xFFFF], axis=1)[:, :n_units]
    return (middle(bits) < probability).astype(probability.dtype)


def short(key: Key, probability: Array) -> Array:
    """Draws with the 16 bits that the key's generator gives when it is asked for so many."""
    bits = jax.random.bits(key, probability.shape, jnp.uint16)
    return (middle(bits) < probability).astype(probability.dtype)


# JAX's name of what the keys belong to, and `draw(key, probability)`, both `[n_cases, n_units]`.
# The library draws with 24 bits (`numerics.uniform`); the candidates with 16 live here alone.
CANDIDATES: dict[str, tuple[str, Callable[[Key, Array], Array]]] = {
    "threefry, a word a unit": ("threefry2x32", numerics.bernoulli),
    "threefry, two 16-bit draws a word": ("threefry2x32", halves),
    "rbg": ("rbg", numerics.bernoulli),
    "unsafe_rbg": ("unsafe_rbg", numerics.bernoulli),
    "rbg, 16-bit draws": ("rbg", short),
}
# A state is 1 where a uniform lies below the probability, and a uniform has so many equally likely
# values: the share of them below a probability is off by up to one cell between two multiples, or
# by half a cell where they are the middles of cells.
BIAS = (
    "A state is 1 with the probability that is asked for but for a bias of at most 2^-24.00 with "
    "24 bits and 2^-17.00 with 16 bits, over all float32 probabilities; draws have 24 bits where "
    "nothing is said."
)


def draws(setting: Setting) -> list[Job]:
    """What a layer does with its fields, sigmoid, uniforms and comparison: by every candidate."""
    size, n = setting.sizes.batch_size, setting.n_steps

    def row(name: str, width: int) -> Job:
        generator, draw = CANDIDATES[name]
        fields = jax.random.normal(jax.random.key(7), (size, width))
        key, work = jax.random.key(8, impl=generator), functools.partial(states, draw)
        call = functools.partial(operations.repeat, work, fields, key, n)
        return Job(
            f"states of {size}x{width} by {name}", "layer", n, call, {Sampled(size, width): 1}
        )

    return [
        row(name, width) for width in dict.fromkeys(setting.sizes.layers) for name in CANDIDATES
    ]


def states(draw: Callable[[Key, Array], Array], fields: Any, key: Key) -> Array:
    """Turns fields into states."""
    return draw(key, jax.nn.sigmoid(fields))


DRAWS, SIGMOID, BIASES = "draws", "sigmoid", "biases in the fields"
MOMENTUM, REST = "momentum and decay", "biases and info"
STEPS: dict[str, tuple[str, ...]] = {  # the rows, and what is left out of each
    "by hand": (),
    **{f"no {part}": (part,) for part in (DRAWS, SIGMOID, MOMENTUM, REST)},
}
PRODUCTS = (DRAWS, SIGMOID, BIASES, MOMENTUM, REST)


def step_without(*left_out: str) -> Callable[..., Any]:
    """Makes the step of CD-1, but for what is left out. XLA drops what nothing uses any more."""
    mean = (lambda field: field) if SIGMOID in left_out else jax.nn.sigmoid
    draw = (lambda key, mean: mean) if DRAWS in left_out else numerics.bernoulli

    def activate(product: Array, bias: Array) -> Array:
        return mean(product if BIASES in left_out else bias + product)

    def step(key: Key, hyper: Hyper, state: State, v: Array) -> tuple[State, Any]:
        key_hidden, _ = jax.random.split(key)
        rbm, weights = state.params, state.params.weights
        h = activate(v @ weights, rbm.hidden.bias)
        drawn = draw(key_hidden, h)
        reconstruction = activate(drawn @ weights.T, rbm.visible.bias)
        last = activate(reconstruction @ weights, rbm.hidden.bias)
        positive = phases.Phase(v, h, Bernoulli(v), Bernoulli(h), drawn)
        negative = phases.Phase(
            reconstruction, last, Bernoulli(reconstruction), Bernoulli(last), last
        )
        gradient = phases.rbm_gradient(positive, negative, None)
        learned = updates.ascend(hyper, state, gradient, positive)
        if MOMENTUM in left_out:
            moved = updates.move(weights, hyper.rate, gradient.weights)
            learned = with_weights(learned, moved, state.velocity.weights)
        if REST in left_out:
            return with_weights(state, learned.params.weights, learned.velocity.weights), ()
        error = ((v - reconstruction) ** 2).sum(-1).mean()
        return learned, contrastive_divergence.Info(error, h.mean())

    return step


def with_weights(state: State, weights: Array, velocity: Array) -> State:
    """Returns a state with other weights and another velocity of them."""
    return state._replace(
        params=dataclasses.replace(state.params, weights=weights),
        velocity=dataclasses.replace(state.velocity, weights=velocity),
    )


def at_hand(key: Key, batch: Array, pixels: Array, labels: Array) -> Array:
    """Leaves the pixels where they are, and learns from a minibatch that is there already."""
    del key, pixels, labels
    return batch


def ablation(setting: Setting) -> list[Job]:
    """CD-1 of the first RBM: the library's, by hand, less one thing each, products alone.

    The step by hand runs in the library's own program of an epoch. The rate is zero, since without
    a sigmoid no weights would stay finite; no time depends on its value.
    """
    size, rbm = setting.sizes.batch_size, setting.stack.rbms[0]
    library = jobs_lib.divergence(rbm, size)
    library = library._replace(hyper=library.hyper._replace(rate=jnp.float32(0)))
    batch = greedy.intensities(jax.random.key(0), setting.data.pixels[:size], "mean")

    def by_hand(*left_out: str) -> jobs_lib.Training:
        return library._replace(learner=Learner(library.learner.init, step_without(*left_out)))

    trainings = {
        "the library's": library,
        **{name: by_hand(*left_out) for name, left_out in STEPS.items()},
        "no gather and cast": by_hand()._replace(prepare=at_hand, context=batch),
        "products alone, in a scan": by_hand(*PRODUCTS)._replace(prepare=at_hand, context=batch),
    }
    name = "CD-1 of {}-{} by parts".format(*rbm.weights.shape)
    return [jobs_lib.epochs(f"{name}: {how}", x, setting.data) for how, x in trainings.items()]


def streams(setting: Setting) -> list[Job]:
    """CD-1 of the first RBM, from the device and in chunks from a temporary folder."""
    sizes, rbm = setting.sizes, setting.stack.rbms[0]
    chunk = max(1, setting.n_steps // sizes.chunks) * sizes.batch_size
    folder = tempfile.mkdtemp(prefix="dbnjax-benchmark-")  # until the program ends: rows read it
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stream = written(setting, Path(folder) / "images")
    cases: dict[str, loop.Data | streaming.Chunks] = {
        "in memory": setting.data,
        "streamed from a folder": streaming.cut(stream, chunk, sizes.batch_size),
    }
    what, name = jobs_lib.divergence(rbm, sizes.batch_size), f"CD-1 {jobs_lib.named(rbm)}"
    return [jobs_lib.epochs(f"{name}, {where}", what, found) for where, found in cases.items()]


def written(setting: Setting, folder: Path) -> Stream:
    """Writes the run's images, a row of pixels each, into a folder and opens it."""
    n, n_pixels = setting.pixels.shape
    images = Images(setting.pixels.reshape(n, 1, n_pixels), setting.labels)
    folder_writing.write(folder, [images], n, (1, n_pixels), {"from": "the benchmark"})
    return folders.read(folder, setting.sizes.n_labels)
