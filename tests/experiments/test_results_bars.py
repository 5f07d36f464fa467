"""Which bars the results meet, from made-up files and from those in the repository."""

from pathlib import Path

import pytest
from result_records import LIKELIHOOD, benchmark, built, cells, finished, write

from experiments import likelihood, registry
from experiments.benchmark import report as benchmark_report
from experiments.likelihood import report as likelihood_report

ROOT = Path(__file__).parent.parent.parent


def test_errors_of_the_best_preset_are_held_against_their_bars(results_folder):
    # At the bars themselves, 18 and 13 of 1,000, and with no last stage.
    short = finished("best", greedy=range(18), up_down=range(13))
    short |= {"command": "job --preset=best", "config": short["config"] | {"n_gibbs": 11}}
    for part in ("errors", "wrong"):
        del short[part]["all cases"]
    write(results_folder, a_short=short)
    header, *rows = cells(built(results_folder), "Test errors", number=1)
    assert header == ["", "at most", "`--preset=best --layers=8,a¦b`", "`--preset=best`"]
    assert rows == [
        ["greedy, on the training cases", "1.80 %", "2.00 %: missed", "1.80 %: met"],
        ["up-down, on the training cases", "1.45 %", "1.20 %: met", "1.30 %: met"],
        ["up-down, then on all cases", "1.30 %", "2.20 %: missed", "-"],
    ]


def test_speed_is_held_against_its_bars(results_folder):
    columns = ["row", "ms a unit", "time / products"]
    cd = "CD-1 epoch, 784-500"
    rows = [
        [cd, 3.0, 1.001],
        ["up-down epoch, 3 iterations", 20.0, 1.2],
        ["up-down epoch, 10 iterations", 40.0, 1.201],
        [f"{cd}, in memory", 2.0, 1.0],
        [f"{cd}, streamed from a folder", 2.2, 1.0],
        ["CD-1 epoch in PyTorch", 3.6, 1.0],
        ["CD-1 epoch in scikit-learn", 6.5, 2.0],
        ["CD-1 epoch in rbms", None, None],
        ["backprop epoch", 6.0, 1.31],
        ["backprop epoch in PyTorch", 5.9, 1.2],
    ]
    write(results_folder, benchmark=benchmark() | {"columns": columns, "rows": rows})
    header, *found = cells(built(results_folder), "Speed", number=1)
    assert header == ["row", "beside", "bar", "measured", "verdict"]
    up_down = "up-down epoch, {} iterations".format
    once, twice = (f"at least {times} times as fast" for times in (1.0, 2.2))
    assert found == [
        [cd, "time / products", "at most 1.00", "1.001", "missed"],
        [cd, "CD-1 epoch in PyTorch", "at least 1.2 times as fast", "1.200 times as fast", "met"],
        [cd, "CD-1 epoch in scikit-learn", twice, "2.167 times as fast", "missed"],
        [cd, "CD-1 epoch in learnergy", twice, "-", "not measured"],
        [cd, "CD-1 epoch in rbms", twice, "-", "not measured"],
        [up_down(3), "time / products", "at most 1.20", "1.200", "met"],
        [up_down(6), "time / products", "at most 1.20", "-", "not measured"],
        [up_down(10), "time / products", "at most 1.20", "1.201", "missed"],
        [f"{cd}, streamed from a folder", f"{cd}, in memory", "at most 1.10", "1.100", "met"],
        ["backprop epoch", "time / products", "at most 1.30", "1.310", "missed"],
        ["backprop epoch", "backprop epoch in PyTorch", once, "0.983 times as fast", "missed"],
    ]


def likelihood_of(model="RBM 784-500", *, log_z=None, rows=None, **changes):
    """A likelihood record with parts of log Z, of the first row or of the rest replaced."""
    first, *others = LIKELIHOOD["rows"]
    return LIKELIHOOD | {
        "model": model,
        "log_z": LIKELIHOOD["log_z"] | (log_z or {}),
        "rows": [first | (rows or {}), *others],
        **changes,
    }


def bars(folder, **records):
    page = built(
        write(folder, run=finished(), **{f"likelihood__{k}": v for k, v in records.items()})
    )
    header, *rows = cells(page, "Likelihood", number=1)
    assert header == ["model", "what", "bar", "measured", "verdict", "source"]
    return rows


MACHINE, NET = "RBM 784-500", "DBN 784-500-2000"
UNMEASURED = [
    [MACHINE, "log p(v), test images", "more than -86.34", "-", "not measured", "-"],
    [MACHINE, "log Z, reverse from forward", "at most 1", "-", "not measured", "-"],
    [NET, "bound on log p(v), test images", "more than -86.2", "-", "not measured", "-"],
    ["RBM 784-20", "log Z, forward from exact", "at most 0.1", "-", "not measured", "-"],
    [MACHINE, "seconds of log Z, two cores", "at most 90", "-", "not measured", "-"],
    [MACHINE, "seconds of log Z, an accelerator", "at most 3", "-", "not measured", "-"],
]


def test_likelihoods_are_held_against_their_bars(tmp_path):
    far = LIKELIHOOD["log_z"]["reverse"] | {"value": 449.7}
    gpu = LIKELIHOOD["machine"] | {"devices": ["H200"], "cores": 16}
    worse = {"values": {"log Z forward": [-86.5, -86.6, -86.4]}}
    rows = bars(
        tmp_path,
        a=likelihood_of(),
        b=likelihood_of(rows=worse, log_z={"reverse": far}, warnings=[]),
        c=likelihood_of(machine=gpu, warnings=[]),
        small=likelihood_of("RBM 784-20", log_z={"exact": 451.35}),
    )
    p, gap, _, off, cores, accelerator = (row[:3] for row in UNMEASURED)
    assert rows == [
        [*p, "-85.50", "met, with warnings", "a"],
        [*p, "-86.50", "missed", "b"],
        [*p, "-85.50", "met", "c"],
        [*gap, "0.40", "met, with warnings", "a"],
        [*gap, "1.50", "missed", "b"],
        [*gap, "0.40", "met", "c"],
        UNMEASURED[2],
        [*off, "0.15", "missed", "small"],
        [*cores, "61.24", "met, with warnings", "a"],
        [*cores, "61.24", "met", "b"],
        [*accelerator, "61.24", "missed", "c"],
    ]


def test_a_bound_is_judged_with_an_exact_log_z_or_one_from_above_too(tmp_path):
    def bound(**values):
        ends = {f"log Z {name}": [value, None, None] for name, value in values.items()}
        row = {"quantity": "bound on log p(v)", "values": ends}
        return likelihood_of(NET, rows=row, warnings=[])

    rows = bars(
        tmp_path,
        below=bound(forward=-86.0, reverse=-86.3),
        both=bound(forward=-86.0, reverse=-86.1),
        exact=bound(forward=-86.0, reverse=-86.3, exact=-86.15),
        alone=bound(forward=-86.0),
    )
    told = UNMEASURED[2][:3]
    assert [row for row in rows if row[0] == NET] == [
        [*told, "-86.00 log Z forward, -86.30 log Z reverse", "missed", "below"],
        [*told, "-86.00 log Z forward, -86.10 log Z reverse", "met", "both"],
        [*told, "-86.00 log Z forward, -86.15 log Z exact", "met", "exact"],
    ]


def test_only_the_official_test_images_drawn_once_are_judged(tmp_path):
    few = {"n": 500}, {"images": "train"}, {"quantity": "pseudo-log-likelihood"}
    coarse = {"temperatures": 500}
    named = {f"few{i}": likelihood_of(rows=rows, log_z=coarse) for i, rows in enumerate(few)}
    assert bars(tmp_path / "few", **named) == UNMEASURED
    for i, other in enumerate([{"binarisation": "threshold"}, {"dataset": "mnist5k"}]):
        assert bars(tmp_path / str(i), other=likelihood_of(**other)) == UNMEASURED
    assert bars(tmp_path / "x", other=likelihood_of("RBM 784-10")) == UNMEASURED


@pytest.mark.parametrize(
    "changed", [{"chains": 99}, {"temperatures": 9}, {"schedule": "piecewise"}]
)
def test_directions_and_times_are_judged_at_the_default_schedule(tmp_path, changed):
    rows = bars(tmp_path, other=likelihood_of(log_z=changed))
    assert rows[0][3:] == ["-85.50", "met, with warnings", "other"]
    assert rows[1:] == UNMEASURED[1:]


def test_the_default_schedule_is_that_of_the_experiment():
    config = likelihood.Config()
    found = (config.n_chains, config.n_temperatures, config.schedule)
    assert found == likelihood_report.DEFAULTS


def test_the_repositorys_benchmark_has_the_rows_of_every_bar():
    (benchmark,) = registry.find("benchmark").read(ROOT / "results")
    _, table = benchmark_report.speed(benchmark.record)
    assert "not measured" not in table
