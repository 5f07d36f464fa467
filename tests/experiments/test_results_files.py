"""What is wrong with a result file is one line that names the place in it."""

import pytest
from result_records import benchmark, broken, sweep, write

from dbnjax.checks import InputError
from experiments.results import main as results


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
        (broken("seconds", "rbm_1", to="2"), "expected a number, got '2'"),
        (broken("epochs", 1, to=[]), r"epochs\.1: expected an object, got \[\]"),
        (broken("epochs", to={}), "epochs: expected a list"),
        (broken("target", "most", to="1"), "target.most: expected a whole number, got '1'"),
        (broken("chosen", "epoch", to=None), "chosen: expected the key 'epoch'"),
        (broken("cases", "all", to=None), "cases: expected the key 'all'"),
        (broken("later_commits", to="b"), "later_commits: expected a list, got 'b'"),
        ([], r"the file: expected an object, got \[\]"),
    ],
)
def test_a_damaged_run_is_refused_with_one_line(tmp_path, record, message):
    with pytest.raises(InputError, match=message) as caught:
        results.build(write(tmp_path, run=record))
    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: ")
    assert "\n" not in str(caught.value)


def test_a_damaged_sweep_or_benchmark_is_refused(results_folder):
    write(results_folder, sweeps__rates=sweep() | {"rows": [{"varied": {}}]})
    with pytest.raises(InputError, match=r"rates\.json: rows\.0: expected the key 'validation_err"):
        results.build(results_folder)
    write(results_folder, sweeps__rates=sweep(), benchmark=benchmark() | {"rows": [["a", 1]]})
    with pytest.raises(InputError, match=r"benchmark\.json: rows\.0: expected 3 cells"):
        results.build(results_folder)
    write(results_folder, benchmark=benchmark(), scaling=benchmark() | {"note": 1})
    with pytest.raises(InputError, match=r"scaling\.json: note: expected text, got 1"):
        results.build(results_folder)
