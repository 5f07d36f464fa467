"""The likelihood tables and the learning rules of RESULTS.md."""

from result_records import LIKELIHOOD, RULES, built, cells, finished, write

from experiments.likelihood.reported import REPORTED


def test_the_table_has_what_others_report_first(tmp_path):
    page = built(write(tmp_path, run=finished(), likelihood__rbm500=LIKELIHOOD))
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
    told = ["RBM 784-500, centred PCD", "drawn once, seed 0"]
    forward, reverse = "-85.50 (-85.60 to -85.40)", "-85.90 (-86.10 to -85.70)"
    raised = ["-", "-", "-", "-87.10 (no interval)", "-", "rbm500"]
    assert rows[n:] == [
        [*told, "log p(v)", "10,000 mnist test", forward, reverse, "-", "-", "0.20", "rbm500"],
        [*told, "RAISE bound on log p(v)", "500 mnist test", *raised],
    ]


def test_the_rules_have_a_table_and_their_figure(tmp_path):
    page = built(write(tmp_path, run=finished(), rules__mnist=RULES))
    header, *rows = cells(page, "mnist")
    log_p, above = "log p of test images", "log p, log Z from above"
    assert header == ["rule", "rate", "updates", "wall time", log_p, above]
    forward, reverse = "-95.50 (-95.60 to -95.40)", "-97.50 (-97.90 to -97.10)"
    assert rows == [
        ["cd1", "0.05", "12,000", "31.0 s", forward, "-"],
        ["tempered", "0.05", "12,000", "10 min 20 s", forward, reverse],
    ]
    assert "](../images/learning_rules.png)\n" in page
    assert "60,000 training images; pixels: drawn anew, here with seed 0." in page
    assert "- Warning: tempered: too few chains." in page
    assert "Warning: cd1" not in page
    bare = {key: value for key, value in RULES.items() if key != "figure"} | {"below": [784]}
    page = built(write(tmp_path, rules__mnist=bare))
    assert "![" not in page
    assert cells(page, "mnist")[0][4] == "bound on log p of test images"
