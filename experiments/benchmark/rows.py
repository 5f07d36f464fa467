"""The rows of the 2006 paper's net: how it learns, and what it is asked."""

import jax
import jax.numpy as jnp

from dbnjax.evaluation import annealing
from dbnjax.inference import generate
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import path as path_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.dbn import DBN
from dbnjax.scoring import chains
from dbnjax.training import evaluate
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import parts as parts_lib
from experiments.benchmark.jobs import Job, Setting

CLASSIFIED = 10_000  # images in a timed call, as many as MNIST's test set holds
anneal = jax.jit(annealing.anneal)


def learning(setting: Setting) -> list[Job]:
    """Epochs: the first machine and the memory by CD-1 and by PCD-1, and up-down of the net."""
    net = dbn_lib.untie(setting.stack)
    tuned = [
        jobs_lib.up_down_epochs(setting, f"up-down epoch, {n_steps} iterations", net, n_steps)
        for n_steps in setting.sizes.up_down_steps
    ]
    return [*first_layer(setting), *joint_layer(setting), *tuned]


def inference(setting: Setting) -> list[Job]:
    """Reading images, imagining them, and the partition function of the first machine."""
    net = dbn_lib.untie(setting.stack)
    imagined = [generation(setting, net, n) for n in setting.sizes.n_chains]
    return [classification(setting, net), *imagined, annealed(setting)]


def by_both_rules(
    setting: Setting, name: str, what: jobs_lib.Training, parts: dict[str, parts_lib.Parts]
) -> list[Job]:
    """Makes the rows of CD-1 and of PCD-1 with as many chains as cases, all else alike."""
    data, size = setting.data, setting.sizes.batch_size
    rules = {"CD-1": what, "PCD-1": jobs_lib.persistently(what, size)}
    return [
        jobs_lib.epochs(f"{rule} {name}", parts[rule], training, data, size)
        for rule, training in rules.items()
    ]


def first_layer(setting: Setting) -> list[Job]:
    """Learns from intensities."""
    machine = setting.stack.rbms[0]
    shape = machine.weights.shape
    parts = {
        "CD-1": parts_lib.contrastive_divergence(setting.sizes.batch_size, *shape),
        "PCD-1": parts_lib.persistent(setting.sizes.batch_size, *shape),
    }
    name = "epoch, {}-{}".format(*shape)
    return by_both_rules(setting, name, jobs_lib.divergence(machine), parts)


def joint_layer(setting: Setting) -> list[Job]:
    """Learns from sampled states of the layers below and from labels."""
    sizes, (*lower, memory) = setting.sizes, setting.stack.rbms
    below = tuple(Layer(unit=rbm.hidden, weights=rbm.weights) for rbm in lower)
    what = jobs_lib.divergence(memory, "sample", sizes.n_labels, below)
    widths = (setting.pixels.shape[-1], *sizes.layers[:-1])
    parts = parts_lib.joint_layer(sizes.batch_size, widths, sizes.n_labels, sizes.layers[-1])
    name = "epoch of the memory, {}-{}".format(*memory.weights.shape)
    return by_both_rules(setting, name, what, {"CD-1": parts, "PCD-1": parts})


def classification(setting: Setting, net: DBN) -> Job:
    """Makes the row of the deterministic read-out."""
    n_cases, layers = len(setting.labels), setting.sizes.layers
    chunk = min(evaluate.CHUNK, n_cases)
    n = min(CLASSIFIED, n_cases) // chunk * chunk
    pixels, key = setting.data.pixels[:n], jax.random.key(3)
    widths = (setting.pixels.shape[-1], *layers[:-1])
    in_chunk = parts_lib.classification(chunk, widths, layers[-1])
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
        parts_lib.gibbs(n_chains, n_penultimate, n_labels, n_top),
    )


def annealed(setting: Setting) -> Job:
    """Makes the row of AIS from base rates up to the first machine."""
    machine, n_chains = setting.stack.rbms[0], setting.sizes.batch_size
    shape = machine.weights.shape
    half = jnp.full(shape[0], 0.5)
    path = path_lib.from_base_rates(machine, half, half * half)
    start = annealing.start(path, jnp.zeros((n_chains, shape[0])), 0.0)
    betas, key = jnp.linspace(0.0, 1.0, setting.n_steps + 1)[1:], jax.random.key(6)
    return Job(
        "AIS sweep, {}-{}, {} chains".format(*shape, n_chains),
        "temperature",
        setting.n_steps,
        lambda: anneal(key, path, betas, start),
        parts_lib.annealing(n_chains, *shape),
    )
