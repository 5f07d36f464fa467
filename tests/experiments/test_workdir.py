"""A work directory belongs to one configuration, and knows how it was begun."""

import dataclasses
import re

import pytest

from dbnjax import figures, files
from dbnjax.checks import InputError
from experiments.common import provenance, workdir


@dataclasses.dataclass(frozen=True)
class Config:
    """Options, the last two of which came later than the others."""

    workdir: str = "runs"
    rate: float = 0.1
    layers: tuple[int, ...] = (5, 3)
    draws: str = "threefry"
    sizes: tuple[int, ...] = (1, 2)


def prepare(folder, **options):
    return workdir.prepare(str(folder), Config(**options), ("workdir",), {})


def test_a_flag_that_came_later_had_its_default(tmp_path):
    folder = prepare(tmp_path / "run", rate=0.2)
    old = {"rate": 0.2, "layers": [5, 3]}
    files.write_json(folder / "config.json", old)
    assert prepare(folder, rate=0.2, workdir="elsewhere") == folder
    different = "--draws=threefry there, rbg here; --sizes=[1, 2] there, [3] here; use those"
    with pytest.raises(InputError, match=re.escape(different)):
        prepare(folder, rate=0.2, draws="rbg", sizes=(3,))
    with pytest.raises(InputError, match=re.escape("--layers=[5, 3] there, [5] here; --rate=0.2")):
        prepare(folder, layers=(5,))
    assert files.read_json(folder / "config.json") == old


def test_a_flag_that_is_no_more_is_a_difference(tmp_path):
    folder = prepare(tmp_path / "run")
    files.write_json(folder / "config.json", {"gone": 1})
    with pytest.raises(InputError, match="these differ: --gone=1 there, None here"):
        prepare(folder)


def test_how_a_run_was_begun_is_kept_when_it_goes_on(tmp_path, monkeypatch):
    folder = prepare(tmp_path / "run")
    begun = workdir.origin(folder)
    assert begun == provenance.made() | {"date": begun["date"]}
    monkeypatch.setattr(provenance, "commit", lambda: "later")
    prepare(folder)
    workdir.note_commit(folder)
    workdir.note_commit(folder)
    assert workdir.origin(folder) == begun | {"later_commits": ["later"]}


def test_a_figure_that_fails_costs_a_line_and_neither_the_others_nor_the_run(tmp_path, capsys):
    def out_of_memory():
        raise MemoryError

    def refused():
        return figures.image_rows([[1.0]], ["a"], title="")

    def fine():
        return figures.curves({"a": ([0], [1])}, "x", "y", "t")

    (tmp_path / "file").write_text("not a folder")
    makers = {"memory.png": out_of_memory, "file/a.png": fine, "bad.png": refused, "good.png": fine}
    workdir.draw({tmp_path / name: make for name, make in makers.items()})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"warning: {tmp_path}/memory.png was not drawn: MemoryError"
    assert "file/a.png was not drawn: " in lines[1]
    assert "expected a place to write" in lines[1]
    assert "bad.png was not drawn: images: expected [n_rows, n_columns" in lines[2]
    assert len(lines) == 3
    assert (tmp_path / "good.png").stat().st_size > 0
