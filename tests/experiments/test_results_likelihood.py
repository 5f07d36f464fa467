"""The likelihood tables and the learning rules of RESULTS.md."""

import pytest
from result_records import LIKELIHOOD, MADE, cells, finished, write

from dbnjax.checks import InputError
from experiments.likelihood.reported import REPORTED
from experiments.results import main as results

RULES = MADE | {
    "command": "python -m experiments.rbm_learning_rules",
    "config": {},
    "model": "RBM 784-500",
    "below": [],
    "pixels": "drawn anew, here with seed 0",
    "judged": "test",
    "cases": {"train": 60_000, "test": 10_000},
    "figure": "docs/images/learning_rules.png",
    "rules": {
        name: {
            "rate": 0.05,
            "updates": [600, 12_000],
            "seconds": [1.5, seconds],
            "log_p": [-120.0, -95.5],
            "low": [-120.2, -95.6],
            "high": [-119.8, -95.4],
            "reverse": [],
            "doubts": [],
        }
        for name, seconds in (("cd1", 31.0), ("tempered", 620.0))
    },
}
RULES["rules"]["tempered"] |= {"reverse": [-97.5, -97.9, -97.1], "doubts": ["too few chains"]}


def with_exact(value):
    return LIKELIHOOD | {"log_z": LIKELIHOOD["log_z"] | {"exact": value}}


def test_the_table_has_what_others_report_first(tmp_path):
    page = results.build(write(tmp_path, run=finished(), likelihood__rbm500=LIKELIHOOD))
    header, *rows = cells(page, "Likelihood")
    assert header == [
        "model", "pixels", "quantity", "images", "log Z forward", "log Z reverse", "log Z exact",
        "no log Z", "s.e. over images", "source"
    ]  # fmt: skip
    n = len(REPORTED)
    (cd25,) = (row for row in rows[:n] if row[0] == "RBM 784-500, CD-25")
    assert cd25[1:] == [
        "stochastic", "log p(v)", "mnist test", "-86.34", "-", "-", "-", "-", "reported by others"
    ]  # fmt: skip
    told = ["RBM 784-500", "drawn once, seed 0"]
    forward, reverse = "-85.50 (-85.60 to -85.40)", "-85.90 (-86.10 to -85.70)"
    raised = ["-", "-", "-", "-87.10 (no interval)", "-", "rbm500"]
    assert rows[n:] == [
        [*told, "log p(v)", "10,000 mnist test", forward, reverse, "-", "-", "0.20", "rbm500"],
        [*told, "RAISE bound on log p(v)", "500 mnist test", *raised],
    ]


def test_how_a_number_was_made_stands_below(tmp_path):
    page = results.build(write(tmp_path, run=finished(), likelihood__rbm500=LIKELIHOOD))
    section = " ".join(page.split("### rbm500\n")[1].split())
    assert "effective sample size 78. In float32 products. Weights of an image" in section
    assert "count, on average: RAISE bound on log p(v) of test images 3.2 of 5. Samp" in section
    told = "The net: commit def5678, rate 0.1. ```sh python -m experiments.rbm_learning_rules ```"
    assert told in section
    page = results.build(write(tmp_path, run=finished(), likelihood__rbm500=with_exact(451.25)))
    section = " ".join(page.split("### rbm500\n")[1].split())
    assert "```sh python -m experiments.likelihood --data_dir=FOLDER ```" in section
    assert "Commit abc1234. Machine: Abacus" in section
    assert "100 chains and 20,000 temperatures, linear spacing: forward 451.20 (451.1" in section
    assert "effective sample size 78; exact 451.25. In float32 products." in section
    assert "least probability of a swap 0.31, 4.5 round trips a chain; free energies" in section
    assert (
        "in the second half every 10 steps: R-hat 1.031, effective sample size 812, integrated auto"
        in section
    )
    assert (
        "time in steps too long to tell. Seconds, compilation included: forward 61.2, sam"
        in section
    )
    assert "reverse 60.1, RAISE 9.0." in section
    assert "class" not in section
    assert "- Warning: the directions are 1.2 nats apart." in section


def test_the_rules_have_a_table_and_their_figure(tmp_path):
    page = results.build(write(tmp_path, run=finished(), rules__mnist=RULES))
    header, *rows = cells(page, "mnist")
    log_p, above = "log p of test images", "log p, log Z from above"
    assert header == ["rule", "rate", "updates", "wall time", log_p, above]
    forward, reverse = "-95.50 (-95.60 to -95.40)", "-97.50 (-97.90 to -97.10)"
    assert rows == [
        ["cd1", "0.05", "12,000", "31.0 s", forward, "-"],
        ["tempered", "0.05", "12,000", "10 min 20 s", forward, reverse],
    ]
    assert "](docs/images/learning_rules.png)\n" in page
    assert "60,000 training images; pixels: drawn anew, here with seed 0." in page
    assert "- Warning: tempered: too few chains." in page
    assert "Warning: cd1" not in page
    bare = {key: value for key, value in RULES.items() if key != "figure"} | {"below": [784]}
    page = results.build(write(tmp_path, rules__mnist=bare))
    assert "![" not in page
    assert cells(page, "mnist")[0][4] == "bound on log p of test images"


def test_without_files_there_are_no_sections(tmp_path):
    page = results.build(write(tmp_path, run=finished()))
    assert "Likelihood" not in page
    assert "Learning rules" not in page


@pytest.mark.parametrize(
    ("folder", "record", "message"),
    [
        ("likelihood", LIKELIHOOD | {"rows": [{}]}, r"x\.json: rows\.0: expected the key 'quant"),
        ("likelihood", LIKELIHOOD | {"pixels": None}, "pixels: expected text, got None"),
        ("likelihood", with_exact("?"), "log_z.exact: expected a number or null"),
        ("rules", RULES | {"rules": {"cd1": {}}}, r"rules\.cd1: expected the key 'rate'"),
        (
            "rules",
            RULES | {"rules": {"cd1": RULES["rules"]["cd1"] | {"reverse": 3}}},
            r"rules\.cd1\.reverse: expected a list, got 3",
        ),
        ("rules", RULES | {"cases": {"train": 0}}, r"cases\.train: expected 1 or more"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, folder, record, message):
    with pytest.raises(InputError, match=message) as caught:
        results.build(write(tmp_path, run=finished(), **{f"{folder}__x": record}))
    assert "\n" not in str(caught.value)
