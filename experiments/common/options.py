"""From a config dataclass to absl flags and back.

An experiment's frozen dataclass is the one place where its options, their defaults and their
help stand; `define` makes the flags. A flag that another experiment of the same process already
made is shared: absl refuses to define a name twice.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from absl import flags

from dbnjax import checks

DRAWS = ("mean", "sample")
SCHEDULES = ("constant", "linear")

FLAGS = flags.FLAGS
Presets = Mapping[str, Mapping[str, Any]]  # what each sets in the place of the defaults
NO_PRESETS: Presets = {"": {}}
Config = TypeVar("Config")


def option(default: Any, help_text: str, choices: Sequence[str] | None = None) -> Any:
    """Declares a dataclass field that is also a flag."""
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})


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


def define(config: type[Any]) -> None:
    """Defines a flag for every field of a config dataclass, by the type of its default."""
    for field in dataclasses.fields(config):
        if field.name in FLAGS:
            continue
        name, text = field.name, field.metadata["help"]
        default: Any = field.default
        if field.metadata["choices"]:
            flags.DEFINE_enum(name, default, list(field.metadata["choices"]), text)
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


PLACES = ("workdir", "output")  # an empty one would be the current folder


def from_flags(config: type[Config], presets: Presets = NO_PRESETS) -> Config:
    """Fills a config dataclass from the flags that were given, over the preset that they name.

    What neither gives keeps the dataclass's defaults. An empty value, as of a shell variable that
    is not set, counts as none where none may be.

    Raises:
      InputError: a value is empty that must not be.
    """
    given: dict[str, Any] = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        flag = FLAGS[field.name]
        if flag.present and (flag.value != "" or field.default is not None):
            checks.require(
                flag.value != "" or field.default == "" or field.name not in PLACES,
                f"--{field.name}: expected a value, got an empty one",
            )
            given[field.name] = flag.value
    return config(**{**presets[given.get("preset", "")], **given})
