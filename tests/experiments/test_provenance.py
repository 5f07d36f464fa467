"""Where results come from: the command parses back into the options, the rest is JSON."""

import dataclasses
import datetime
import json
import os
import platform
import shlex
import shutil
import subprocess
from typing import ClassVar

import jax
import pytest

from experiments import explaining_away
from experiments.common import options, program, provenance
from experiments.mnist_dbn import config as dbn_config


@dataclasses.dataclass(frozen=True)
class Config(options.Options):
    """Options of every kind, named as no experiment's are."""

    PRESETS: ClassVar[options.Presets] = {"": {}, "slow": {"tried_rate": 0.01, "tried_on": False}}

    preset: str = options.option("", "A preset.")
    tried_path: str | None = options.option(None, "A path.")
    tried_rate: float = options.option(0.1, "A rate.")
    tried_layers: tuple[int, ...] = options.option((5, 3), "Sizes.")
    tried_on: bool = options.option(True, "A switch.")
    tried_off: bool = options.option(False, "A switch.")
    workdir: str = options.option("runs", "A folder.", role=options.PLACE)


PRESETS = Config.PRESETS


def parse(line, config):
    """Reads the flags of a command line as an experiment would, over its preset."""
    python, _, module, *given = shlex.split(line)
    assert (python, module) == ("python", config.__module__.removesuffix(".config"))
    options.define(config)
    assert program.parse([module, *given]) == [module]
    return options.from_flags(config)


@pytest.fixture(autouse=True)
def flags_as_they_were():
    """No flag that one test gives counts as given in the next."""
    yield
    for name in options.FLAGS:
        options.FLAGS[name].unparse()
    options.FLAGS.unparse_flags()


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, ""),
        ({"tried_rate": 1e-05, "workdir": "elsewhere"}, " --tried_rate=1e-05"),
        ({"tried_on": False, "tried_off": True}, " --notried_on --tried_off"),
        ({"tried_layers": (7, 8, 9)}, " --tried_layers=7,8,9"),
        ({"tried_layers": ()}, " --tried_layers=''"),
        ({"tried_path": "it's a; $HOME"}, """ --tried_path='it'"'"'s a; $HOME'"""),
        ({"preset": "slow", **PRESETS["slow"]}, " --preset=slow"),
        (
            {"preset": "slow", "tried_rate": 0.1, "tried_on": False},
            " --preset=slow --tried_rate=0.1",
        ),
        (
            {"preset": "slow", "tried_rate": 0.01},
            " --preset=slow --tried_on",
        ),
    ],
)
def test_the_command_shows_what_differs_and_parses_back(changes, shown):
    config = Config(**changes)
    line = options.command(config)
    assert line == f"python -m {__name__}" + shown
    assert parse(line, Config) == dataclasses.replace(config, workdir="runs")


def other(config, field):
    """A value of a field's kind that is not its default."""
    choices, default = options.declarations(config)[field.name].choices, field.default
    if choices:
        return next(choice for choice in reversed(choices) if choice != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, tuple):
        return (*default, default[-1])
    return default * 3 + 1 if isinstance(default, int | float) else f"{default} & more"


@pytest.mark.parametrize("config", [dbn_config.Config, explaining_away.Config])
def test_every_flag_of_an_experiment_comes_back(config):
    values = {field.name: other(config, field) for field in dataclasses.fields(config)}
    if "data_dir" in values:
        values["data_dir"] = "/home/somebody/digits"
    if "preset" in values:
        values["preset"] = ""  # whose settings `common.program.from_flags` would need
    line = options.command(config(**values), hidden=("seed",))
    assert "somebody" not in line
    hidden = {"seed", *options.names(config, options.PLACE)}
    expected = values | {name: getattr(config(), name) for name in values if name in hidden}
    expected |= {name: "FOLDER" for name in values if name == "data_dir"}
    assert parse(line, config) == config(**expected)


def git(folder, *words):
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_tells_whether_tracked_files_differ(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    inside = tmp_path / "package"
    inside.mkdir()
    assert provenance.commit(inside) == ""
    git(tmp_path, "init")
    assert provenance.commit(inside) == ""
    (inside / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "tag", "v1", "-m", "a tag is no hash")
    head = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert provenance.commit(inside) == head
    (inside / "untracked.py").write_text("b = 1\n")
    assert provenance.commit(inside) == head
    (inside / "code.py").write_text("a = 2\n")
    assert provenance.commit(inside) == f"{head}+changes"
    monkeypatch.setenv("PATH", "")
    assert provenance.commit(inside) == ""


def test_the_machine_and_the_versions():
    machine = json.loads(json.dumps(provenance.machine()))
    assert machine["devices"] == ["cpu"] * len(jax.devices())
    assert 1 <= machine["cores"] <= os.cpu_count()
    assert machine["processor"].strip() == machine["processor"] != ""
    assert machine["system"] == platform.system()
    versions = provenance.versions()
    assert list(versions) == ["python", "jax", "jaxlib", "numpy", "dbnjax"]
    assert versions["jax"] == jax.__version__
    assert versions["python"] == platform.python_version()


def test_the_processor_is_named_by_the_system_where_it_names_it(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    assert provenance._processor(cpuinfo) == (platform.processor() or platform.machine())
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Abacus 3000 @ 1 Hz: fast\n" * 2)
    assert provenance._processor(cpuinfo) == "Abacus 3000 @ 1 Hz: fast"
    cpuinfo.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert provenance._processor(cpuinfo) == (platform.processor() or platform.machine())


def test_a_record_tells_the_day_it_was_made():
    before = datetime.datetime.now(datetime.UTC).date()
    made = json.loads(json.dumps(provenance.made()))
    after = datetime.datetime.now(datetime.UTC).date()
    assert before <= datetime.date.fromisoformat(made["date"]) <= after
    assert set(made) == {"commit", "machine", "versions", "date"}
