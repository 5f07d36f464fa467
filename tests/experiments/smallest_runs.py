"""The smallest run of each experiment, in the folder of somebody, watched and ended at will."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from idx_files import write_set

from dbnjax.checks import InputError
from dbnjax.training import checkpoint, metrics
from experiments import registry
from experiments.common import options

NAMES = [one.name for one in registry.EXPERIMENTS if one.tiny is not None]
CHANGING = {"seconds", "date", "command"}  # keys of what two runs of the same numbers differ in


class KilledError(Exception):
    """In the place of a kill."""


class Person:
    """Somebody's folder, with images and the smallest run of each experiment that is asked for.

    Attributes:
      folder: the folder.
      made: what finished runs returned, by their experiments.
      written: what a finished run wrote for good, in its order: "checkpoint" or "record".
    """

    def __init__(self, folder):
        self.folder = folder
        self.made = {}
        self.written = {}
        (folder / "idx").mkdir()
        write_set(folder / "idx")

    def config(self, name, **changes):
        """The options of the smallest run, of which some may be changed."""
        config, tiny = registry.find(name).config, registry.find(name).tiny
        inputs = options.names(config, options.INPUT)
        given = {
            option: self.place(value) if option in inputs else value
            for option, value in tiny.items()
        }
        common = {"dataset": "mnist", "data_dir": str(self.folder / "idx")}
        known = {field.name for field in dataclasses.fields(config)}
        given = {option: value for option, value in common.items() if option in known} | given
        return config(**given | {"workdir": str(self.folder / name)} | changes)

    def place(self, value):
        """A file of another experiment's run, which is made first."""
        self.finished(value.partition("/")[0])
        return str(self.folder / value)

    def finished(self, name):
        """The options of the smallest run, and what it returned."""
        config = self.config(name)
        if name not in self.made:
            with pytest.MonkeyPatch.context() as patch:
                self.written[name] = watched(patch)
                self.made[name] = registry.find(name).run(config)
        return config, self.made[name]


def watched(patch, end=None):
    """Lists what is written for good, and ends the run after so many of it."""
    written = []

    def watch(module, name, kind):
        write = getattr(module, name)

        def watching(*words):
            write(*words)
            written.append(kind)
            if len(written) == end:
                raise KilledError

        patch.setattr(module, name, watching)

    watch(checkpoint, "save", "checkpoint")
    watch(metrics, "append", "record")
    return written


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(record):
    """A record without what differs from run to run."""
    if isinstance(record, dict):
        return {key: same(value) for key, value in record.items() if key not in CHANGING}
    return list(map(same, record)) if isinstance(record, list) else record


def refusal(name, config):
    """The line by which a run is refused."""
    with pytest.raises(InputError) as caught:
        registry.find(name).run(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def moved(path, place):
    """Copies an input, and names the copy."""
    path = Path(path)
    if path.is_dir():
        return str(shutil.copytree(path, place / path.name))
    (place / path.parent.name).mkdir(parents=True, exist_ok=True)
    return str(shutil.copy(path, place / path.parent.name / path.name))
