"""Section `kernels`: what one update launches, and the memory that its program needs.

Launches are read twice: from the text of the optimised HLO, where an instruction of the main loop
stands for one launch (a fusion is one kernel), and from a profile, which also knows the graphs that
XLA captures after that text was made. A profile of a CPU shows nothing.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from dbnjax.models.dbn import DBN
from dbnjax.training import loop
from dbnjax.types import PyTree
from experiments.accelerator.config import Config
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark.jobs import Setting, Sizes, Training
from experiments.benchmark.report import number
from experiments.scaling import main as scaling

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

PRODUCT, FUSION, OTHER = "matrix products", "fusions", "other instructions"
ENTRY = "ENTRY"
COMPUTATION = re.compile(rf"({ENTRY} )?%?([\w.\-]+) .*\{{$")
INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?[\w.\-]+ = (?:\(.*?\)|\S+) ([a-z][\w\-]*)\((.*)")
CALLED = re.compile(r"\b(?:calls|to_apply|body)=%?([\w.\-]+)")
TURNS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
MULTIPLIES = re.compile(r'custom_call_target="[^"]*(?:gemm|matmul|dot)', re.IGNORECASE)
LAUNCHES_NOTHING = re.compile(
    r"parameter|constant|tuple|get-tuple-element|bitcast|after-all|opt-barrier|partition-id|"
    r"replica-id|[\w\-]+-done|[\w\-]+-update"
)
Computations = dict[str, list[tuple[str, str]]]  # by name: operations, and the rest of their lines

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


def kernels(config: Config) -> dict[str, Any]:
    """Compiles, profiles and counts CD-1, PCD-1 and up-down."""
    sizes = Sizes(layers=config.layers, batch_size=config.batch_size)
    cases = jobs_lib.random_cases(config.steps * sizes.batch_size, sizes)
    setting = jobs_lib.setting(sizes, *cases)
    found = {name: measure(setting, what) for name, what in scaling.rules(setting).items()}
    labels = next(iter(found.values()))
    return {
        "columns": ["", *found],
        "rows": [[label, *(number(one[label]) for one in found.values())] for label in labels],
        "note": NOTE.format(n_updates=config.steps, size=config.batch_size),
        "asked": [
            (f"{name}, memory", one[MEMORY], one[ALLOWED], "MB") for name, one in found.items()
        ],
    }


def measure(setting: Setting, what: Training) -> dict[str, float]:
    """Returns the counts and the megabytes of an epoch, by the labels of their rows."""
    n, key = setting.n_steps, jax.random.key(1)
    program: Any = loop.epoch_program(what.learner, what.prepare, what.batch_size)
    state = what.learner.init(key, what.params)
    given = (what.context, setting.data)
    compiled = program.lower(key, what.hyper, state, *given).compile()

    def call() -> loop.Report:
        nonlocal state
        state, report = compiled(key, what.hyper, state, *given)
        return report

    jax.block_until_ready(call())
    seen = profile(call)
    counts = count_loop(compiled.as_text())
    return {
        **{f"{kind} an update": counts[kind] / n for kind in (PRODUCT, FUSION, OTHER)},
        "ran by the profile, an update": seen.kernels / n,
        "kernels launched by the host, an update": seen.kernel_launches / n,
        "graphs launched by the host, an update": seen.graph_launches / n,
        "device busy, %": 100 * seen.busy,
        **memory(compiled.memory_analysis(), setting, what),
    }


def memory(found: Any, setting: Setting, what: Training) -> dict[str, float]:
    """Returns the megabytes of a program, and those that it is allowed."""
    argument, output, alias, temporary = (
        getattr(found, f"{name}_size_in_bytes") / 1e6
        for name in ("argument", "output", "alias", "temp")
    )
    net = what.params
    lower, rbm = (net.recognition, net.memory) if isinstance(net, DBN) else ((), net)
    n_units = sum([*rbm.weights.shape, *(layer.weights.shape[0] for layer in lower)])
    activations = 4 * 2 * what.batch_size * n_units
    return {
        "MB of arguments": argument,
        "MB of results beside them": output - alias,
        "MB of temporaries": temporary,
        MEMORY: argument + output - alias + temporary,
        ALLOWED: (n_bytes(setting.data) + 4 * n_bytes(net) + activations) / 1e6,
    }


def n_bytes(tree: PyTree) -> int:
    """Returns the bytes of all arrays."""
    return sum(array.nbytes for array in jax.tree.leaves(tree))


def count_loop(text: str) -> Counter[str]:
    """Counts the instructions of a program's main loop, the one that does most, by kind."""
    program = parse(text)
    loops = [line for lines in program.values() for line in lines if line[0] == "while"]
    return max((count_line(program, *line) for line in loops), key=Counter.total)


def parse(text: str) -> Computations:
    """Reads the computations of an optimised HLO module, `compiled.as_text()`."""
    found: Computations = {}
    lines: list[tuple[str, str]] = []
    for line in text.splitlines():
        if opened := COMPUTATION.match(line):
            lines = found[opened[2]] = []
        elif instruction := INSTRUCTION.match(line):
            lines.append((instruction[1], instruction[2]))
    return found


def count_line(program: Computations, name: str, rest: str) -> Counter[str]:
    """Counts the launches that an instruction stands for; calls and loops are what they do."""
    called = CALLED.search(rest)
    inside: Counter[str] = Counter()
    if called and name in ("while", "call", "async-start", "fusion"):
        for line in program[called[1]]:
            inside += count_line(program, *line)
    if name == "while":
        turns = TURNS.search(rest)  # taken for one where XLA does not know them
        return Counter({kind: int(turns[1]) * n if turns else n for kind, n in inside.items()})
    if name in ("call", "async-start"):
        return inside
    if name in ("dot", "convolution") or MULTIPLIES.search(rest) or PRODUCT in inside:
        return Counter([PRODUCT])
    if LAUNCHES_NOTHING.fullmatch(name):
        return Counter()
    return Counter([FUSION if name == "fusion" else OTHER])


def profile(call: Callable[[], Any]) -> Profile:
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
