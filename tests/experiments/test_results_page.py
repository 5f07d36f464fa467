"""RESULTS.md from result files: what stands in it."""

import itertools

import pytest
from result_records import READ_OUTS, built, cells, changed, finished, write

from dbnjax.scoring import statistics
from experiments.common import tables as results_markdown


def test_the_headline_has_the_paper_and_both_groups(results_folder):
    header, *rows = cells(built(results_folder), "Test errors")
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
    low, high = statistics.wilson(22, 1000)
    assert best == f"2.20 % (22; {100 * low:.2f} to {100 * high:.2f})"
    low, high = statistics.wilson(13, 1000)  # 10 and 16: their deviation is 6 / sqrt(2) errors
    assert mean == f"1.30 ± 0.42 % (10 to 16; {100 * low:.2f} to {100 * high:.2f})"
    assert named["greedy, on the training cases"][2].startswith("2.00 ± 0.00 % (20 to 20; ")
    assert named["wall time of learning"] == ["about a week", "1 h 02 min", "1 h 02 min"]


def test_the_read_outs_stand_beside_the_papers_order(results_folder):
    _, *rows = cells(built(results_folder), "Read-outs")
    assert [row[0] for row in rows] == list(READ_OUTS)
    assert rows[0][1:] == ["almost +1", "+1.00", "+1.00"]
    assert rows[2][1:] == ["the reported errors", "2.20 %", "1.30 %"]
    assert rows[3][1:] == ["as deterministic", "+0.00", "+0.00"]


def test_nets_are_compared_within_a_run_and_between_presets(results_folder):
    header, *rows = cells(built(results_folder), "Nets compared")
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
    last = cells(built(tmp_path), "Nets compared")[-1]
    assert last[:2] == ["p, all cases", "r, all cases"]


def test_a_run_shows_what_it_counted_and_what_it_took(results_folder):
    page = built(results_folder)
    section = page.split("### b_paper_0\n")[1].split("### ")[0]
    assert f"```sh\n{finished()['command']}\n```" in section
    _, *rows = cells(page, "b_paper_0")
    assert len(rows) == 3 * len(READ_OUTS) + 1
    assert rows[2][:3] == ["greedy, deterministic", "80 (2.00 %)", "21 (2.10 %)"]
    assert rows[10][:5] == ["all cases, gibbs", "-", "-", "17 (0.28 %)", "20 (2.00 %)"]
    assert rows[-1][:2] == ["nearest neighbour (L2)", "0 (0.00 %)"]
    prose = " ".join(section.split())
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
    short["cases"] = {split: n for split, n in short["cases"].items() if split != "all"}
    missed["target"]["errors"] = 35
    page = built(write(tmp_path, short=short, missed=missed))
    rows = cells(page, "Test errors")
    assert rows[1][2:] == ["4,000, 6,000, 1,000", "4,000, -, 1,000"]
    assert rows[4][2:] == ["1.00 % (10; 0.54 to 1.83)", "-"]
    assert "did not reach that training error again in 3 epochs" in " ".join(page.split())
    assert "On all" not in page.split("### short\n")[1]


def test_day_and_later_commits_are_told_where_they_are_known(tmp_path):
    later = {"date": "2026-11-22"}
    resumed = finished(seed=1) | later | {"later_commits": ["def5678", ""]}
    page = " ".join(built(write(tmp_path, a=finished() | later, b=resumed)).split())
    assert "Commit abc1234, begun on 2026-11-22. Machine: Abacus" in page
    assert (
        "Begun on 2026-11-22 at commit abc1234, resumed at def5678, unknown. Machine: Abacus"
        in page
    )


def test_flags_that_changed_their_default_between_commits_part_the_columns(tmp_path):
    command = {"command": "python -m experiments.mnist_dbn"}
    new = changed(finished(seed=1), ("config", "n_gibbs"), 11)
    write(tmp_path, new=new | command, old=finished() | command)
    header = cells(built(tmp_path), "Test errors")[0]
    assert header[2:] == ["`default flags`, 1 seed", "`default flags, as in old`, 1 seed"]


def test_a_sweep_is_sorted_by_validation_errors(results_folder):
    page = built(results_folder)
    assert "All with `--up_down_epochs=10,10 --pixels=sample`, 4,000 training" in page
    assert cells(page, "rates") == [
        ["up_down_rate", "up_down_momentum", "validation errors", "training errors", "wall time"],
        ["0.02", "0.9", "12 (1.20 %)", "100 (2.50 %)", "1 min 01 s"],
        ["0.05", "0.0", "30 (3.00 %)", "9 (0.23 %)", "1 min 01 s"],
        ["0.1", "0.9", "-", "-", "1 min 01 s"],
    ]


def test_a_page_of_runs_alone_has_no_empty_sections(tmp_path):
    page = built(write(tmp_path, only=finished()))
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## Test errors", "## Read-outs", "## Nets compared", "## Runs"]
    assert "Bars" not in page  # its preset has none


def test_prose_fits_a_terminal_and_columns_are_even(results_folder):
    lines = built(results_folder).splitlines()
    free = [line for line in lines if not line.startswith(("|", "python "))]
    assert max(map(len, free)) <= results_markdown.WIDTH
    tables = [
        {len(line) for line in block}
        for is_table, block in itertools.groupby(lines, lambda line: line.startswith("|"))
        if is_table
    ]
    assert len(tables) == 4 + 2 * 3 + 1 + 2 + 1
    assert all(len(widths) == 1 for widths in tables)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (59.97, "1 min 00 s"), (3599.6, "1 h 00 min")],
)
def test_times_carry_over(seconds, text):
    assert results_markdown.duration(seconds) == text
