"""The flags that several experiments share, and how an experiment meets its user.

Defining a flag twice in one process is an error in absl, so shared ones are defined here, once.
"""

import dataclasses
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from absl import app, flags

from dbnjax import checks

FLAGS = flags.FLAGS
Config = TypeVar("Config")

flags.DEFINE_integer("seed", 0, "Seed of every random draw; the data split has its own.")
flags.DEFINE_string("data_dir", None, "Folder of IDX files, gzipped or not.")


def from_flags(config: type[Config]) -> Config:
    """Fills a config dataclass from the flags of the same names."""
    values = {field.name: FLAGS[field.name].value for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    return config(**values)


def launch(run: Callable[[Any], Any], config: type[Any]) -> None:
    """Parses the flags and runs; a user's mistake ends in one line and exit code 2."""

    def main(argv: list[str]) -> None:
        try:
            checks.require(len(argv) == 1, f"unexpected arguments: {' '.join(argv[1:])}")
            run(from_flags(config))
        except checks.InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    app.run(main)
