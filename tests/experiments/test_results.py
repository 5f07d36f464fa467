"""The command that writes RESULTS.md and README's tables, and the pages in the repository."""

import dataclasses
import re
from pathlib import Path

import pytest
from result_records import changed, finished, write

from dbnjax.checks import InputError
from experiments.results import config as results_config
from experiments.results import main as results

ROOT = Path(__file__).parent.parent.parent


def test_the_command_writes_and_checks(results_folder):
    page = results_folder.parent / "RESULTS.md"
    config = results_config.Config(str(results_folder), str(page), readme="")
    checking = dataclasses.replace(config, check=True)
    with pytest.raises(SystemExit, match="differs from a fresh build"):
        results.run(checking)  # there is none yet
    assert not page.exists()
    assert results.run(config) == page.read_text() == results.run(checking)
    page.write_text(page.read_text().replace("1.25 %", "1.20 %"))
    stale = page.read_bytes()
    with pytest.raises(SystemExit) as failed:
        results.run(checking)
    assert failed.value.code == (
        f"error: {page}: differs from a fresh build from {results_folder}; "
        "run python -m experiments.results"
    )
    assert page.read_bytes() == stale


def test_no_results_no_json_and_results_at_odds_are_refused(tmp_path):
    config = results_config.Config(str(tmp_path / "none"), str(tmp_path / "RESULTS.md"))
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


def test_readmes_tables_are_put_between_their_marks(results_folder):
    readme = results_folder.parent / "README.md"
    text = "before\n<!-- headline -->\nold\n<!-- end of headline -->\nbetween\n"
    text += "<!-- embedded --><!-- end of embedded -->\nafter\n"
    readme.write_text(text)
    (results_folder / "embedded").mkdir()
    page = results_folder.parent / "RESULTS.md"
    config = results_config.Config(str(results_folder), str(page), str(readme))
    with pytest.raises(InputError, match="embedded"):
        results.run(config)
    assert readme.read_text() == text
    write(results_folder / "embedded", seed0=finished(preset=""))
    results.run(config)
    once = readme.read_text()
    assert "old" not in once
    assert "2.49" in once.partition("between")[0]
    assert "up-down, deterministic" in once.partition("between")[2]
    for word in ("before", "between", "after"):
        assert once.count(f"{word}\n") == 1
    results.run(dataclasses.replace(config, check=True))
    results.run(config)
    assert readme.read_text() == once
    readme.write_text(once.replace("<!-- headline -->", ""))
    with pytest.raises(InputError, match="expected the marks <!-- headline -->"):
        results.run(config)


def test_the_repositorys_pages_are_fresh_builds(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = results.run(results_config.Config(check=True))
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", page)
    assert [name for name in pictures if not Path(name).exists()] == []


def test_no_result_names_the_folders_of_the_one_who_made_it():
    named = [
        str(path)
        for path in (ROOT / "results").rglob("*.json")
        if re.search(r"[\s=\",]/\w", path.read_text())
    ]
    assert named == []
