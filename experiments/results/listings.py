"""What there is, as Markdown: the experiments by what they are for, and the library's modules.

Everything is read from the code: an experiment's line is the first of its docstring and its first
command; a module's line is the first of its docstring.
"""

import ast
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from dbnjax import checks
from experiments import registry
from experiments.common.tables import NONE, table, wrap
from experiments.registry import Experiment

ROOT = Path(checks.__file__).parent
# From the top down. A module may import only from what stands below its own part.
FLOORS = (
    ("scoring",),
    ("training",),
    ("learning", "inference", "evaluation", "weights"),
    ("sampling",),
    ("models",),
    ("units",),
    ("",),  # the files beside the folders
)
HOST = ("data", "figures")  # without kernels: NumPy arrays, files and pictures
BESIDE = ("__init__", "__main__", "files")  # files beside the folders, on no floor


def commands(kinds: Sequence[str], pages: str, written: Collection[str]) -> str:
    """Returns the table of experiments.

    Args:
      kinds: those that it lists.
      pages: the link to the folder of the pages of results.
      written: the experiments that have a page there.
    """
    listed = [one for kind in kinds for one in registry.EXPERIMENTS if one.kind == kind]
    rows = [
        [f"`{short(command(one))}`", purpose(one), results(one, pages, written)] for one in listed
    ]
    return table(["command", "what it does", "results"], rows)


def all_commands(pages: str, written: Collection[str]) -> str:
    """Returns a table of experiments for each kind, under a heading; arguments as `commands`."""
    titles = {kind: f"### To {kind}" for kind in registry.KINDS}
    parts = [f"{title}\n\n{commands([kind], pages, written)}" for kind, title in titles.items()]
    return "\n\n".join(parts)


def command(experiment: Experiment) -> str:
    """Returns the first command that an experiment's docstring shows, all its lines."""
    beginning = rf"python -m {re.escape(experiment.module)}\b"
    found = re.search(rf"{beginning}(.*\\\n)*.*", experiment.docstring)
    assert found is not None, f"{experiment.module}: its docstring shows no command"
    return found[0]


def short(command: str) -> str:
    """Returns the first line of a command, with dots if it goes on."""
    first, backslash, _ = command.partition("\\\n")
    return f"{first}..." if backslash else first


def purpose(experiment: Experiment) -> str:
    """Returns the first line of an experiment's docstring."""
    return experiment.docstring.splitlines()[0]


def results(experiment: Experiment, pages: str, written: Collection[str]) -> str:
    """Returns a link to an experiment's page of results, if it has one."""
    if experiment.name not in written:
        return NONE
    return f"[{experiment.name}]({pages}/{experiment.name}.md)"


def modules() -> str:
    """Returns a list of the library's modules, floor by floor from the top."""
    parts = []
    for floor, folders in zip(reversed(range(len(FLOORS))), FLOORS, strict=True):
        for folder in folders:
            parts += part(folder, f"floor {floor}")
    for folder in HOST:
        parts += part(folder, "beside the floors")
    parts += ["### Whole files: beside the floors", item(ROOT / "files.py")]
    return "\n\n".join(parts)


def part(folder: str, place: str) -> list[str]:
    """Returns the heading of a folder, what it is, and a line for each of its modules."""
    found = sorted((ROOT / folder).glob("*.py"))
    title = f"`{folder}/`" if folder else "Files at the bottom"
    about = [wrap(first_line(ROOT / folder / "__init__.py"))] if folder else []
    items = [item(path) for path in found if path.stem not in BESIDE]
    return [f"### {title}: {place}", *about, "\n".join(items)]


def item(path: Path) -> str:
    """Returns the item of a module."""
    return wrap(f"- `{path.stem}`: {first_line(path)}")


def first_line(path: Path) -> str:
    """Returns the first line of a module's docstring, without importing it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text is not None, f"{path}: it has no docstring"
    return text.splitlines()[0]
