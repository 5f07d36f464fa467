"""A work directory belongs to one configuration, and knows how it was begun."""

import dataclasses
import re

import numpy as np
import pytest

from dbnjax import figures, files
from dbnjax.checks import InputError
from experiments.common import groups, options, provenance, workdir


@dataclasses.dataclass(frozen=True)
class Config(options.Options):
    """Options, the last two of which came later than the others."""

    workdir: str = options.option("runs", "A folder.", role=options.PLACE)
    data_dir: str | None = groups.data_dir()
    rate: float = options.option(0.1, "A rate.")
    layers: tuple[int, ...] = options.option((5, 3), "Sizes.")
    draws: str = options.option("threefry", "A generator.")
    sizes: tuple[int, ...] = options.option((1, 2), "Sizes.")


def begin(folder, learned_from=(), **changes):
    return workdir.begin(Config(**{"workdir": str(folder)} | changes), dict(learned_from))


def test_a_flag_that_came_later_had_its_default(tmp_path):
    folder = begin(tmp_path / "run", rate=0.2)
    old = {"rate": 0.2, "layers": [5, 3]}
    files.write_json(folder / "config.json", old)
    assert begin(folder, rate=0.2) == folder
    different = "--draws=threefry there, rbg here; --sizes=[1, 2] there, [3] here; use those"
    with pytest.raises(InputError, match=re.escape(different)):
        begin(folder, rate=0.2, draws="rbg", sizes=(3,))
    with pytest.raises(InputError, match=re.escape("--layers=[5, 3] there, [5] here; --rate=0.2")):
        begin(folder, layers=(5,))
    assert files.read_json(folder / "config.json") == old


def test_a_flag_that_is_no_more_is_a_difference(tmp_path):
    folder = begin(tmp_path / "run")
    files.write_json(folder / "config.json", {"gone": 1})
    with pytest.raises(InputError, match="these differ: --gone=1 there, None here"):
        begin(folder)


def test_inputs_are_compared_by_content_wherever_they_lie(tmp_path):
    images = {"data_dir": (np.arange(6), None)}
    folder = begin(tmp_path / "run", images, data_dir="here")
    begin(folder, images, data_dir="there")
    with pytest.raises(InputError, match="got others by --data_dir; files were replaced"):
        begin(folder, {"data_dir": (np.arange(6), np.arange(2))}, data_dir="here")
    (folder / workdir.DIGESTS).unlink()  # as in a folder that is older than digests
    begin(folder, images, data_dir="here")
    with pytest.raises(InputError, match="--data_dir=here there, there here"):
        begin(folder, images, data_dir="there")


def test_digests_that_were_edited_are_one_line(tmp_path):
    folder = begin(tmp_path / "run")
    (folder / workdir.DIGESTS).write_text("[]")
    with pytest.raises(InputError, match=re.escape("expected a JSON object of digests, got []")):
        begin(folder)


def test_how_a_run_was_begun_is_kept_when_it_goes_on(tmp_path, monkeypatch):
    folder = begin(tmp_path / "run")
    begun = workdir.origin(folder)
    assert begun == provenance.made() | {"date": begun["date"]}
    monkeypatch.setattr(provenance, "commit", lambda: "later")
    begin(folder)
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
