"""The command that writes RESULTS.md and README's tables, and the pages in the repository."""

import dataclasses
import re
from pathlib import Path

import pytest
from result_records import cells, changed, finished, write

from dbnjax.checks import InputError
from experiments.results import config as results_config
from experiments.results import main as results
from experiments.results.main import DEFAULT_RUN

ROOT = Path(__file__).parent.parent.parent


def test_the_command_writes_and_checks(results_folder):
    page, pages = results_folder.parent / "RESULTS.md", results_folder.parent / "pages"
    config = results_config.Config(str(results_folder), str(page), str(pages), marked=())
    checking = dataclasses.replace(config, check=True)
    with pytest.raises(SystemExit, match="differs from a fresh build"):
        results.run(checking)  # there is none yet
    assert not page.exists()
    written = results.run(config)
    assert written == results.run(checking)
    assert {path: path.read_text() for path in [page, *pages.iterdir()]} == written
    assert all(f"](pages/{path.name})" in page.read_text() for path in pages.iterdir())
    speed = pages / "sweep.md"
    speed.write_text("")
    page.write_text(page.read_text().replace("1.25 %", "1.20 %"))
    stale = page.read_bytes()
    with pytest.raises(SystemExit) as failed:
        results.run(checking)
    assert failed.value.code == (
        f"error: {speed}: differs from a fresh build from {results_folder}; "
        f"run python -m experiments.results\nerror: {page}: differs from a fresh build from "
        f"{results_folder}; run python -m experiments.results"
    )
    assert page.read_bytes() == stale


def test_no_results_no_json_and_results_at_odds_are_refused(tmp_path):
    page = str(tmp_path / "RESULTS.md")
    config = results_config.Config(str(tmp_path / "none"), page, str(tmp_path / "pages"))
    with pytest.raises(InputError, match="expected a folder of result files, got no such folder"):
        results.run(config)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="expected a folder of result files, got none in it"):
        results.run(config)
    (tmp_path / "none" / "torn.json").write_text('{"stage": "summ')
    with pytest.raises(InputError, match=r"torn\.json: expected JSON"):
        results.run(config)
    assert not Path(config.output).exists()
    smaller = changed(finished(), ("cases", "test"), 900) | {"preset": "16x16"}
    with pytest.raises(
        InputError, match=r"expected the same test set .* 1000 cases of mnist and 9"
    ):
        results.build(write(tmp_path / "sizes", a=finished(), b=smaller))
    with pytest.raises(InputError, match=r"a\.json and b\.json: expected one run a seed"):
        results.build(write(tmp_path / "seeds", a=finished(), b=finished()))


def test_readmes_table_is_put_between_its_marks(results_folder):
    readme = results_folder.parent / "README.md"
    text = "before\n<!-- headline -->\nold\n<!-- end of headline -->\nbetween\n"
    readme.write_text(text)
    page, pages = results_folder.parent / "RESULTS.md", results_folder.parent / "pages"
    config = results_config.Config(str(results_folder), str(page), str(pages), (str(readme),))
    results.run(config)
    once = readme.read_text()
    assert "old" not in once
    assert "2.49" in once.partition("between")[0]
    for word in ("before", "between"):
        assert once.count(f"{word}\n") == 1
    results.run(dataclasses.replace(config, check=True))
    results.run(config)
    assert readme.read_text() == once
    readme.write_text(once.replace("<!-- headline -->", ""))
    with pytest.raises(InputError, match="expected the marks <!-- headline -->"):
        results.run(config)
    readme.write_text("no table")
    results.run(config)
    assert readme.read_text() == "no table"


def test_the_default_run_stands_on_the_page_of_its_kind(results_folder):
    write(results_folder / "embedded", seed0=finished(preset=""))
    _, *rows = cells(results.build(results_folder)["mnist_dbn"], DEFAULT_RUN)
    assert rows[2][0] == "greedy, deterministic"


def test_the_repositorys_pages_are_fresh_builds(monkeypatch):
    monkeypatch.chdir(ROOT)
    for path, page in results.run(results_config.Config(check=True)).items():
        linked = re.findall(r"\]\(([^):]+)\)", page) if path.name != "README.md" else []
        assert [name for name in linked if not (path.parent / name).exists()] == []


def test_no_result_names_the_folders_of_the_one_who_made_it():
    named = [
        str(path)
        for path in (ROOT / "results").rglob("*.json")
        if re.search(r"[\s=\",]/\w", path.read_text())
    ]
    assert named == []
