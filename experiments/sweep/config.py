"""Options of `experiments.sweep`, and its members: the combinations of the values of a grid."""

import contextlib
import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from dbnjax import checks
from experiments.common import options
from experiments.common.options import HOW, PLACE, option
from experiments.mnist_dbn.config import Config as MainJob


@dataclasses.dataclass(frozen=True)
class Config(MainJob):
    """`mnist_dbn`'s options and the sweep's own; each is a flag."""

    workdir: str = "runs/sweep"
    grid: str = option("", "What varies: name=value,value;name=value of the flags here.", role=HOW)
    output: str | None = option(
        None, "JSON file of the table; else sweep.json in the workdir.", role=PLACE
    )
    together: str = option(
        "auto",
        "All members in one program; auto: on an accelerator.",
        ("auto", "yes", "no"),
        role=HOW,
    )

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        checks.require(self.labels, "--labels: expected labels, by whose errors a sweep chooses")
        checks.require(
            not self.stream,
            "--stream: expected none, since all members learn from cases in memory, got "
            f"{self.stream}",
        )


# Flags of `mnist_dbn` that a sweep has no use for: what comes after up-down, TensorBoard, streams.
NO_PART = (
    "stream",
    "chunk",
    "baselines",
    "tensorboard",
    "n_gibbs",
    "n_passes",
    "all_epochs",
    "all_rate",
    "all_schedule",
    "all_momentum",
    "tail_epochs",
    "tail_rate",
)
CASES = ("split_seed", "n_train", "n_validation", "n_test", "side")  # members learn from the same
# What the compiled programs take as arrays, or what decides such an array.
ARRAYS = (
    "seed",
    "k",
    "greedy_rate",
    "greedy_momentum",
    "memory_rate",
    "memory_momentum",
    "early_momentum",
    "schedule",
    "decay",
    "up_down_rate",
    "up_down_schedule",
    "up_down_momentum",
    "up_down_decay",
    "up_down_steps",
)
EXPECTED = {
    int: "whole numbers",
    float: "numbers",
    bool: "true or false",
    tuple: "whole numbers with - between those of the phases",
}
SHAPES = ("layers", "up_down_epochs")  # the same for all members
WORDS = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class Member:
    """One setting of the flags.

    Attributes:
      config: all options.
      varied: the values of the grid's flags.
      name: of its folder: where the grid's flags differ from the command's own, so that a larger
        grid finds what a smaller one has learned.
      greedy: the same of flags that greedy learning depends on; members that share it share
        their stack.
    """

    config: MainJob
    varied: dict[str, Any]
    name: str
    greedy: str


def members(config: MainJob, grid: str) -> list[Member]:
    """Makes the members, the grid's last flag varying fastest.

    Raises:
      InputError: the grid names a flag that cannot vary, or a value that the flag cannot have.
    """
    values = parse(grid)
    found = []
    for combination in itertools.product(*values.values()):
        varied = dict(zip(values, combination, strict=True))
        before = {n: value for n, value in varied.items() if not n.startswith("up_down_")}
        chosen = dataclasses.replace(config, **varied)
        chosen.check_options()
        found.append(Member(chosen, varied, label(varied, config), label(before, config)))
    return found


def parse(grid: str) -> dict[str, tuple[Any, ...]]:
    """Reads a grid, `name=value,value;name=value`, into values by flag."""
    fields = {field.name: field for field in dataclasses.fields(MainJob) if varies(field)}
    values: dict[str, tuple[Any, ...]] = {}
    for part in grid.split(";"):
        name, _, texts = (text.strip() for text in part.partition("="))
        checks.require(
            name in fields,
            f"--grid: expected name=value,value;name=value of {', '.join(fields)}; got {part!r}",
        )
        checks.require(name not in values, f"--grid: expected every flag once, got {name} twice")
        values[name] = tuple(parse_value(fields[name], text) for text in texts.split(","))
        checks.require(
            len(set(values[name])) == len(values[name]),
            f"--grid: {name}: expected different values, got {texts!r}",
        )
    return values


def varies(field: dataclasses.Field[Any]) -> bool:
    """Returns whether a flag may stand in a grid: a switch, a number, iterations or a few words."""
    declared = options.declarations(MainJob)[field.name]
    fixed = ("preset", "labels", "precision", *SHAPES, *NO_PART, *CASES)
    plain = type(field.default) in EXPECTED or bool(declared.choices)
    return plain and declared.role == options.LEARNS and field.name not in fixed


def parse_value(field: dataclasses.Field[Any], text: str) -> Any:
    """Reads one value of a flag."""
    kind: Any = type(field.default)
    choices = options.declarations(MainJob)[field.name].choices
    value: Any = None
    with contextlib.suppress(ValueError):
        if kind is tuple:
            value = tuple(map(int, text.split("-")))
        else:
            value = WORDS.get(text.strip()) if kind is bool else kind(text)
    expected = f"some of {', '.join(choices)}" if choices else EXPECTED[kind]
    checks.require(
        value in choices if choices else value is not None,
        f"--grid: {field.name}: expected {expected}, separated by commas, got {text.strip()!r}",
    )
    return value


def label(varied: dict[str, Any], config: MainJob) -> str:
    """Names a setting by the flags that differ from the command's own."""
    differing = {name: value for name, value in varied.items() if value != getattr(config, name)}
    return ",".join(f"{name}={written(x)}" for name, x in sorted(differing.items())) or "base"


def written(value: Any) -> str:
    """A value as a grid gives it."""
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def joint_label(names: Iterable[str]) -> str:
    """Names a group of settings, whose names are too long for one folder's."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def check_together(members: Sequence[Member]) -> None:
    """Raises `InputError` unless one program can learn all members at once."""
    others = [name for name in members[0].varied if name not in ARRAYS]
    checks.require(
        not others,
        f"--grid: expected flags that one program for all members takes as arrays, "
        f"{', '.join(ARRAYS)}; got {', '.join(others)}, which need --together=no",
    )
