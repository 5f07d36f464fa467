"""The sections of RESULTS.md that set methods side by side, and their charts."""

import numpy as np
from PIL import Image
from result_records import built, cells, comparators, few_labels, finished, three_ideas, write

from dbnjax.scoring import statistics
from experiments import results_charts
from experiments.three_ideas import report as ideas_report

ALL = {
    "three_ideas__short": three_ideas(),
    "few_labels__mnist": few_labels(),
    "comparators__mnist": comparators(),
}


def build(folder, **records):
    return built(write(folder, run=finished(), **records))


def mean(counts, n):
    """Error counts in per cent with their interval."""
    rates = [100 * count / n for count in counts]
    return f"{np.mean(rates):.2f} ± {statistics.half_width(rates):.2f}"


def test_three_ideas_have_a_row_a_cell_and_a_verdict(tmp_path):
    page = build(tmp_path, three_ideas__short=three_ideas())
    header, *rows = cells(page, "three_ideas, short")
    assert header[:7] == [
        "era", "hidden units", "method", "rate", "epochs", "validation, %", "test, %"
    ]  # fmt: skip
    assert header[7:] == ["gain over none, points", ideas_report.PAPER, "wall time"]
    assert rows[0][:6] == ["2006", "50-50", "none", "0.1", "6", "2.00 ± 0.00"]
    assert rows[0][6:] == [mean((50, 52, 54), 1000), "-", "2.4", "2 min 01 s"]
    low, high = ideas_report.gains(three_ideas())["2006", "deep", "rbm"][1:]
    assert rows[1][6:9] == ["2.10 ± 0.25", f"3.10 ({low:.2f} to {high:.2f})", "1.2"]
    assert rows[2][8] == "1.9"
    prose = " ".join(page.split())
    assert "- 2006, deep: ahead of no pretraining: rbm; behind: no" in prose
    assert "500 validation images chose the epoch, at the era's rate;" in prose
    assert "in 0 of 4 cells the best one of some seed is among the last 2" in prose
    several = three_ideas()
    several["cells"][1] |= {"tried": several["cells"][1]["tried"] * 3, "epochs": [5, 8, 7]}
    page = " ".join(build(tmp_path / "several", three_ideas__short=several).split())
    assert "500 validation images chose one of 3 rates and the epoch;" in page
    assert "in 1 of 4 cells" in page


def test_few_labels_say_who_is_clearly_ahead(tmp_path):
    page = build(tmp_path, few_labels__mnist=few_labels())
    header, *rows = cells(page, "few_labels, mnist")
    assert header == [
        "labels", "method", "hidden units", "draws", "chosen by", "round",
        "validation, %", "test, %", "gain, points",
        "wall time",
    ]  # fmt: skip
    told = ["50-50, decay 0.001", "3", "100", "5", "6.00 ± 0.00"]
    gain = mean((130, 133, 136), 1000)
    assert rows[0] == [
        "100", "classifier, pretrained", *told, mean((70, 72, 74), 1000), gain, "1 min 01 s"
    ]  # fmt: skip
    assert rows[1][8] == "-"
    assert rows[2][8] == mean((5, 0, -5), 1000)
    prose = " ".join(page.split())
    assert "ahead of the net without pretraining: classifier, pretrained at 100." in prose
    assert "Clearly behind it: no method." in prose
    assert "in 0 of 3 rows the best one of some draw is among the last 2." in prose
    worse = few_labels()
    worse["rows"][2] |= {"test": [300, 305, 310], "rounds": [8, 8, 8]}
    prose = " ".join(build(tmp_path / "worse", few_labels__mnist=worse).split())
    assert "Clearly behind it: joint DBN, missing labels at 100." in prose
    assert "in 1 of 3 rows" in prose


def test_comparators_stand_beside_the_paper(tmp_path):
    page = build(tmp_path, comparators__mnist=comparators())
    header, *rows = cells(page, "comparators, mnist")
    counts = ["training cases", "chosen", "validation errors", "test errors", "test, 95 %"]
    assert header == ["", *counts, "paper", "wall time"]
    chosen = "epoch 9, decay 0.001"
    assert rows[0][1:5] == ["4,000", chosen, "17 (1.70 %)", "16 (1.60 %)"]
    assert rows[0][6:] == ["1.53 %", "1 min 01 s"]
    assert rows[1][:5] == ["nearest neighbour, L2, all cases", "6,000", "-", "-", "31 (3.10 %)"]


def test_every_file_has_its_chart_and_the_page_shows_it(tmp_path, capsys):
    page = build(tmp_path / "results", three_ideas__long=three_ideas(), **ALL)
    output = tmp_path / "docs" / "images"
    written = results_charts.run(results_charts.Config(str(tmp_path / "results"), str(output)))
    assert [path.name for path in written] == [
        "three_ideas_long.png",
        "three_ideas_short.png",
        "few_labels_mnist.png",
        "comparators_mnist.png",
    ]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    for path in written:
        assert f"](../images/{path.name})\n" in page
        with Image.open(path) as picture:
            assert min(picture.size) > 100
