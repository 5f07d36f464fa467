"""The sections of RESULTS.md on nets tuned for discrimination, and README's table of them."""

import pytest
from result_records import built, cells, classifiers, finished, hybrid, table_1, tuned, write

from dbnjax.scoring import statistics
from experiments import registry


def build(folder, **records):
    return built(write(folder, run=finished(), **records))


def read(folder):
    """The runs of both experiments that the section is about."""
    return [registry.find(name).read(folder) for name in ("mnist_classifier", "hybrid")]


def limits(errors, n=1000):
    low, high = statistics.wilson(errors, n)
    return f"{100 * low:.2f} to {100 * high:.2f}"


def test_table_1_has_the_report_beside_every_line(tmp_path):
    page = build(tmp_path, classifiers__tr=table_1())
    header, *rows = cells(page, "Table 1 of the report: tr")
    ends = ["epochs", "training", "validation", "test"]
    assert header == ["net", *ends, "test error, 95 %", *(f"report: {end}" for end in ends)]
    assert [row[0] for row in rows] == [
        "1, chosen", "2, chosen", "3, chosen", "product, chosen",
        "1, all cases", "2, all cases", "3, all cases", "product, all cases",
        "not pretrained, all cases",
    ]  # fmt: skip
    own, report = rows[0][1:6], rows[0][6:]
    assert own == ["2", "0.40, 3", "6.00, 15", "5.00, 12", f"1.20 % ({limits(12)})"]
    assert report == ["33", "0.12, 1", "6.49, 129", "6.22, 122"]
    assert rows[6][1:5] == ["2+2", "0.30, 4", "-", "5.00, 11"]
    assert rows[6][6:] == ["63+31", "<0.03, 0", "-", "5.93, 118"]
    product = ["-", "-", "-", "11", f"1.10 % ({limits(11)})", "-", "-", "-", "5.40, 106"]
    assert rows[7][1:] == product
    assert rows[8][1:] == ["-"] * 5 + ["119", "<0.063, 0", "-", "18.43, 227"]


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ((0.004, 0.003, 0.002), "; every net here got there."),
        ((0.004, 0.0041, 0.003), "; net 2 did not get there"),
        ((0.005, 0.003, 0.006), "; nets 1, 3 did not get there"),
    ],
)
def test_nets_that_missed_their_target_are_named(tmp_path, costs, said):
    record = table_1()
    for net, cost in zip(record["nets"], costs, strict=True):
        net["all cases"]["all"]["cost"] = cost
    page = " ".join(build(tmp_path, classifiers__tr=record).split())
    assert f"the training cases under the chosen net{said}" in page
    short = classifiers(nets=[tuned(range(12))])
    assert "goes on until" not in build(tmp_path / "short", classifiers__tr=short)


def test_nets_of_a_table_are_compared_on_the_same_test_cases(tmp_path):
    page = build(tmp_path, classifiers__tr=table_1())
    header, *rows = cells(page, "Table 1 of the report: tr", number=1)
    assert header == ["first net", "second net", "b", "c", "p"]
    assert rows[0][:4] == ["net 1, chosen", "product, chosen", "1", "0"]
    assert rows[2][:4] == ["net 3, chosen", "product, chosen", "2", "1"]
    assert rows[5] == ["net 3, all cases", "product, all cases", "0", "0", "1"]
    assert rows[6][:4] == ["net 1, chosen", "net 1, all cases", "1", "0"]
    assert len(rows) == 3 + 3 + 3
    assert ["stack 1", "10 min 00 s"] in cells(page, "Table 1 of the report: tr", number=2)


def test_variants_are_compared_with_the_first_net_of_the_table_at_their_stage(tmp_path):
    other = classifiers("dropout", nets=[tuned(range(3, 13), range(5))])
    page = build(tmp_path, classifiers__tr=table_1(), classifiers__dropout=other)
    header, *rows = cells(page, "One change at a time")
    errors = ["training errors", "validation errors", "test errors", "test, 95 %"]
    assert header == ["net", "epochs", *errors, "b", "c", "p"]
    assert [row[0] for row in rows] == [
        "tr, net 1, chosen",
        "tr, net 1, all cases",
        "dropout, chosen",
        "dropout, all cases",
    ]
    assert rows[0][-3:] == ["-"] * 3
    told = ["3 (0.06 %)", "15 (1.50 %)", "10 (1.00 %)", limits(10)]
    assert rows[2][1:8] == ["2", *told, "1", "3"]
    assert rows[3][1:8] == ["2+2", "4 (0.07 %)", "-", "5 (0.50 %)", limits(5), "0", "6"]
    alone = build(tmp_path / "alone", classifiers__dropout=other)
    assert [row[-3:] for row in cells(alone, "One change at a time")[1:]] == [["-"] * 3] * 2


def test_how_soon_a_net_fits_is_counted_over_epochs_and_seconds(tmp_path):
    slow = tuned(range(13))
    slow["epochs"] = [{"stage": "all_cases"}, *slow["epochs"][:2]]
    noisy = classifiers() | {"config": classifiers()["config"] | {"drop_hidden": 0.5}}
    others = {"classifiers__slow": classifiers(nets=[slow]), "classifiers__noisy": noisy}
    page = build(tmp_path, classifiers__tr=table_1(), **others)
    assert cells(page, "How soon they fit") == [
        ["net", "at most 0.03", "at most 0.01", "at most 0.005"],
        ["tr", "2, 10.0 s", "3, 15.0 s", "3, 15.0 s"],
        ["slow", "2, 10.0 s", "-", "-"],
    ]
    compiled = tuned(range(13))
    compiled["epochs"][0]["seconds"] = 60.0
    page = build(tmp_path, classifiers__slow=classifiers(nets=[compiled]))
    assert cells(page, "How soon they fit")[2][1] == "2, 10.0 s"
    elsewhere = classifiers() | {"seed": 8}
    assert "How soon" not in build(tmp_path / "seed", classifiers__tr=table_1(),
                                   classifiers__seed=elsewhere)  # fmt: skip
    assert "How soon" not in build(tmp_path / "alone", classifiers__tr=table_1())


def test_a_hybrid_run_is_held_against_its_start(tmp_path):
    page = build(tmp_path, hybrid__mnist=hybrid())
    header, *rows = cells(page, "mnist")
    sizes = ["validation (1,000)", "all (6,000)", "test (1,000)"]
    assert header == ["net", *sizes, "test, 95 %", "b", "c", "p"]
    assert rows == [
        ["start", "15 (1.50 %)", "-", "14 (1.40 %)", limits(14), "-", "-", "-"],
        ["chosen", "-", "-", "11 (1.10 %)", limits(11), "0", "3", "0.25"],
        ["all cases", "-", "60 (1.00 %)", "9 (0.90 %)", limits(9), "2", "4", "0.69"],
    ]
    assert "Validation chose epoch 4, at the weight 0.2, the largest one." in page
    net = hybrid()["starts"]["net"] | {"commit": ""}
    other = hybrid() | {"starts": hybrid()["starts"] | {"all_net": net}}
    last = {part: other[part].pop("all cases") for part in ("errors", "wrong")}
    other["errors"] |= {"start of all cases": {"all": 70, "test": 10}, "all cases": last["errors"]}
    other["wrong"] |= {"start of all cases": list(range(10)), "all cases": last["wrong"]}
    page = build(tmp_path / "other", hybrid__mnist=other)
    *_, began, after = cells(page, "mnist")
    assert began[:4] == ["start of all cases", "-", "70 (1.17 %)", "10 (1.00 %)"]
    assert began[-3:] == ["-"] * 3
    assert after[-3:] == ["0", "1", "1"]
    unmoved = hybrid() | {"chosen": {"epoch": 0, "weight": None}}
    page = build(tmp_path / "unmoved", hybrid__mnist=unmoved)
    assert "Validation chose the net of the start. Learning" in page


def test_bars_are_met_at_their_own_numbers(tmp_path):
    records = {
        "classifiers__tr": table_1(),  # 1.2, 1.2, 1.2 and 1.1; 1.1, 1.1, 1.1 and 1.1
        "classifiers__dropout": classifiers("dropout", nets=[tuned(range(12), range(10))]),
        "classifiers__translations": classifiers("translations", nets=[tuned(range(9), range(7))]),
        "classifiers__rectified": classifiers("rectified", "rectified"),
        "hybrid__mnist": hybrid(),
    }
    header, *rows = cells(build(tmp_path, **records), "Tuned for discrimination", number=1)
    assert header == ["", "at most", "here", "verdict"]
    assert rows == [
        ["three nets, 50,000 cases", "1.25 %", "largest 1.20 %", "met"],
        ["their product", "1.10 %", "1.10 %", "met"],
        ["three nets, all 60,000", "1.12 %", "mean 1.10 %", "met"],
        ["their product", "1.05 %", "1.10 %", "missed"],
        ["with dropout, all 60,000", "1.00 %", "1.00 %", "met"],
        ["images shifted by up to 2 pixels, all 60,000", "0.65 %", "0.70 %", "missed"],
        ["hybrid gradient, all 60,000", "0.97 %", "0.90 %", "met"],
    ]
