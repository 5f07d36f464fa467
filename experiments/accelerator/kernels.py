"""Section `kernels`: what one update launches, and the memory that its program needs."""

from typing import Any

import jax

from dbnjax.models.dbn import DBN
from dbnjax.training import loop
from dbnjax.types import PyTree
from experiments.accelerator import profile
from experiments.accelerator import program as accelerator_program
from experiments.accelerator.config import Config, Found, bar, number, setting
from experiments.benchmark.jobs import Setting, Training
from experiments.scaling import programs as scaling_programs

NOTE = (
    "An epoch of {n_updates} updates from {size} cases each, by minibatches of random images. "
    "Instructions an update: of the compiled program's loop, inner loops as often as they turn; "
    "fusions with a matrix product in them count as products. Ran and launched an update: by a "
    "profile of one epoch, the order of its cases included; a CPU's shows nothing. Memory: "
    "arguments, results that share no memory with them, and temporaries; allowed are the images as "
    "uint8 with their labels, four times the parameters, and the activations of a minibatch, a "
    "float32 for every unit and case in both phases."
)
MEMORY, ALLOWED = "MB in all", "MB allowed"
PARTS = ("argument", "output", "alias", "temp")


def kernels(config: Config) -> Found:
    """Compiles, profiles and counts CD-1, PCD-1 and up-down."""
    made = setting(config)
    found = {name: measure(made, what) for name, what in scaling_programs.rules(made).items()}
    labels = next(iter(found.values()))
    return Found(
        columns=["", *found],
        rows=[[label, *(number(one[label]) for one in found.values())] for label in labels],
        note=NOTE.format(n_updates=made.n_steps, size=made.sizes.batch_size),
        bars=[
            bar(
                f"{name}: memory of at most {one[ALLOWED]:.1f} MB",
                one[MEMORY],
                one[MEMORY] <= one[ALLOWED],
            )
            for name, one in found.items()
        ],
    )


def measure(setting: Setting, what: Training) -> dict[str, float]:
    """Returns the counts and the megabytes of an epoch, by the labels of their rows."""
    n, key, data = setting.n_steps, jax.random.key(1), setting.data
    program: Any = loop.epoch_program(what.learner, what.prepare, setting.sizes.batch_size)
    state = what.learner.init(key, what.params)
    given = (what.context, data)
    compiled = program.lower(key, what.hyper, state, *given).compile()

    def call() -> loop.Report:
        nonlocal state
        state, report = compiled(key, what.hyper, state, *given)
        return report

    jax.block_until_ready(call())
    seen = profile.take(call)
    counts = accelerator_program.an_update(compiled.as_text(), n)
    ran = {
        "ran by the profile, an update": seen.kernels / n,
        "kernels launched by the host, an update": seen.kernel_launches / n,
        "graphs launched by the host, an update": seen.graph_launches / n,
        "device busy, %": 100 * seen.busy,
    }
    launched = {f"{kind} an update": n_made for kind, n_made in counts.items()}
    return launched | ran | memory(compiled.memory_analysis(), setting, what)


def memory(found: Any, setting: Setting, what: Training) -> dict[str, float]:
    """Returns the megabytes of a program, and those that it is allowed."""
    parts = {name: getattr(found, f"{name}_size_in_bytes") / 1e6 for name in PARTS}
    results = parts["output"] - parts["alias"]
    allowed = n_bytes(setting.data) + 4 * n_bytes(what.params) + n_activations(setting, what) * 4
    return {
        "MB of arguments": parts["argument"],
        "MB of results beside them": results,
        "MB of temporaries": parts["temp"],
        MEMORY: parts["argument"] + results + parts["temp"],
        ALLOWED: allowed / 1e6,
    }


def n_bytes(tree: PyTree) -> int:
    """Returns the bytes of all arrays."""
    return sum(array.nbytes for array in jax.tree.leaves(tree))


def n_activations(setting: Setting, what: Training) -> int:
    """Returns the numbers that a minibatch makes: one a unit and case in each of two phases."""
    net = what.params
    lower, machine = (net.recognition, net.memory) if isinstance(net, DBN) else ((), net)
    n_units = sum([*machine.weights.shape, *(layer.weights.shape[0] for layer in lower)])
    return 2 * setting.sizes.batch_size * n_units
