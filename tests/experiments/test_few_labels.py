"""Few labels on small images: which cases have one, what is chosen, written and refused."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import result_records
import small_classifier
from idx_files import write_set

from dbnjax import dbn, stack
from dbnjax.data import preparation, sources
from dbnjax.inference import classify
from dbnjax.weights import io
from experiments import few_labels
from experiments.common import stacks
from experiments.few_labels import Config, main, report, train
from experiments.few_labels.config import METHODS, Setting
from experiments.few_labels.train import Cell


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Nets on 784-6-5 for two draws of 10 and of 20 among 50 cases, two rounds of two updates."""
    place = tmp_path_factory.mktemp("few")
    (place / "idx").mkdir()
    write_set(place / "idx", n_train=60)
    return Config(
        data_dir=str(place / "idx"),
        workdir=str(place / "run"),
        n_validation=10,
        n_test=10,
        labels=(10, 20),
        draws=2,
        layers=(6, 5),
        greedy_batch_size=10,
        greedy_epochs=1,
        batch_size=10,
        updates=2,
        rounds=2,
        shapes=("0",),
        decays=(0.0,),
    )


@pytest.fixture(scope="module")
def result(config):
    return few_labels.run(config)


@pytest.fixture
def task(config):
    """What nets share, as the test of the cases needs it: without a stack."""
    source = sources.load(config.dataset, config.data_dir)
    below = stacks.prepare(config, source, stacks.divide(config, source)[0], 0, "stack")
    return train.Task(**vars(below), stack=None)


def saved(config, row, draw):
    cell = Cell(row["labels"], row["method"], draw, Setting(**row["setting"]))
    return io.load(main.path(Path(config.workdir), cell))[0]


def test_every_row_is_what_the_saved_nets_say(config, result):
    assert result["cases"] == {"train": 50, "validation": 10, "test": 10}
    asked = [(n, m) for n in config.labels for m in METHODS]
    assert [(row["labels"], row["method"]) for row in result["rows"]] == asked
    test = preparation.take(sources.load("mnist", config.data_dir).test, slice(10))
    below, _ = io.load(Path(config.workdir) / "stack" / "stack.safetensors")
    v = jnp.asarray(test.pixels.reshape(10, -1) / 255, jnp.float32)
    for row in result["rows"]:
        assert row["draws"] == [0, 1]
        assert row["chosen_by"] == 10
        for draw, errors in zip(row["draws"], row["test"], strict=True):
            net = saved(config, row, draw)
            if row["method"].startswith("joint"):
                net = dbn.untie(stack.create((*below.rbms[:-1], net)))
                log_p = np.asarray(classify.deterministic(net, v))
            else:
                log_p = small_classifier.log_probabilities(net, test)
                assert [layer.unit.size for layer in net.hidden] == row["setting"]["hidden"]
            assert len(small_classifier.judged(log_p, test)[1]) == errors


def test_a_stack_that_another_run_left_is_learned_from_as_a_new_one(config, result, tmp_path):
    given = Path(config.workdir) / "stack" / "stack.safetensors"
    short = {"labels": (10,), "draws": 1, "workdir": str(tmp_path / "run")}
    other = few_labels.run(dataclasses.replace(config, stack=str(given), **short))
    for row, whole in zip(other["rows"], result["rows"], strict=False):
        assert row["setting"] == whole["setting"]
        for numbers in ("validation", "test", "rounds"):
            assert row[numbers] == whole[numbers][:1]
    assert " --stack=stack.safetensors " in other["command"]
    assert not any(name.startswith("greedy") for name in other["config"])
    assert (tmp_path / "run" / "few_labels.png").stat().st_size > 10_000


def test_only_missing_labels_have_cases_without_one_beside_them(task):
    setting = Setting([6, 5], 0.0, 0.0)
    rows = {m: train.rounds(task, Cell(20, m, 0, setting))(0).by_class for m in METHODS}
    shapes = {name: found.shape for name, found in rows.items()}
    assert shapes == dict.fromkeys(METHODS, (10, 2)) | {"joint": (20, 1)}
    np.testing.assert_array_equal(rows["pretrained"], rows["unpretrained"])


def test_validation_chooses_the_first_of_the_best_settings_by_the_first_draw():
    config = Config(draws=3, shapes=("0", "7"), decays=(0.0, 0.1), dropouts=(0.0,))
    errors, asked = [9, 7, 8, 7, 5, 6], []

    def obtain(cell, most):
        asked.append((cell.draw, cell.setting, most))
        return {"validation": errors[len(asked) - 1], "setting": cell.setting._asdict()}

    records = main.choose(config, 100, "unpretrained", obtain)
    tried = [Setting(h, decay, 0.0) for h in ([], [7]) for decay in (0.0, 0.1)]
    nothing = float("inf")
    assert asked == [
        *zip([0] * 4, tried, [nothing, 9, 7, 7], strict=True),
        (1, tried[1], nothing),
        (2, tried[1], nothing),
    ]
    assert [record["validation"] for record in records] == [7, 5, 6]


def test_few_labels_are_chosen_by_as_few(task):
    assert len(task.choosing(4).labels) == 10
    few = dataclasses.replace(task, config=dataclasses.replace(task.config, choose_by="few"))
    assert len(few.choosing(4).labels) == len(few.choosing(4).pixels) == 4
    assert len(few.choosing(20).labels) == 10


def test_gains_are_compared_draw_by_draw():
    record = result_records.few_labels()
    pretrained, bare, _ = record["rows"]
    pretrained["test"], bare["test"] = [100, 200, 300], [150, 260, 340]
    mean, half = report.gain(record, pretrained)
    # 5, 6 and 4 points: a mean of 5, a deviation of 1, and 4.303 standard errors of three values.
    np.testing.assert_allclose([mean, half], [5.0, 4.302653 / np.sqrt(3)], rtol=1e-6)
    assert report.gain(record, bare) is None
    table = report.lay_out(record)
    found = dict(zip(table.header, table.rows[0], strict=True))
    assert found["test, %"] == "20.00 ± 24.84"
    assert found["over test cases"] == "17.64 to 22.59"
    assert found["gain, points"] == "5.00 ± 2.48"
    record["rows"] = [pretrained]
    assert report.gain(record, pretrained) is None
