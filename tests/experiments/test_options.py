"""Options and their declarations, and those of every experiment by what it declares."""

import dataclasses
import math
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import command_lines
import numpy as np
import pytest

from dbnjax.checks import InputError
from experiments import registry
from experiments.common import options

ROOT = Path(__file__).parents[2]
NAMES = registry.names()
# Options that may be any finite number.
ANY = {"cause_bias", "jump_bias", "weight"}
PLACES = {"workdir", "output", "record", "figure"}
ROLES = (options.LEARNS, options.INPUT, options.PLACE, options.HOW)


@dataclasses.dataclass(frozen=True)
class Config(options.Options):
    """Options of every kind."""

    PRESETS: ClassVar[options.Presets] = {"": {}, "slow": {"rate": 0.01, "on": False}}

    preset: str = options.option("", "A preset.")
    path: str | None = options.option(None, "A path.")
    net: str = options.option("", "A net.", role=options.INPUT, shown=options.file_name)
    rate: float = options.option(0.1, "A rate.")
    layers: tuple[int, ...] = options.option((5, 3), "Sizes.")
    on: bool = options.option(True, "A switch.")
    off: bool = options.option(False, "A switch.")
    workdir: str = options.option("runs", "A folder.", role=options.PLACE)
    platform: str = options.option("", "A platform.", role=options.HOW)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, ""),
        ({"rate": 1e-05, "workdir": "elsewhere"}, " --rate=1e-05"),
        ({"on": False, "off": True}, " --noon --off"),
        ({"layers": (7, 8, 9)}, " --layers=7,8,9"),
        ({"layers": ()}, " --layers=''"),
        ({"path": "it's a; $HOME"}, """ --path='it'"'"'s a; $HOME'"""),
        ({"preset": "slow", **Config.PRESETS["slow"]}, " --preset=slow"),
        ({"preset": "slow", "rate": 0.1, "on": False}, " --preset=slow --rate=0.1"),
        ({"preset": "slow", "rate": 0.01}, " --preset=slow --on"),
        ({"net": "mine.net", "platform": "cpu"}, " --net=mine.net --platform=cpu"),
    ],
)
def test_a_command_shows_what_differs_and_parses_back(changes, shown):
    config = Config(**changes)
    line = options.command(config)
    assert line == f"python -m {__name__}" + shown
    found = command_lines.read(shlex.split(line)[3:], Config)
    assert found == dataclasses.replace(config, workdir="runs")


def test_a_record_holds_what_is_learned_and_inputs_by_their_names():
    made = Config(net="/home/somebody/mine.net", platform="cpu", rate=0.3)
    assert options.recorded(made) == {
        "preset": "",
        "path": None,
        "net": "mine.net",
        "rate": 0.3,
        "layers": (5, 3),
        "on": True,
        "off": False,
    }


def test_a_subclass_gives_another_default_and_keeps_the_declaration():
    @dataclasses.dataclass(frozen=True)
    class Faster(Config):
        rate: float = 0.4

    assert options.declarations(Faster)["rate"] == options.declarations(Config)["rate"]
    assert options.given(Faster(rate=0.1)) == {"rate": 0.1}

    @dataclasses.dataclass(frozen=True)
    class Undeclared(Config):
        other: int = 0

    with pytest.raises(TypeError, match=r"Undeclared\.other: expected to be declared"):
        options.declarations(Undeclared)


@dataclasses.dataclass(frozen=True)
class Case:
    """An option of an experiment.

    Attributes:
      config: the experiment's options.
      name: of this one.
      declared: how it is declared.
      default: its default.
    """

    config: type[options.Options]
    name: str
    declared: options.Option
    default: object

    @property
    def kind(self):
        """Its type, or that of its items; where none is given it is a text."""
        one = self.default[0] if isinstance(self.default, tuple) else self.default
        return str if one is None else type(one)

    def holding(self, item):
        """A value that is an item, or that holds it beside those of the default."""
        return (*self.default, item) if isinstance(self.default, tuple) else item

    def check(self, value):
        options.check_value(f"--{self.name}", value, self.declared)

    def refuse(self, value):
        """Sees a value refused in one line, as a run of the experiment does, and returns it."""
        with pytest.raises(InputError, match=f"^--{self.name}: expected .*, got ") as caught:
            dataclasses.replace(self.config(), **{self.name: value}).check_options()
        assert "\n" not in str(caught.value)
        return str(caught.value)


def cases(experiment):
    config = registry.find(experiment).config
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    declared = options.declarations(config)
    return [Case(config, name, found, defaults[name]) for name, found in declared.items()]


def beside(case, end, limit):
    """The numbers next to a limit: one that is outside of it, and one inside."""
    if case.kind is int:
        below, above = math.ceil(limit) - 1, math.floor(limit) + 1
    else:
        below, above = (float(np.nextafter(limit, side)) for side in (-math.inf, math.inf))
    at = case.kind(limit)
    return {"least": (below, at), "above": (at, above), "most": (above, at), "below": (at, below)}[
        end
    ]


def check_numbers(experiment):
    """Each limit is where it is said to be, and no number may be anything."""
    for case in cases(experiment):
        if case.kind not in (int, float) or case.declared.choices:
            continue
        limits = {end: getattr(case.declared, end) for end in options.LIMITS}
        bounded = limits["least"] is not None or limits["above"] is not None
        assert bounded == (case.name not in ANY), case.name
        for end, limit in limits.items():
            if limit is not None:
                outside, inside = beside(case, end, limit)
                case.check(case.holding(inside))
                case.refuse(case.holding(outside))
        for odd in (math.nan, math.inf, -math.inf) if case.kind is float else ():
            case.refuse(case.holding(odd))


def check_texts(experiment):
    """Only the texts that are declared pass, and no tuple is empty or repeats what it may not."""
    for case in cases(experiment):
        if case.declared.choices is not None:
            assert "strange" in case.refuse("strange")
        if case.declared.some_of is not None:
            assert "strange" in case.refuse(("strange",))
        if case.declared.some_of is not None or case.declared.distinct:
            case.refuse((*case.default, case.default[0]))
        if isinstance(case.default, tuple) and not case.declared.may_be_empty:
            assert "got none" in case.refuse(())


def check_defaults(experiment):
    """Defaults and presets satisfy the declarations."""
    config = registry.find(experiment).config
    for preset in config.PRESETS:
        made = config.with_preset(preset) if preset else config()
        for case in cases(experiment):
            case.check(getattr(made, case.name))


def check_words(experiment):
    """Every option has a sentence of help and a role; inputs are shown by other names."""
    for case in cases(experiment):
        assert case.declared.help.strip().endswith("."), case.name
        assert case.declared.role in ROLES, case.name
        assert (case.declared.shown is not None) == (case.declared.role == options.INPUT), case.name
        assert case.declared.role == options.PLACE or case.name not in PLACES, case.name


def other(case):
    """A value of an option that is not its default."""
    if case.declared.role == options.INPUT:
        return ("/home/somebody/a.net",) if case.kind is tuple else "/home/somebody/a.net"
    if case.declared.role == options.PLACE:
        return "/home/somebody/there"
    if case.declared.choices:
        return next(choice for choice in reversed(case.declared.choices) if choice != case.default)
    if isinstance(case.default, tuple):
        return case.default[:1] if len(case.default) > 1 else case.default * 2
    if isinstance(case.default, bool):
        return not case.default
    is_text = case.kind is str or case.default is None
    return f"{case.default} & more" if is_text else case.default * 3 + 1


def check_command(experiment):
    """All that makes a run comes back from its command, which names no folder of a person."""
    given = {case.name: other(case) for case in cases(experiment) if case.name != "preset"}
    config = registry.find(experiment).config(**given)
    line = options.command(config)
    assert line.split(" ")[:3] == ["python", "-m", f"experiments.{experiment}"]
    assert "somebody" not in line
    found = command_lines.read(shlex.split(line)[3:], type(config))
    for case in cases(experiment):
        if case.declared.role in (options.LEARNS, options.HOW):
            assert getattr(found, case.name) == getattr(config, case.name), case.name


CHECKS = (check_numbers, check_texts, check_defaults, check_words, check_command)


@pytest.mark.parametrize("experiment", NAMES)
@pytest.mark.parametrize("check", CHECKS)
def test_options_are_what_they_are_declared_to_be(check, experiment):
    check(experiment)


IMPORTS = """
import sys
import command_lines
from experiments import registry
from experiments.common import options
for name in sys.argv[1:]:
    config = registry.find(name).config
    options.define(config)
    command_lines.forget(config)
    found = {"jax", "matplotlib", "scipy", "sklearn"} & set(sys.modules)
    assert not found, (name, found)
"""
FOLDERS = [name for name in NAMES if (ROOT / "experiments" / name).is_dir()]
HELP_SECONDS = 1.5  # of one core


def start(*words):
    place = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
    done = subprocess.run(
        [sys.executable, *words], env=os.environ | place, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_flags_are_defined_without_waiting_for_jax():
    assert start("-c", IMPORTS, *FOLDERS) == (0, "", "")


@pytest.mark.parametrize("experiment", FOLDERS[:2])
def test_help_comes_soon(experiment):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _, shown, _ = start("-m", f"experiments.{experiment}", "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert all(f"--{case.name}" in shown.replace("[no]", "") for case in cases(experiment))
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < HELP_SECONDS


def test_the_registry_names_every_experiment():
    children = (ROOT / "experiments").glob("[a-z]*")
    found = {path.stem for path in children if path.is_dir() or path.suffix == ".py"}
    assert found - {"common", "registry", "launch"} == set(registry.names())


def test_every_committed_record_belongs_to_one_experiment():
    results = ROOT / "results"
    found = [
        path for one in registry.EXPERIMENTS if one.records for path in results.glob(one.records)
    ]
    assert sorted(found) == sorted(results.rglob("*.json"))
    assert all(any(results.glob(one.records)) for one in registry.EXPERIMENTS if one.records)
