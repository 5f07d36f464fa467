"""What is wrong with a result file is one line that names the place in it."""

from pathlib import Path

import pytest
import result_records
from result_records import changed, finished, write
from test_contract import check_types

from dbnjax import files
from dbnjax.checks import InputError
from experiments import registry
from experiments.results import main as results

ROOT = Path(__file__).parents[2]
COMMITTED = [one.name for one in registry.EXPERIMENTS if one.records]


@pytest.mark.parametrize("name", COMMITTED)
def test_a_part_that_is_missing_or_of_another_type_is_refused(name):
    experiment = registry.find(name)
    path = min((ROOT / "results").glob(experiment.records))
    check_types(path, files.read_json(path), experiment.report.Record)


RECORDS = {
    "run": finished(),
    "benchmark": result_records.benchmark(),
    "rules__x": result_records.RULES,
    "classifiers__x": result_records.table_1(),
    "hybrid__x": result_records.hybrid(),
    "three_ideas__x": result_records.three_ideas(),
    "few_labels__x": result_records.few_labels(),
    "comparators__x": result_records.comparators(),
}
GONE = object()


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("run", ("errors", "greedy"), GONE, "errors: expected the key 'greedy'"),
        ("run", ("errors", "up-down", "deterministic"), GONE, "the key 'deterministic'"),
        ("run", ("errors", "up-down", "gibbs", "test"), GONE, "up-down.gibbs: .* 'test'"),
        ("run", ("errors", "greedy", "gibbs", "train"), 4001, "train: expected 0 to 4000"),
        ("run", ("errors", "greedy", "gibbs", "dev"), 1, "one of train, validation, test, all"),
        ("run", ("baselines", "guess"), {"train": 1}, "baselines.guess: expected the key 'test'"),
        ("run", ("wrong", "up-down"), GONE, "wrong: expected the key 'up-down'"),
        ("run", ("wrong", "up-down"), [1, 2], "up-down: expected 12 different cases, .* got 2;"),
        ("run", ("wrong", "up-down"), [3] * 12, "expected 12 different cases"),
        ("run", ("wrong", "up-down"), list(range(990, 1002)), "indices below 1000, got 1000"),
        ("run", ("cases", "validation"), 0, "cases.validation: expected 1 or more, got 0"),
        ("run", ("cases", "all"), GONE, "cases: expected the key 'all'"),
        ("benchmark", ("rows", 0), ["a", 1], r"rows\.0: expected 3 cells"),
        ("rules__x", ("rules", "cd1", "reverse"), [3], r"cd1\.reverse: expected 0 or 3 values"),
        ("rules__x", ("cases", "train"), 0, r"cases\.train: expected 1 or more"),
        ("classifiers__x", ("nets", 0, "epochs", 1, "seconds"), GONE, r"epochs\.1: .*'sec"),
        ("classifiers__x", ("nets", 2, "all cases", "all"), GONE, r"nets\.2\.all cases: .*'all'"),
        ("classifiers__x", ("nets", 0, "chosen", "wrong"), [1], "expected 12 different"),
        ("classifiers__x", ("nets", 0, "all cases", "wrong"), [1], "cases.test.errors says"),
        (
            "classifiers__x",
            ("products", "chosen"),
            result_records.asked([2000]),
            "indices below 1000, got 2000",
        ),
        ("hybrid__x", ("errors", "chosen"), GONE, "errors: expected the key 'chosen'"),
        ("hybrid__x", ("config", "form"), "cd", "form: expected one of contrastive, pretr"),
        ("hybrid__x", ("wrong", "start"), [3, 3], r"wrong\.start: expected 14 different cases"),
        ("three_ideas__x", ("cells", 0, "epochs"), [1], r"0\.epochs: expected 3 values, got 1"),
        ("few_labels__x", ("rows", 0, "method"), "magic", r"one of joint, .*, got 'magic'"),
        ("comparators__x", ("rows", 0, "name"), "knn", r"one of svm, .*, l2_few, got 'knn'"),
        ("comparators__x", ("rows", 0, "wrong"), [1], r"16 different cases, as rows\.0\.test says"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, name, place, value, message):
    record = changed(RECORDS[name], place, *([] if value is GONE else [value]))
    with pytest.raises(InputError, match=message) as caught:
        results.build(write(tmp_path, **{"run": finished()} | {name: record}))
    assert str(caught.value).startswith(f"{tmp_path / name.replace('__', '/')}.json: ")
    assert "\n" not in str(caught.value)
