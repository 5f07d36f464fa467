"""RESULTS.md from result files: its numbers, its refusals, and the one in the repository."""

import copy
import dataclasses
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dbnjax.checks import InputError
from experiments import results, results_markdown, significance

ROOT = Path(__file__).parent.parent.parent
MADE = {
    "commit": "abc1234",
    "machine": {
        "processor": "Abacus",
        "cores": 2,
        "devices": ["cpu", "cpu"],
        "system": "Linux",
    },
    "versions": {"python": "3.11.9", "jax": "0.10.2"},
}
CASES = {"train": 4000, "validation": 1000, "test": 1000, "all": 6000}
READ_OUTS = (
    "gibbs",
    "stochastic",
    "deterministic",
    "averaged probabilities",
    "averaged log probabilities",
)


def read_outs(test, **splits):
    """Counts under every read-out; Gibbs errs 10 times more often than the deterministic one."""
    return {
        name: {split: n + 10 * (name == "gibbs") for split, n in (splits | {"test": test}).items()}
        for name in READ_OUTS
    }


def finished(preset="paper", seed=0, greedy=range(20), up_down=range(5, 17), last=range(5, 15)):
    """A run's record, from the test cases that its three nets get wrong."""
    wrong = {"greedy": list(greedy), "up-down": list(up_down), "all cases": list(last)}
    return MADE | {
        "stage": "summary",
        "preset": preset,
        "seed": seed,
        "command": f"python -m experiments.mnist_dbn --data_dir=FOLDER --seed={seed} "
        f"--preset={preset} --layers=8,'a|b'",
        "config": {
            "preset": preset,
            "seed": seed,
            "workdir": f"runs/{seed}",
            "dataset": "mnist",
            "pixels": "mean" if preset == "paper" else "sample",
            "n_gibbs": 10,
            "n_passes": 20,
        },
        "cases": CASES,
        "errors": {
            # Not in the order of learning: the page has it from elsewhere.
            "all cases": read_outs(len(wrong["all cases"]), all=7),
            "greedy": read_outs(len(wrong["greedy"]), train=80, validation=21),
            "up-down": read_outs(len(wrong["up-down"]), train=23, validation=13),
        },
        "wrong": wrong,
        "baselines": {"nearest neighbour (L2)": {"train": 0, "validation": 30, "test": 31}},
        "seconds": {"rbm_1": 30.04, "up_down_1": 100.0, "all_cases": 3600.0},
        "chosen": {"epoch": 2, "training_errors": 23},
        "target": {"most": 34, "errors": 34},
        "epochs": [{"stage": s} for s in ("rbm_1", "up_down_1", "up_down_1", *["all_cases"] * 3)],
    }


def sweep():
    rows = [(0.05, 0.0, 30, 9), (0.1, 0.9, None, None), (0.02, 0.9, 12, 100)]
    return MADE | {
        "stage": "sweep",
        "command": "python -m experiments.sweep",
        "proxy": {"up_down_epochs": [10, 10], "pixels": "sample"},
        "rows": [
            {
                "varied": {"up_down_rate": rate, "up_down_momentum": momentum},
                "validation_errors": validation,
                "training_errors": training,
                "seconds": 61.0,
            }
            for rate, momentum, validation, training in rows
        ],
        "cases": {"train": 4000, "validation": 1000},
    }


def benchmark():
    return MADE | {
        "command": "python -m experiments.benchmark",
        "columns": ["what", "seconds", "share"],
        "rows": [["CD-1 epoch", 1.25, None], ["up-down", "2 s", 3]],
        "note": "Medians of five.",
    }


def write(folder, **records):
    """Writes records into a results folder, `__` for a folder's separator."""
    for name, record in records.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
    return folder


@pytest.fixture
def folder(tmp_path):
    """Two seeds of one preset, one of another, a sweep and a benchmark."""
    return write(
        tmp_path / "results",
        b_paper_0=finished(),
        b_paper_1=finished(seed=1, last=range(20, 36)),
        a_best_1=finished("best", seed=1, last=range(2, 24)),
        sweeps__rates=sweep(),
        benchmark=benchmark(),
    )


def cells(page, heading):
    """The first table under a heading, as rows of cells."""
    lines = page.split(f"# {heading}\n", 1)[1].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.replace(r"\|", "¦")[1:-1].split("|")])
    assert set("".join(rows.pop(1))) == {"-"}
    return rows


def test_the_interval_is_wilsons():
    # By hand from (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    p, n, z = 0.0125, 10_000, 1.959963984540054
    middle, reach = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = (np.array([-reach, reach]) + middle) / (1 + z**2 / n)
    np.testing.assert_allclose(significance.wilson(125, n), expected, rtol=1e-12)
    low, high = significance.wilson(0, 100)
    assert low == 0
    assert high == pytest.approx(z**2 / (100 + z**2))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((), (), (0, 0, 1.0)),
        ((3, 4), (4, 3), (0, 0, 1.0)),
        ((1, 2, 3, 9), (9,), (3, 0, 2 / 8)),
        ((1, 9), (9, 5), (1, 1, 1.0)),
        # Two-sided binomial tail, twice (1 + 10 + 45) / 1024.
        (range(100, 110), (109, *range(8)), (9, 8, 1.0)),
        (range(2), range(20, 28), (2, 8, 112 / 1024)),
        # Agresti's approval ratings, which R and statsmodels use: exactly 3.716e-05.
        (range(86), range(100, 250), (86, 150, 3.7160213e-05)),
    ],
)
def test_mcnemar_counts_what_one_net_alone_gets_wrong(first, second, expected):
    found = significance.mcnemar(first, second)
    assert found[:2] == expected[:2]
    assert found.p == pytest.approx(expected[2], rel=1e-4)


def test_the_headline_has_the_paper_and_both_groups(folder):
    header, *rows = cells(results.build(folder), "Test errors")
    assert header == [
        "",
        "2006 paper",
        "`--preset=best --layers=8,a¦b`, 1 seed",
        "`--preset=paper --layers=8,a¦b`, 2 seeds",
    ]
    named = {row[0]: row[1:] for row in rows}
    assert list(named) == [
        "cases: training, all, test",
        "greedy, on the training cases",
        "up-down, on the training cases",
        "up-down, then on all cases",
        "wall time of learning",
    ]
    assert named["cases: training, all, test"][0] == "44,000, 60,000, 10,000"
    assert named["cases: training, all, test"][1:] == ["4,000, 6,000, 1,000"] * 2
    paper, best, mean = named["up-down, then on all cases"]
    assert paper == "1.25 % (125; 1.05 to 1.49)"
    low, high = significance.wilson(22, 1000)
    assert best == f"2.20 % (22; {100 * low:.2f} to {100 * high:.2f})"
    low, high = significance.wilson(13, 1000)  # 10 and 16: their deviation is 6 / sqrt(2) errors
    assert mean == f"1.30 ± 0.42 % (10 to 16; {100 * low:.2f} to {100 * high:.2f})"
    assert named["greedy, on the training cases"][2].startswith("2.00 ± 0.00 % (20 to 20; ")
    assert named["wall time of learning"] == ["about a week", "1 h 02 min", "1 h 02 min"]


def test_the_read_outs_stand_beside_the_papers_order(folder):
    _, *rows = cells(results.build(folder), "Read-outs")
    assert [row[0] for row in rows] == list(READ_OUTS)
    assert rows[0][1:] == ["almost +1", "+1.00", "+1.00"]
    assert rows[2][1:] == ["the reported errors", "2.20 %", "1.30 %"]
    assert rows[3][1:] == ["as deterministic", "+0.00", "+0.00"]


def test_nets_are_compared_within_a_run_and_between_presets(folder):
    header, *rows = cells(results.build(folder), "Nets compared")
    assert header == ["first net", "second net", "b", "c", "p"]
    assert [row[:4] for row in rows] == [
        ["a_best_1, greedy", "a_best_1, up-down", "8", "0"],
        ["a_best_1, up-down", "a_best_1, all cases", "0", "10"],
        ["b_paper_0, greedy", "b_paper_0, up-down", "8", "0"],
        ["b_paper_0, up-down", "b_paper_0, all cases", "2", "0"],
        ["b_paper_1, greedy", "b_paper_1, up-down", "8", "0"],
        ["b_paper_1, up-down", "b_paper_1, all cases", "12", "16"],
        # Both presets have a run with seed 1; seed 0 has no partner.
        ["a_best_1, all cases", "b_paper_1, all cases", "18", "12"],
    ]
    assert [row[4] for row in rows[:2]] == [f"{2 / 2**8:.2g}", f"{2 / 2**10:.2g}"]


def test_presets_without_a_common_seed_are_compared_by_their_first(tmp_path):
    write(tmp_path, p=finished(seed=3), q=finished(seed=4), r=finished("best", seed=0))
    last = cells(results.build(tmp_path), "Nets compared")[-1]
    assert last[:2] == ["p, all cases", "r, all cases"]


def test_a_run_shows_what_it_counted_and_what_it_took(folder):
    page = results.build(folder)
    section = page.split("### b_paper_0\n")[1].split("### ")[0]
    assert f"```sh\n{finished()['command']}\n```" in section
    where = "Commit abc1234. Machine: Abacus, 2 cores, Linux; JAX on 2 x cpu. Versions: python"
    assert where in section
    header, *rows = cells(page, "b_paper_0")
    assert header[1:] == [
        "training (4,000)",
        "validation (1,000)",
        "all (6,000)",
        "test (1,000)",
        "test, 95 %",
    ]
    assert len(rows) == 3 * len(READ_OUTS) + 1
    assert rows[2][:5] == [
        "greedy, deterministic",
        "80 (2.00 %)",
        "21 (2.10 %)",
        "-",
        "20 (2.00 %)",
    ]
    assert rows[10][:5] == ["all cases, gibbs", "-", "-", "17 (0.28 %)", "20 (2.00 %)"]
    assert rows[-1][:2] == ["nearest neighbour (L2)", "0 (0.00 %)"]
    prose = " ".join(section.split())
    assert "the Gibbs read-out: 10; up-passes of the averaged: 20." in prose
    assert "chose epoch 2 of up-down, whose net has 23 (0.57 %) training errors" in prose
    assert "On all 6,000 cases it reached that training error again in 3 epochs." in prose
    assert "| rbm_1     | 1      | 30.0 s     |\n" in section
    assert "| in all    | 6      | 1 h 02 min |\n" in section


def test_a_run_that_stopped_after_up_down_or_missed_its_target_says_so(tmp_path):
    short, missed = finished(), finished("best")
    for part in ("errors", "wrong"):
        del short[part]["all cases"]
    short["epochs"] = short["epochs"][:3]
    del short["target"]
    missed["target"]["errors"] = 35
    page = results.build(write(tmp_path, short=short, missed=missed))
    assert cells(page, "Test errors")[4][2:] == ["1.00 % (10; 0.54 to 1.83)", "-"]
    assert "did not reach that training error again in 3 epochs" in " ".join(page.split())
    assert "On all" not in page.split("### short\n")[1]


def test_flags_that_changed_their_default_between_commits_part_the_columns(tmp_path):
    changed = broken("config", "n_gibbs", to=11) | {"command": "python -m experiments.mnist_dbn"}
    write(tmp_path, new=changed | {"seed": 1}, old=finished() | {"command": changed["command"]})
    header = cells(results.build(tmp_path), "Test errors")[0]
    assert header[2:] == ["`default flags`, 1 seed", "`default flags, as in old`, 1 seed"]


def test_what_the_pixels_were_comes_from_the_flags(folder):
    page = " ".join(results.build(folder).split())
    assert "`--preset=paper --layers=8,a|b`: intensities in training and in the read" in page
    assert "`--preset=best --layers=8,a|b`: binary samples of the intensities in train" in page


def test_a_sweep_is_sorted_by_validation_errors(folder):
    page = results.build(folder)
    assert "All with `--up_down_epochs=10,10 --pixels=sample`, 4,000 training" in page
    assert cells(page, "rates") == [
        ["up_down_rate", "up_down_momentum", "validation errors", "training errors", "wall time"],
        ["0.02", "0.9", "12 (1.20 %)", "100 (2.50 %)", "1 min 01 s"],
        ["0.05", "0.0", "30 (3.00 %)", "9 (0.23 %)", "1 min 01 s"],
        ["0.1", "0.9", "-", "-", "1 min 01 s"],
    ]


def test_the_benchmark_is_shown_as_it_is(folder):
    page = results.build(folder)
    assert cells(page, "Speed") == [
        ["what", "seconds", "share"],
        ["CD-1 epoch", "1.25", "-"],
        ["up-down", "2 s", "3"],
    ]
    assert page.endswith("\nMedians of five.\n")


def test_the_shipped_net_is_what_classify_reads(folder):
    write(
        folder,
        shipped={"command": "python", "commit": "abc1234", "dtype": "float16", "errors": 15,
                 "exact_errors": 14, "changed": 3, "cases": {"test": 1000}},
    )  # fmt: skip
    page = " ".join(results.build(folder).split("## The shipped net")[1].split("## ")[0].split())
    assert "15 (1.50 %) on the test set" in page
    assert "14 (1.40 %) before rounding, which changes 3 decisions" in page
    assert "commit abc1234" in page


def test_a_page_of_runs_alone_has_no_empty_sections(tmp_path):
    page = results.build(write(tmp_path, only=finished()))
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## Test errors", "## Read-outs", "## Nets compared", "## Runs"]


def test_prose_fits_a_terminal_and_columns_are_even(folder):
    lines = results.build(folder).splitlines()
    free = [line for line in lines if not line.startswith(("|", "python "))]
    assert max(map(len, free)) <= results_markdown.WIDTH
    tables = [
        {len(line) for line in block}
        for is_table, block in itertools.groupby(lines, lambda line: line.startswith("|"))
        if is_table
    ]
    assert len(tables) == 3 + 2 * 3 + 2
    assert all(len(widths) == 1 for widths in tables)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (59.97, "1 min 00 s"), (3599.6, "1 h 00 min")],
)
def test_times_carry_over(seconds, text):
    assert results_markdown.duration(seconds) == text


def main(folder, *more):
    """Runs the command in the folder above the results."""
    return subprocess.run(
        [sys.executable, "-m", "experiments.results", "--readme=", *more],
        cwd=folder.parent,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_and_checks(folder):
    config = results.Config(str(folder), str(folder.parent / "RESULTS.md"), readme="")
    page = Path(config.output)
    checking = dataclasses.replace(config, check=True)
    with pytest.raises(SystemExit, match="differs from a fresh build"):
        results.run(checking)  # there is none yet
    assert not page.exists()
    assert results.run(config) == page.read_text() == results.run(checking)
    assert main(folder, "--check").returncode == 0
    page.write_text(page.read_text().replace("1.25 %", "1.20 %"))
    stale = page.read_bytes()
    failed = main(folder, "--check")
    assert failed.returncode == 1
    assert failed.stderr == (
        "error: RESULTS.md: differs from a fresh build from results; "
        "run python -m experiments.results\n"
    )
    assert page.read_bytes() == stale


def broken(*keys, to):
    """A finished run with one value replaced, or taken out with `to=None`."""
    record = copy.deepcopy(finished())
    place = record
    for key in keys[:-1]:
        place = place[key]
    if to is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = to
    return record


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (broken("seconds", to=None), r"run\.json: the file: expected the key 'seconds', got only "),
        (broken("machine", "cores", to=None), "machine: expected the key 'cores'"),
        (broken("config", "pixels", to=None), "config: expected the key 'pixels'"),
        (broken("errors", "greedy", to=None), "errors: expected the key 'greedy'"),
        (broken("errors", "up-down", "deterministic", to=None), "the key 'deterministic'"),
        (broken("errors", "up-down", "gibbs", "test", to=None), "up-down.gibbs: .* 'test'"),
        (broken("errors", "greedy", "gibbs", "train", to=4001), "gibbs.train: expected 0 to 4000"),
        (broken("errors", "greedy", "gibbs", "dev", to=1), "one of train, validation, test, all"),
        (broken("errors", "greedy", "gibbs", "test", to=1.5), "expected a whole number, got 1.5"),
        (broken("baselines", "guess", to={"train": 1}), "baselines.guess: expected the key 'test'"),
        (broken("wrong", "up-down", to=None), "wrong: expected the key 'up-down'"),
        (broken("wrong", "up-down", to=[1, 2]), "up-down: expected 12 different cases, .* got 2;"),
        (broken("wrong", "up-down", to=[3] * 12), "expected 12 different cases"),
        (broken("wrong", "up-down", to=list(range(990, 1002))), "indices below 1000, got 1000"),
        (broken("cases", "validation", to=0), "cases.validation: expected 1 or more, got 0"),
        (broken("seed", to=True), "seed: expected a whole number, got True"),
        (broken("seconds", "rbm_1", to="2"), "a whole number or a number, got '2'"),
        (broken("epochs", 1, to=[]), r"epochs\.1: expected an object, got \[\]"),
        (broken("epochs", to={}), "epochs: expected a list"),
        (broken("target", "most", to="1"), "target.most: expected a whole number, got '1'"),
        (broken("chosen", "epoch", to=None), "chosen: expected the key 'epoch'"),
        ([], r"the file: expected an object, got \[\]"),
    ],
)
def test_a_damaged_run_is_refused_with_one_line(tmp_path, record, message):
    with pytest.raises(InputError, match=message) as caught:
        results.build(write(tmp_path, run=record))
    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: ")
    assert "\n" not in str(caught.value)


def test_a_damaged_sweep_or_benchmark_is_refused(folder):
    write(folder, sweeps__rates=sweep() | {"rows": [{"varied": {}}]})
    with pytest.raises(InputError, match=r"rates\.json: rows\.0: expected the key 'validation_err"):
        results.build(folder)
    write(folder, sweeps__rates=sweep(), benchmark=benchmark() | {"rows": [["a", 1]]})
    with pytest.raises(InputError, match=r"benchmark\.json: rows\.0: expected 3 cells"):
        results.build(folder)


def test_no_results_no_json_and_results_at_odds_are_refused(tmp_path):
    config = results.Config(str(tmp_path / "none"), str(tmp_path / "RESULTS.md"))
    with pytest.raises(InputError, match="expected a folder of result files, got no such folder"):
        results.run(config)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="expected a folder of result files, got none in it"):
        results.run(config)
    (tmp_path / "none" / "torn.json").write_text('{"stage": "summ')
    with pytest.raises(InputError, match=r"torn\.json: expected JSON"):
        results.run(config)
    assert not Path(config.output).exists()
    smaller = broken("cases", "test", to=900) | {"preset": "16x16"}
    with pytest.raises(
        InputError, match=r"expected the same test set .* 1000 cases of mnist and 9"
    ):
        results.build(write(tmp_path / "sizes", a=finished(), b=smaller))
    with pytest.raises(InputError, match=r"a\.json and b\.json: expected one run a seed"):
        results.build(write(tmp_path / "seeds", a=finished(), b=finished()))


def test_the_command_refuses_with_one_line(tmp_path):
    failed = main(tmp_path / "results")
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: results: expected a folder of result files")
    assert failed.stderr.count("\n") == 1


def test_readmes_tables_are_put_between_their_marks(folder):
    readme = folder.parent / "README.md"
    text = "before\n<!-- headline -->\nold\n<!-- end of headline -->\nbetween\n"
    text += "<!-- embedded --><!-- end of embedded -->\nafter\n"
    readme.write_text(text)
    (folder / "embedded").mkdir()
    config = results.Config(str(folder), str(folder.parent / "RESULTS.md"), str(readme))
    with pytest.raises(InputError, match="embedded"):
        results.run(config)
    assert readme.read_text() == text
    write(folder / "embedded", seed0=finished(preset=""))
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
    results.run(results.Config(check=True))
