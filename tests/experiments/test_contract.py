"""What every experiment with a work directory does alike, seen in the smallest run of each.

A run is made once, killed after a checkpoint and resumed elsewhere, refused with other options or
other inputs; its record is read, damaged and laid out.
"""

import dataclasses
import html
import json
import shlex
import shutil
import types
import typing
from pathlib import Path

import command_lines
import jax
import numpy as np
import pytest
import result_records
from idx_files import digits, write_idx
from refusals import one_line
from result_records import changed
from smallest_runs import NAMES, KilledError, Person, content, moved, refusal, same, watched
from test_options import cases, other

from dbnjax import files
from dbnjax.checks import InputError
from dbnjax.weights import io
from experiments import registry
from experiments.common import options, provenance, records, tables, workdir

STRANGE = {"strange": ["value"]}


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    return Person(tmp_path_factory.mktemp("somebody"))


def check_record(name, config, record):
    """What a run returned is what it wrote, by the type of its records, and is shown again."""
    report = registry.find(name).report.REPORT
    path = Path(config.workdir) / report.file
    found = files.read_json(path)
    assert found == json.loads(files.dumps(record))
    records.conform(path, records.TOP, found, report.record)
    before = content(path.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "commit", lambda: "later")  # nothing goes on at this commit
        assert registry.find(name).run(config) == found
    written = {place for place, data in content(path.parent).items() if before.get(place) != data}
    assert all(place.suffix == ".png" for place in written)
    return report, path, found


def parts(value, form, place=()):
    """The places in a record whose type is known: place, type, whether it must be there."""
    origin, inner = typing.get_origin(form), typing.get_args(form)
    if origin in (typing.Union, types.UnionType) and value is not None:
        for one in inner:
            if typing.is_typeddict(one) or typing.get_origin(one):
                yield from parts(value, one, place)
    elif typing.is_typeddict(form):
        for key, part in typing.get_type_hints(form).items():
            if key in value:
                yield (*place, key), part, key in form.__required_keys__
                yield from parts(value[key], part, (*place, key))
    elif origin in (dict, list):
        keys = list(value) if origin is dict else range(len(value))
        for key in keys[:1]:
            yield (*place, key), inner[-1], False
            yield from parts(value[key], inner[-1], (*place, key))


def damages(record, form):
    """A record with each of its parts taken out or of another type, and where."""
    for place, part, required in parts(record, form):
        if required:
            yield place, changed(record, place)
        if part not in (typing.Any, object):
            is_dict = typing.is_typeddict(part) or typing.get_origin(part) is dict
            yield place, changed(record, place, "strange" if is_dict else STRANGE)
        if part in (int, float):
            yield place, changed(record, place, True)


def check_types(path, record, form):
    """A record with a part that is missing or of another type is refused in a line that names it.

    Returns:
      The last of the damaged records.
    """
    tried = 0
    for place, damaged in damages(record, form):
        with pytest.raises(InputError) as caught:
            records.conform(path, records.TOP, damaged, form)
        line = str(caught.value)
        assert line.startswith(f"{path}: ")
        assert "\n" not in line
        assert str(place[-1]) in line
        tried += 1
    assert tried > len(record)
    return damaged


def check_damages(name, config, report, path, record):
    """A run whose record was damaged is not shown again."""
    whole = path.read_bytes()
    files.write_json(path, check_types(path, record, report.record))
    assert str(path) in refusal(name, config)
    path.write_bytes(whole)


def check_table(report, record):
    """The table holds all its cells in every form, and the text stands beneath it."""
    table = report.lay_out(record)
    assert table.rows
    assert all(len(row) == len(table.header) for row in table.rows)
    forms = {form: tables.render(table, form) for form in ("text", "markdown", "html")}
    for cell in {*table.header, *(cell for row in table.rows for cell in row)}:
        assert cell in forms["text"]
        assert cell.replace("|", r"\|") in forms["markdown"]
        assert html.escape(cell) in forms["html"]
    assert report.text(record).startswith(forms["text"])


def check_page(name, record, place):
    """RESULTS.md is built from the record, with the command by which it was made."""
    runs = {} if name == "mnist_dbn" else {"run": result_records.finished()}
    result_records.write(place, **runs)
    pattern = registry.find(name).records.removeprefix("**/")
    if not pattern:  # nothing is committed of it yet, and it has no page
        return
    files.write_json(place / pattern.replace("*", "tiny"), record)
    assert record["command"] in result_records.built(place)


def check_command(config, record):
    """The command of a record makes the same run again."""
    found = command_lines.read(shlex.split(record["command"])[3:], type(config))
    for option in options.names(type(config), options.LEARNS):
        assert getattr(found, option) == getattr(config, option), option


def check_privacy(person, folder):
    """Nothing that is passed on names a person's folder; what a run goes on from is not."""
    for path, data in content(folder).items():
        if path.name != workdir.CONFIG and "checkpoints" not in path.parts:
            assert str(person.folder).encode() not in data, path


def check_options(name, config):
    """A work directory refuses what learns otherwise, by its flag, and takes places and devices."""
    before = content(Path(config.workdir))
    for case in cases(name):
        different = dataclasses.replace(config, **{case.name: other(case)})
        if case.declared.role == options.LEARNS:
            if getattr(config, case.name) == getattr(different, case.name):
                different = dataclasses.replace(config, **{case.name: case.default})
            with one_line(f"--{case.name}=.* there, .* here"):
                workdir.begin(different, {})
        elif case.declared.role in (options.PLACE, options.HOW) and case.name != "workdir":
            workdir.begin(different, {})
    assert content(Path(config.workdir)) == before


def other_net(path, place):
    """Saves another net, which tells the same of itself."""
    net, about = io.load(path)
    io.save(place, jax.tree.map(lambda x: x + 0.5, net), about)
    return str(place)


def other_images(folder, place):
    """Copies images, and gives the first test case another label."""
    shutil.copytree(folder, place)
    _, labels = digits(20, seed=1)
    write_idx(place / "t10k-labels-idx1-ubyte.gz", np.roll(labels, 1))
    return str(place)


def inputs(config):
    """The files and folders that a run begins with, by their options."""
    given = {
        option: getattr(config, option) for option in options.names(type(config), options.INPUT)
    }
    return {option: path for option, path in given.items() if path and path != ("",)}


def check_inputs(name, config, place):
    """An input may lie elsewhere, but its content may not change: the folder stays as it was."""
    before = content(Path(config.workdir))
    for option, path in inputs(config).items():
        make = other_images if Path(path).is_dir() else other_net
        different = {option: make(path, place / option)}
        line = refusal(name, dataclasses.replace(config, **different))
        assert f"got others by --{option}; files were replaced" in line
    assert content(Path(config.workdir)) == before


def kill(person, name, place):
    """A run that was killed after a checkpoint halfway, or a record where it writes only these.

    Returns:
      Its options, and how many records it has not written.
    """
    written = person.written[name]
    kind = "checkpoint" if "checkpoint" in written else "record"
    ends = [number for number, one in enumerate(written, start=1) if one == kind]
    end = ends[(len(ends) - 1) // 2]
    config = person.config(name, workdir=str(place))
    with pytest.MonkeyPatch.context() as patch:
        watched(patch, end)
        with pytest.raises(KilledError):
            registry.find(name).run(config)
    return config, written[end:].count("record")


def check_resumed(person, name, killed, left, place):
    """A killed run goes on with inputs and work directory elsewhere, saved less often.

    It ends with the same record and the same bits.
    """
    shutil.copytree(killed.workdir, place)
    others = {
        option: moved(path, place.parent / "moved") for option, path in inputs(killed).items()
    }
    others["workdir"] = str(place)
    if "save_every" in options.names(type(killed), options.HOW):
        others["save_every"] = 2
    config = dataclasses.replace(killed, **others)
    with pytest.MonkeyPatch.context() as patch:
        written = watched(patch)
        found = registry.find(name).run(config)
    assert written.count("record") == left
    whole, record = person.finished(name)
    assert same(json.loads(files.dumps(found))) == same(json.loads(files.dumps(record)))
    nets = sorted(Path(whole.workdir).rglob("*.safetensors"))
    assert [path.relative_to(whole.workdir) for path in nets] == sorted(
        path.relative_to(place) for path in place.rglob("*.safetensors")
    )
    for path in nets:
        first, second = io.load(path)[0], io.load(place / path.relative_to(whole.workdir))[0]
        for one, two in zip(*map(jax.tree.leaves, (first, second)), strict=True):
            np.testing.assert_array_equal(one, two)


def check_all(person, name, place):
    config, made = person.finished(name)
    check_privacy(person, Path(config.workdir))
    report, path, record = check_record(name, config, made)
    check_damages(name, config, report, path, record)
    check_table(report, record)
    check_page(name, record, place / "results")
    check_command(config, record)
    killed, left = kill(person, name, place / "killed")
    check_options(name, killed)
    check_inputs(name, killed, place)
    check_resumed(person, name, killed, left, place / "resumed")


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_does_what_all_do(person, tmp_path, name):
    check_all(person, name, tmp_path)
