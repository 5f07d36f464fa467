"""Sweeps over seeds: mean and spread of each setting, and which of them validation chooses."""

import result_records

from experiments.common.records import Source
from experiments.sweep import report


def swept(**errors):
    """A sweep over rates and seeds from each rate's validation errors, None where one diverged."""
    rows = [
        {
            "varied": {"seed": seed, "up_down_rate": float(rate.removeprefix("rate_"))},
            "validation_errors": count,
            "training_errors": None if count is None else 4 * count,
            "seconds": 1.0,
        }
        for rate, counts in errors.items()
        for seed, count in enumerate(counts)
    ]
    return Source("rates", result_records.sweep() | {"rows": rows})


def shown(**errors):
    sweep = swept(**errors)
    parts = report.one_sweep(sweep)
    before = report.members(sweep)
    assert parts[:-2] == before  # one row a member
    table, told = parts[-2:]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
    return rows, " ".join(told.split())


def test_settings_have_the_mean_and_the_deviation_over_their_seeds():
    rows, told = shown(rate_1=(10, 30), rate_2=(16, 20), rate_3=(17,))
    assert rows[0] == ["up_down_rate", "validation errors", "training errors", "seeds", "diverged"]
    assert rows[2:] == [  # of 1,000 cases and 4,000; deviations of a sample
        ["3.0", "1.70 %", "1.70 %", "1", "0"],
        ["2.0", "1.80 ± 0.28 %", "1.80 ± 0.28 %", "2", "0"],
        ["1.0", "2.00 ± 1.41 %", "2.00 ± 1.41 %", "2", "0"],
    ]
    assert told.endswith("Validation chooses `--up_down_rate=3.0`: 1.70 % in the mean of 1 seed.")


def test_a_setting_of_which_a_seed_diverged_is_not_chosen():
    rows, told = shown(rate_1=(1, None), rate_2=(16, 20), rate_3=(None, None))
    assert [row[0] for row in rows[2:]] == ["2.0", "1.0", "3.0"]
    assert rows[3] == ["1.0", "0.10 %", "0.10 %", "1", "1"]
    assert rows[4] == ["3.0", "-", "-", "0", "2"]
    assert told.endswith("`--up_down_rate=2.0`: 1.80 % in the mean of 2 seeds.")
    _, told = shown(rate_1=(1, None))
    assert told.endswith("Validation chooses no setting: some member of each diverged.")


def test_seeds_alone_leave_nothing_to_choose():
    sweep = swept(rate_1=(10, 30))
    for row in sweep.record["rows"]:
        del row["varied"]["up_down_rate"]
    *_, table, told = report.one_sweep(sweep)
    assert "2.00 ± 1.41 %" in table
    assert "chooses" not in told


def test_a_sweep_without_seeds_is_its_members():
    sweep = Source("rates", result_records.sweep())
    assert report.one_sweep(sweep) == report.members(sweep)
