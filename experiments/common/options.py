"""Options of experiments, declared once: flags, checks, records and resumes read them from there.

A config is a frozen dataclass of `Options`. Each field is declared by `option`, with its help, its
limits and its role. Groups of options that experiments share are mix-ins (`common.groups`); a
subclass that gives a field another default (`rate: float = 0.4`) keeps the rest of its declaration.

Nothing here imports JAX, so that `--help` need not wait for it.
"""

import dataclasses
import math
import operator
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from absl import flags

from dbnjax import checks

LEARNS = "learns"  # a part of what a run is: recorded, and the same when the run goes on
INPUT = "input"  # a person's file or folder to learn from: when a run goes on its content counts
PLACE = "place"  # where a person wants something to be written
HOW = "how"  # how a run is done, not what it finds: devices, saving, progress

FLAGS = flags.FLAGS
Presets = Mapping[str, Mapping[str, Any]]  # what each sets in the place of the defaults
AnyOptions = TypeVar("AnyOptions", bound="Options")


class Limit(NamedTuple):
    """A limit of a number: how it is compared with it, and how a line says so."""

    holds: Callable[[float, float], bool]
    words: str


LIMITS = {
    "least": Limit(operator.ge, "{} or more"),
    "above": Limit(operator.gt, "more than {}"),
    "most": Limit(operator.le, "at most {}"),
    "below": Limit(operator.lt, "less than {}"),
}


@dataclasses.dataclass(frozen=True)
class Option:
    """The declaration of an option, arguments as of `option`."""

    help: str
    choices: tuple[str, ...] | None = None
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    some_of: tuple[str, ...] | None = None
    distinct: bool = False
    may_be_empty: bool = False
    role: str = LEARNS
    shown: str | Callable[[Any], Any] | None = None


def option(default: Any, help_text: str, choices: Sequence[str] | None = None, **more: Any) -> Any:
    """Declares a field of a config.

    Args:
      default: its value where none is given; its type is the option's.
      help_text: what `--help` says.
      choices: the texts that it may be.
      **more: `least`, `above`, `most` and `below` limit a number, or each number of a tuple;
        `some_of` are the texts that a tuple may hold, each once; `distinct`: no item twice;
        `may_be_empty`: a tuple may have no item; `role`: `LEARNS`, `INPUT`, `PLACE` or `HOW`;
        `shown`: what commands show of an input, or makes it from the value.
    """
    declared = Option(help_text, tuple(choices) if choices else None, **more)
    return dataclasses.field(default=default, metadata={"option": declared})


@dataclasses.dataclass(frozen=True)
class Options:
    """What every config is. `PRESETS` may name recipes, for experiments that have `--preset`."""

    PRESETS: ClassVar[Presets] = {"": {}}

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned.

        A subclass that has to compare several fields calls this first.

        Raises:
          InputError: a value is outside of what its declaration allows.
        """
        for name, declared in declarations(type(self)).items():
            check_value(f"--{name}", getattr(self, name), declared)

    @classmethod
    def with_preset(cls: type[AnyOptions], name: str, **changes: Any) -> AnyOptions:
        """Returns the options of a preset, some of them changed."""
        return cls(**{**cls.PRESETS[name], "preset": name, **changes})


def declarations(config: type[Options]) -> dict[str, Option]:
    """Returns how each field of a config was declared, by itself or by a class that it extends."""
    return {field.name: _declared(config, field.name) for field in dataclasses.fields(config)}


def _declared(config: type[Options], name: str) -> Option:
    for base in config.__mro__:
        field = base.__dict__.get("__dataclass_fields__", {}).get(name)
        if field is not None and "option" in field.metadata:
            found: Option = field.metadata["option"]
            return found
    raise TypeError(f"{config.__name__}.{name}: expected to be declared by option(...)")


def check_value(name: str, value: Any, declared: Option) -> None:
    """Checks a value against the declaration of its option alone.

    Raises:
      InputError: it is outside of what that allows.
    """
    if declared.choices is not None:
        known = ", ".join(choice or "nothing" for choice in declared.choices)
        checks.require(value in declared.choices, f"{name}: expected one of {known}, got {value!r}")
    items = value if isinstance(value, tuple) else (value,)
    given = ", ".join(map(str, items))
    checks.require(
        bool(items) or declared.may_be_empty, f"{name}: expected at least one value, got none"
    )
    if declared.some_of is not None:
        known = ", ".join(declared.some_of)
        wrong = not set(items) <= set(declared.some_of) or len(set(items)) < len(items)
        checks.require(not wrong, f"{name}: expected some of {known}, each once, got {given}")
    if declared.distinct:
        different = len(set(items)) == len(items)
        checks.require(different, f"{name}: expected different values, got {given}")
    for item in items:
        if isinstance(item, int | float) and not isinstance(item, bool):
            _check_number(name, item, declared)


def _check_number(name: str, number: float, declared: Option) -> None:
    limits = [(limit, getattr(declared, kind)) for kind, limit in LIMITS.items()]
    limits = [(limit, end) for limit, end in limits if end is not None]
    wanted = " and ".join(limit.words.format(end) for limit, end in limits)
    if declared.least is not None and declared.most is not None:
        wanted = f"{declared.least} to {declared.most}"
    inside = all(limit.holds(number, end) for limit, end in limits)
    checks.require(inside, f"{name}: expected {wanted}, got {number}")
    finite = isinstance(number, int) or math.isfinite(number)
    checks.require(finite, f"{name}: expected a finite number, got {number}")


def names(config: type[Options], *roles: str) -> set[str]:
    """Returns the options of some roles."""
    return {name for name, declared in declarations(config).items() if declared.role in roles}


def given(config: Options) -> dict[str, Any]:
    """Returns the options that differ from their defaults, or from their preset's."""
    preset = type(config).PRESETS[getattr(config, "preset", "")]
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != preset.get(field.name, field.default)
    }


def recorded(config: Options) -> dict[str, Any]:
    """Returns the options that a record holds: what is learned, and inputs by their names."""
    found = {}
    for name, declared in declarations(type(config)).items():
        value = getattr(config, name)
        if declared.role == LEARNS:
            found[name] = value
        elif declared.role == INPUT and callable(declared.shown):
            found[name] = declared.shown(value)
    return found


def command(config: Options) -> str:
    """Returns the shell command that makes a run again, without a person's own folders."""
    module = type(config).__module__.removesuffix(".config")
    words = ["python", "-m", module]
    declared = declarations(type(config))
    for name, value in given(config).items():
        if declared[name].role != PLACE:
            words.append(_flag(name, _shown(declared[name], value)))
    return " ".join(words)


def _shown(declared: Option, value: Any) -> Any:
    if declared.shown is None:
        return value
    return declared.shown(value) if callable(declared.shown) else declared.shown


def _flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"--{name}={shlex.quote(text)}"


def file_name(path: str | None) -> str | None:
    """Names a file without the folders in which a person keeps it."""
    return path and Path(path).name


def numbered_file(path: str) -> str:
    """Names a saved stack by its file and, of the folders above, the one that numbers its net."""
    folder, name = Path(path).parent.name, Path(path).name
    return f"{folder}/{name}" if folder.startswith("net_") else name


class _Tuple(flags.ArgumentParser):
    """Parses `500,500,2000` into a tuple; an empty string into an empty one."""

    def __init__(self, item: Callable[[str], Any]) -> None:
        super().__init__()
        self._item = item
        self.syntactic_help = "comma-separated"

    def parse(self, argument: Any) -> tuple[Any, ...]:
        if not isinstance(argument, str):
            return tuple(argument)
        return tuple(self._item(part) for part in argument.split(",") if part.strip())

    def flag_type(self) -> str:
        return f"comma-separated {self._item.__name__}s"


class _Joined(flags.ArgumentSerializer):
    """Writes a tuple back as it is given on the command line."""

    def serialize(self, value: Any) -> str:
        return ",".join(str(item) for item in value)


def define(config: type[Options]) -> None:
    """Defines a flag for every option, by the type of its default.

    One that another experiment of the same process already defined is shared: absl refuses to
    define a name twice.
    """
    declared = declarations(config)
    for field in dataclasses.fields(config):
        if field.name in FLAGS:
            continue
        name, text = field.name, declared[field.name].help
        default: Any = field.default
        if declared[name].choices:
            flags.DEFINE_enum(name, default, list(declared[name].choices or ()), text)
        elif isinstance(default, bool):
            flags.DEFINE_bool(name, default, text)
        elif isinstance(default, tuple):
            flags.DEFINE(_Tuple(type(default[0])), name, default, text, serializer=_Joined())
        elif isinstance(default, int):
            flags.DEFINE_integer(name, default, text)
        elif isinstance(default, float):
            flags.DEFINE_float(name, default, text)
        else:
            flags.DEFINE_string(name, default, text)


def from_flags(config: type[AnyOptions]) -> AnyOptions:
    """Fills a config from the flags that were given, over the preset that they name.

    What neither gives keeps the config's defaults. An empty value, as of a shell variable that is
    not set, counts as none where none may be.

    Raises:
      InputError: a value is empty that must not be, as a place, which would be the current folder.
    """
    declared = declarations(config)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        flag = FLAGS[field.name]
        if flag.present and (flag.value != "" or field.default is not None):
            checks.require(
                flag.value != "" or field.default == "" or declared[field.name].role != PLACE,
                f"--{field.name}: expected a value, got an empty one",
            )
            found[field.name] = flag.value
    return config(**{**config.PRESETS[found.get("preset", "")], **found})
