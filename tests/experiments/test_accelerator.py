"""The accelerator's sections from flags to file: whole jobs, what is asked, and mistakes."""

import dataclasses
import json
import shutil
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_job

from dbnjax import files
from dbnjax.checks import InputError
from experiments import accelerator, likelihood
from experiments.accelerator import main
from experiments.accelerator.config import main_job
from experiments.mnist_dbn import figures as dbn_figures

SIZES = {"layers": (8,), "greedy_epochs": 1, "memory_epochs": 1}
TUNED = {"up_down_epochs": (2,), "up_down_steps": (1,), "all_epochs": 3}
SCORING = {"n_chains": 10, "n_temperatures": 50, "temper_betas": 4, "temper_steps": 20}


def small(folder, place, **changes):
    """Options of sections of seconds, on IDX files of a folder."""
    job = dataclasses.asdict(small_job.config(folder, place / "work", **SIZES, **TUNED))
    own = {"steps": 3, "preset": "paper", "n_protocols": 2, "output": str(place / "found.json")}
    return accelerator.Config(**{**job, **own, **changes})


@pytest.fixture
def config(idx_folder, tmp_path):
    return small(idx_folder, tmp_path)


@pytest.fixture(scope="module")
def whole(digit_files, tmp_path_factory):
    """Options, and a run of `mnist_dbn`, but for its figures."""
    place = tmp_path_factory.mktemp("whole")
    chosen = small(digit_files, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbn_figures, "makers", lambda *_: {})
        return chosen, main.finish(main_job(chosen, place / "run"))


@pytest.fixture
def again(whole, monkeypatch):
    """Writes in the place of `mnist_dbn` what the finished run wrote; knows what it was asked."""
    chosen, run = whole
    jobs = []

    def finish(job):
        jobs.append(job)
        double = jax.jit(lambda x: 2.5 * x)  # a program for the cache
        double(jnp.ones(3)).block_until_ready()
        shutil.copytree(Path(chosen.workdir).parent / "run", job.workdir)
        return run._replace(seconds=70.0)

    monkeypatch.setattr(main, "finish", finish)
    return chosen, run, jobs


def row(found, name):
    """The cells beside a name in what a section found."""
    (cells,) = [cells for cells in found["rows"] if cells[0] == name]
    return cells[1:]


def test_a_run_has_its_time_and_its_errors(whole):
    chosen, run = whole
    result = files.read_json(Path(chosen.workdir).parent / "run" / "result.json")
    assert run.result == result
    assert sum(result["seconds"].values()) < run.seconds
    # The last net learned from validation cases, and is judged on all cases and the test.
    assert run.errors("validation") == result["errors"]["up-down"]["deterministic"]["validation"]
    assert run.errors("test") == result["errors"]["all cases"]["deterministic"]["test"]
    assert run.errors("none") is None


def test_a_protocol_is_run_with_an_empty_cache_of_programs_and_with_a_full_one(again, monkeypatch):
    (chosen, run, jobs), cleared = again, []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(len(jobs)))
    before = jax.config.jax_compilation_cache_dir
    found = main.protocol(chosen)
    assert jax.config.jax_compilation_cache_dir == before
    assert cleared == [0, 1]
    assert not list(Path(chosen.workdir).iterdir())
    cold, warm = row(found, "programs compiled")
    assert cold > 0
    assert warm == 0
    names = [*run.result["seconds"], "the rest"]
    parts = np.array([row(found, f"{name}, s") for name in names])
    np.testing.assert_allclose(parts.sum(0), row(found, "in all, s"), rtol=2e-3)
    assert row(found, "in all, s") == [70.0, 70.0]
    assert row(found, "test errors, all cases, deterministic") == [run.errors("test")] * 2
    assert found["asked"] == [("cold run", 70, 90, "seconds"), ("warm run", 70, 60, "seconds")]


def test_precisions_stand_in_a_row_each_with_the_log_p_of_their_net(again, monkeypatch):
    chosen, run, jobs = again
    monkeypatch.setattr(main, "SCORING", SCORING | {"n_samples": 2, "n_subset": 0})
    records = []

    def score(options):
        records.append(records[0] if records else likelihood.run(options))  # one net, one score
        return records[-1]

    monkeypatch.setattr(
        main, "likelihood", types.SimpleNamespace(run=score, Config=likelihood.Config)
    )
    found = main.precision(chosen)
    assert [job.precision for job in jobs] == ["default", "highest", "bfloat16"]
    assert {job.all_epochs for job in jobs} == {0}
    assert [cells[0] for cells in found["rows"]] == ["default", "highest", "bfloat16"]
    for (_, seconds, validation, test, log_p, half), record in zip(
        found["rows"], records, strict=True
    ):
        assert (seconds, validation, test) == (70.0, run.errors("validation"), run.errors("test"))
        judged = record["rows"][0]
        assert (judged["quantity"], judged["images"]) == ("log p(v)", "test")
        value, low, _ = judged["values"]["log Z forward"]
        assert log_p == round(value, 3)
        np.testing.assert_allclose(half, value - low, rtol=1e-3)


def test_nets_of_many_seeds_learn_together(config):
    found = main.protocols(config)
    assert found["columns"] == ["", "2 nets together"]
    (rbm,), (tuned,) = row(found, "rbm_1, 1 epochs, s"), row(found, "up_down_1, 2 epochs, s")
    (rest,), (more,) = row(found, "the rest, s"), row(found, "epochs on all cases, reckoned, s")
    (in_all,) = row(found, "in all, s")
    np.testing.assert_allclose(rbm + tuned + rest + more, in_all, rtol=5e-3)
    np.testing.assert_allclose(more, 3 * tuned / 2 * 40 / 20, rtol=5e-3)  # of 40 cases, not of 20
    assert row(found, "validation cases") == [10]
    assert 0 <= row(found, "validation errors, mean")[0] <= 10
    assert row(found, "nets that diverged") == [0]
    ((_, minutes, most, _),) = found["asked"]
    np.testing.assert_allclose([minutes, most], [in_all / 60, 8], rtol=1e-3)


def test_errors_of_nets_leave_out_those_that_diverged():
    rows = [{"validation_errors": n} for n in (4, None, 6)]
    record = {"rows": rows, "cases": {"validation": 10}}
    assert [cells[1] for cells in main.errors_of_nets(record)] == [5, 1.414, 10, 1]


def judged(config):
    asked = [("cold", 90.0, 90, "seconds"), ("warm", 61.25, 60, "seconds")]
    return {"columns": ["a", "b"], "rows": [["x", 1.5]], "note": "What it is.", "asked": asked}


def exhausted(config):
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\nmore")


def test_a_later_call_adds_to_the_file_and_all_of_it_is_shown(config, monkeypatch, capsys):
    monkeypatch.setitem(main.MEASURE, "protocol", judged)
    monkeypatch.setitem(main.MEASURE, "kernels", exhausted)
    both = dataclasses.replace(config, sections=("kernels", "protocol"))
    with pytest.raises(InputError, match=r"^section kernels: the device is out .* --n_protocols"):
        accelerator.run(both)
    monkeypatch.setitem(main.MEASURE, "kernels", judged)
    record = accelerator.run(dataclasses.replace(config, preset="best", sections=("kernels",)))
    assert json.loads(Path(config.output).read_text()) == json.loads(json.dumps(record))
    assert list(record) == ["protocol", "kernels"]
    assert "--preset=best" in record["kernels"]["command"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"{name}: written to {config.output}" for name in record]
    assert lines[2].startswith("protocol: 8 x cpu; 20")
    assert lines[-3] == "cold: 90.0 seconds, at most 90.0: met"
    assert lines[-1] == "warm: 61.25 seconds, at most 60.0: missed"


def test_a_file_of_before_whose_sections_held_less_is_refused(config, monkeypatch):
    chosen = dataclasses.replace(config, sections=("kernels",))
    monkeypatch.setitem(main.MEASURE, "kernels", judged)
    record = accelerator.run(chosen)
    for damage, line in (
        ({"rows": [["x"]]}, "rows.0: expected 2 cells, one a column, got 1"),
        ({"asked": [["cold", 90.0]]}, "kernels.asked.0: expected 4 values, got 2"),
    ):
        files.write_json(config.output, {"kernels": record["kernels"] | damage})
        with pytest.raises(InputError, match=f"found.json: {line}"):
            accelerator.run(chosen)
    del record["kernels"]["asked"]
    files.write_json(config.output, record)
    with pytest.raises(InputError, match=r"found.json: kernels: expected the key 'asked'"):
        accelerator.run(chosen)


def test_another_failure_of_the_device_is_not_explained_away(config, monkeypatch):
    def broken(config):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setitem(main.MEASURE, "kernels", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        accelerator.run(dataclasses.replace(config, sections=("kernels",)))


@pytest.mark.parametrize(
    ("option", "line"),
    [
        (
            {"labels": False, "all_epochs": 0},
            "--labels: expected labels, whose errors are compared, got none",
        ),
        ({"up_down_epochs": (0,)}, "--up_down_epochs: expected one epoch or more in all, got"),
        ({"platform": "tpu", "sections": ("kernels",)}, "--platform=tpu: expected such a device"),
    ],
)
def test_a_mistake_is_one_line(config, option, line):
    with pytest.raises(InputError, match=line):
        accelerator.run(dataclasses.replace(config, **option))
