"""The floors of the house: what may import what, read from the source without running it."""

import ast
import functools
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Imports go down only; a package may import itself, and nothing else on its own floor.
FLOORS = {
    "dbnjax.types": 0,
    "dbnjax.errors": 0,
    "dbnjax.checks": 0,
    "dbnjax.numerics": 0,
    "dbnjax.units": 1,
    "dbnjax.models": 2,
    "dbnjax.sampling": 3,
    "dbnjax.learning": 4,
    "dbnjax.inference": 4,
    "dbnjax.evaluation": 4,
    "dbnjax.weights": 4,
    "dbnjax.training": 5,
    "dbnjax.scoring": 6,
    "experiments": 7,
}
# The package's list of names, and what `python -m dbnjax` says.
FRONT = ("dbnjax", "dbnjax.__main__")
# Files, arrays of NumPy and figures: they stand beside the kernels, and see only `checks`.
HOST = ("dbnjax.data", "dbnjax.figures", "dbnjax.files")
# On their packages' floors, but they see no kernel.
ALSO_WITHOUT_KERNELS = (
    "dbnjax.training.metrics",
    "dbnjax.evaluation.diagnostics",
    "dbnjax.scoring.statistics",
)
WITHOUT_JAX = ("dbnjax.data", "dbnjax.figures")
MAY_IMPORT_HOST = ("dbnjax.weights", "dbnjax.training", "experiments", *ALSO_WITHOUT_KERNELS)
SHARED_BY_LEARNERS = tuple(f"dbnjax.learning.{name}" for name in ("phases", "updates", "passes"))
CODE_IN_FILES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")

# Experiments that compose others by purpose; no other imports a module of another one.
COMPOSERS = (
    "accelerator",
    "benchmark",
    "paper_figures",
    "results",
    "results_charts",
    "scaling",
    "ship",
    "sweep",
)
# Files stay short enough to be read at one go.
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 300, 60
# No chain of imports inside of `experiments` is longer.
EXPERIMENTS_FLOORS = 6
# What `--help` waits for, and the checks of options: modules that may not import these packages.
SLOW = ("jax", "flax", "optax", "orbax", "matplotlib", "scipy", "sklearn")


def within(module, packages):
    """Whether a dotted name is one of the packages or lies in one."""
    return any(module == p or module.startswith(p + ".") for p in packages)


def package_of(module):
    """The entry of FLOORS that a module belongs to."""
    return next((package for package in FLOORS if within(module, (package,))), None)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = [*ROOT.glob("dbnjax/**/*.py"), *ROOT.glob("experiments/**/*.py")]
SOURCES = {module_name(path): ast.parse(path.read_text()) for path in PATHS}


def at_once(tree):
    """The statements that run when a module is imported, inside `if` and `try` too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from at_once(node)


def imports(tree, nodes=ast.walk):
    """Every imported dotted name, by default functions' own imports included."""
    names = set()
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports(tree, nodes=ast.walk):
    """The modules of this repository that are imported, names inside them cut off."""
    ours = {name for name in imports(tree, nodes) if within(name, ("dbnjax", "experiments"))}
    return {name if name in SOURCES else name.rpartition(".")[0] for name in ours}


def wrong_imports(module, tree):
    """The imports of a module that the floors forbid."""
    if module in FRONT:
        return set()
    return {name for name in own_imports(tree) if not allowed(module, name)}


def allowed(module, imported):
    if within(imported, HOST):
        return within(module, (*HOST, *MAY_IMPORT_HOST))
    if within(module, (*HOST, *ALSO_WITHOUT_KERNELS)):
        return imported == "dbnjax.checks"
    home, there = package_of(module), package_of(imported)
    if home is None or there is None:
        return False
    if home == there == "dbnjax.learning":
        return module == home or imported in SHARED_BY_LEARNERS
    both_at_the_bottom = FLOORS[home] == FLOORS[there] == 0
    return home == there or FLOORS[there] < FLOORS[home] or both_at_the_bottom


def attributes(tree):
    """Every dotted expression, such as `jax.jit`."""
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def wrong_uses(module, tree):
    """The uses of jit, flags, pickle and jax that a module's place forbids."""
    used = imports(tree) | attributes(tree)
    wrong = {name for name in used if within(name, CODE_IN_FILES)}
    wrong |= {
        "allow_pickle"
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
        and node.arg == "allow_pickle"
        and ast.unparse(node.value) != "False"
    }
    if not within(module, ("dbnjax.training", "dbnjax.scoring", "experiments")):
        wrong |= used & {"jax.jit", "jax.pmap"}
    if not within(module, ("experiments",)):
        wrong |= {name for name in used if within(name, ("absl.flags", "absl.app"))}
    if within(module, WITHOUT_JAX):
        wrong |= {name for name in used if within(name, ("jax", "flax"))}
    return wrong


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_keeps_its_place(module):
    assert wrong_imports(module, SOURCES[module]) == set()
    assert wrong_uses(module, SOURCES[module]) == set()


def test_every_module_has_a_place():
    homeless = {m for m in SOURCES if package_of(m) is None and not within(m, HOST)}
    assert homeless == {*FRONT}
    assert all(any(within(module, (p,)) for module in SOURCES) for p in (*FLOORS, *HOST))


@functools.cache
def graph():
    """The modules that each module imports, less its own package's list of names."""
    return {
        module: {name for name in own_imports(tree) if not within(module, (name,))}
        for module, tree in SOURCES.items()
    }


def test_no_cycles():
    assert len(list(graphlib.TopologicalSorter(graph()).static_order())) == len(SOURCES)


def experiment(module):
    """The file or folder below `experiments` that a module is or lies in; "" for itself."""
    return module.split(".")[1] if "." in module else ""


def sideways(module, tree):
    """The imports by which an experiment, or what all share, reaches into another experiment."""
    home = experiment(module)
    if not within(module, ("experiments",)) or home in COMPOSERS:
        return set()
    ours = {name for name in own_imports(tree) if within(name, ("experiments",))}
    return {name for name in ours if experiment(name) not in ("", home, "common")}


def test_experiments_import_no_other_experiment():
    found = {module: sideways(module, tree) for module, tree in SOURCES.items()}
    assert {module: names for module, names in found.items() if names} == {}


def longest_chain(modules):
    """The longest chain of imports among some modules, from above, that begins in each of them."""

    @functools.cache
    def below(module):
        found = [below(name) for name in graph()[module] if name in modules]
        return (module, *max(found, key=len, default=()))

    return {module: below(module) for module in sorted(modules)}


def test_experiments_have_few_floors():
    modules = {module for module in SOURCES if within(module, ("experiments",))}
    heights = {}
    for module, chain in longest_chain(modules).items():
        heights[experiment(module)] = max(heights.get(experiment(module), 0), len(chain))
    assert {name: n for name, n in heights.items() if n > EXPERIMENTS_FLOORS} == {}


def slow_imports(module, seen):
    """What the import of a module waits for, through whatever it imports itself."""
    if module in seen:
        return set()
    seen.add(module)
    parents = {".".join(module.split(".")[:n]) for n in range(1, module.count(".") + 1)}
    names = imports(SOURCES[module], at_once)
    found = {name for name in names if within(name, SLOW)}
    for name in own_imports(SOURCES[module], at_once) | parents:
        found |= slow_imports(name, seen)
    return found


def test_options_wait_for_no_slow_package():
    found = {module for module in SOURCES if module.endswith(".config")}
    slow = {module for module in found if slow_imports(module, set())}
    assert slow == set()
    assert slow_imports("experiments.common.program", set()) == set()
    assert "jax" in slow_imports("experiments.hybrid.main", set())


def too_long(source):
    """The functions of a source that are too long, and the whole if it is."""
    found = {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno - node.lineno >= LINES_OF_A_FUNCTION
    }
    return found | ({"the file"} if source.count("\n") > LINES_OF_A_FILE else set())


def test_files_and_functions_are_short():
    found = {module_name(path): too_long(path.read_text()) for path in PATHS}
    assert {module: names for module, names in found.items() if names} == {}


def test_what_is_too_long_is_seen():
    lines = ["def f():", *["    pass"] * (LINES_OF_A_FUNCTION - 1), ""]
    assert too_long("\n".join(lines)) == set()
    assert too_long("\n".join(["def f():", *lines[1:-1], "    pass", ""])) == {"f"}
    assert too_long("\n" * (LINES_OF_A_FILE + 1)) == {"the file"}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("experiments.hybrid.train", "from experiments.mnist_dbn import config"),
        ("experiments.hybrid.train", "from experiments.mnist_dbn.config import Config"),
        ("experiments.hybrid.train", "from experiments import mnist_dbn"),
        ("experiments.classify", "from experiments import generate"),
        ("experiments.common.new", "from experiments.sweep import together"),
    ],
)
def test_an_import_of_another_experiment_is_seen(module, line):
    assert sideways(module, ast.parse(line))


def test_experiments_that_compose_others_may_import_them():
    line = ast.parse("from experiments.mnist_dbn import config")
    assert not sideways("experiments.sweep.members", line)
    assert not sideways("experiments.mnist_dbn.main", line)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("dbnjax.units.new", "from dbnjax.models import rbm"),
        ("dbnjax.units.new", "def f():\n    from dbnjax.sampling import gibbs"),
        ("dbnjax.models.new", "import dbnjax.sampling.gibbs"),
        ("dbnjax.models.new", "from dbnjax import rbm"),
        ("dbnjax.sampling.new", "from dbnjax.learning.updates import momentum"),
        ("dbnjax.inference.new", "from dbnjax.learning import updates"),
        ("dbnjax.learning.new", "from dbnjax.learning import up_down"),
        ("dbnjax.learning.new", "from dbnjax.training import metrics"),
        ("dbnjax.data.new", "from dbnjax.units import Bernoulli"),
        ("dbnjax.figures", "from dbnjax import numerics"),
        ("dbnjax.training.metrics", "from dbnjax.training import loop"),
        ("dbnjax.weights.new", "from dbnjax.training import metrics"),
        ("dbnjax.models.new", "from dbnjax import files"),
        ("dbnjax.training.new", "from experiments import flags"),
        ("dbnjax.nowhere", "from dbnjax import checks"),
    ],
)
def test_a_wrong_import_is_seen(module, line):
    assert wrong_imports(module, ast.parse(line))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("dbnjax.learning.new", "import jax\nstep = jax.jit(step)"),
        ("dbnjax.models.new", "from jax import jit"),
        ("dbnjax.training.new", "from absl import flags"),
        ("dbnjax.training.new", "import absl.flags"),
        ("dbnjax.weights.new", "import pickle"),
        ("experiments.new", "from joblib import dump"),
        ("experiments.new", "numpy.load(path, allow_pickle=True)"),
        ("dbnjax.data.new", "import jax.numpy as jnp"),
        ("dbnjax.figures", "import jax"),
    ],
)
def test_a_wrong_use_is_seen(module, line):
    assert wrong_uses(module, ast.parse(line))
