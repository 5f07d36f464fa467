"""A short run of the mutated inputs; `python tests/mutated_inputs.py` makes a long one."""

import mutated_inputs
import mutated_kinds
import mutated_nets
import numpy as np
import pytest
from result_records import write

from dbnjax import files
from dbnjax.checks import InputError
from experiments import classify, ship
from experiments.common import nets
from experiments.paper_figures import main as paper_figures
from experiments.results import main as results

EACH = 10  # inputs of a kind


def test_every_input_ends_in_a_result_or_a_line():
    counts, failures = mutated_inputs.run(EACH * len(mutated_inputs.KINDS), seed=0)
    assert [failure[:4] for failure in failures] == []
    assert sum(counts.values()) == EACH * len(mutated_inputs.KINDS)


def test_an_input_comes_from_its_number_alone(tmp_path):
    for kind, make in mutated_inputs.KINDS.items():
        whats = []
        for name in "ab":
            place = tmp_path / f"{kind}-{name}"
            place.mkdir()
            what, _ = make(np.random.default_rng([3, 5]), place)
            whats.append(what.replace(str(place), ""))
        assert whats[0] == whats[1]
        first, second = (
            {p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()}
            for place in (tmp_path / f"{kind}-a", tmp_path / f"{kind}-b")
        )
        assert first == second


def fails(rng, folder):
    return "made to fail", ENDS[rng.integers(len(ENDS))]


def hangs():
    while True:
        pass


def refuses():
    raise InputError("no")


def exits():
    raise SystemExit(1)


ENDS = [{}.popitem, hangs, exits]


def test_what_is_neither_a_result_nor_a_line_is_found(monkeypatch):
    monkeypatch.setitem(mutated_inputs.KINDS, "bad", fails)
    monkeypatch.setattr(mutated_inputs, "SECONDS", 1)
    _, failures = mutated_inputs.run(12, seed=0, kind="bad")
    problems = {failure.problem.split(":")[0][:7] for failure in failures}
    assert {"KeyErro", "TooLong", "exit co"} <= problems
    monkeypatch.setitem(mutated_inputs.KINDS, "bad", lambda rng, folder: ("", refuses))
    monkeypatch.setattr(mutated_inputs, "_megabytes", iter([0, 10_000, 10_000]).__next__)
    _, (large,) = mutated_inputs.run(1, seed=0, kind="bad")
    assert large.problem == "took 10000 MB of memory"
    monkeypatch.setattr(mutated_inputs, "_megabytes", lambda: 0)
    counts, failures = mutated_inputs.run(2, seed=0, kind="bad")
    assert counts == {"bad: line": 2}
    assert not failures


def test_sound_result_files_make_a_page(tmp_path):
    assert "# " in results.build(write(tmp_path, **mutated_kinds.PAGE))[""]


@pytest.fixture
def digits(tmp_path):
    np.save(tmp_path / "digits.npy", mutated_kinds.pictures()[0])
    return str(tmp_path / "digits.npy")


OTHERS = [
    {"summary": {"config": None}},
    {"summary": {"config": {"side": "4"}, "epochs": 3, "errors": [1]}},
    {"summary": [1], "stage": {}},
    {"summary": {"epochs": [None, {"training_error": "a"}], "nets": 1}},
    {"summary": {"errors": {"greedy": {}}, "nets": []}, "side": float("nan")},
]


@pytest.mark.parametrize("metadata", OTHERS)
@pytest.mark.parametrize("kind", ["dbn", "classifier"])
def test_metadata_of_another_program_are_none_of_ours(tmp_path, digits, metadata, kind):  # F12
    path = str(tmp_path / "net")
    mutated_nets.io.save(path, mutated_nets.models()[kind], metadata)
    assert len(classify.run(classify.Config(net=path, images=digits)).guesses) == 12
    assert paper_figures.read_records(nets.read_model(path)) == []
    with pytest.raises(InputError, match="net"):
        ship.run(ship.Config(net=path, data_dir=str(tmp_path)))


def test_numbers_that_are_not_finite_are_null_and_brackets_without_end_a_line(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": NaN, "b": [-Infinity, 1e400], "c": 1.5}')
    assert files.read_json(path) == {"a": None, "b": [None, None], "c": 1.5}
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="too many to be read"):
        files.read_json(path)


def test_a_message_is_one_line_whatever_it_quotes():
    assert str(InputError("a\nb\u2028c\r\nd")) == "a b c d"
    assert len(str(InputError("a" * 10**6))) < 2100
