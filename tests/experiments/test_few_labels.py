"""Few labels on small images: which cases have one, what is chosen, written and refused."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import small_classifier
from idx_files import write_set

from dbnjax import dbn, stack
from dbnjax.checks import InputError
from dbnjax.data import preparation, sources
from dbnjax.inference import classify
from dbnjax.training import metrics
from dbnjax.weights import io
from experiments import few_labels
from experiments.common import stacks
from experiments.few_labels import Config, main, report, train
from experiments.few_labels.config import METHODS, Setting
from experiments.few_labels.train import Cell

N_NETS = 2 * (3 + 2 + 2 + 2)  # settings, and a second draw; for two numbers of labels


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


def test_a_run_that_was_stopped_goes_on_after_its_last_net(config, result, tmp_path, monkeypatch):
    """With the stack that the other run left, it is the same run."""
    given = Path(config.workdir) / "stack" / "stack.safetensors"
    cut = dataclasses.replace(config, workdir=str(tmp_path / "cut"), stack=str(given))
    fit, fitted = train.fit, []

    def interrupted(task, cell):
        if len(fitted) == 5:
            fitted.append(None)
            raise KeyboardInterrupt
        fitted.append(cell)
        return fit(task, cell)

    monkeypatch.setattr(train, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        few_labels.run(cut)
    resumed = few_labels.run(cut)
    assert len(fitted) == N_NETS + 1
    assert len({str(cell) for cell in fitted}) == N_NETS + 1

    def without_times(rows):
        return [{name: x for name, x in row.items() if name != "seconds"} for row in rows]

    assert without_times(resumed["rows"]) == without_times(result["rows"])
    assert " --stack=stack.safetensors " in resumed["command"]
    assert not any(name.startswith("greedy") for name in resumed["config"])
    assert len(metrics.read(tmp_path / "cut" / "metrics.jsonl")) == N_NETS
    assert (tmp_path / "cut" / "few_labels.png").stat().st_size > 10_000
    before = (tmp_path / "cut" / "result.json").read_bytes()
    assert few_labels.run(cut) == resumed
    assert (tmp_path / "cut" / "result.json").read_bytes() == before


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


def record_of(**tests):
    setting = Setting([500, 500], 1e-3, 0.5)._asdict()
    rows = [
        {"labels": 100, "method": method, "setting": setting, "draws": [0, 1, 2],
         "chosen_by": 100, "validation": [20, 30, 40], "test": test, "rounds": [1, 2, 3],
         "seconds": 1.0}
        for method, test in tests.items()
    ]  # fmt: skip
    return {"cases": {"train": 1000, "validation": 100, "test": 1000}, "rows": rows}


def test_gains_are_compared_draw_by_draw():
    record = record_of(pretrained=[100, 200, 300], unpretrained=[150, 260, 340])
    mean, half = report.gain(record, record["rows"][0])
    # 5, 6 and 4 points: a mean of 5, a deviation of 1, and 4.303 standard errors of three values.
    np.testing.assert_allclose([mean, half], [5.0, 4.302653 / np.sqrt(3)], rtol=1e-6)
    assert report.gain(record, record["rows"][1]) is None
    table = report.lay_out(record)
    found = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert found[0]["hidden units"] == "500-500, decay 0.001, dropout 0.5"
    assert found[0]["test, %"] == "20.00 ± 24.84"
    assert found[0]["over test cases"] == "17.64 to 22.59"
    assert [row["gain, points"] for row in found] == ["5.00 ± 2.48", "-"]
    assert found[1]["validation, %"].startswith("30.00 ")
    alone = record_of(pretrained=[100, 200, 300])
    assert report.gain(alone, alone["rows"][0]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": (15,)}, "--labels: expected multiples of 10, as many of each class, got 15"),
        ({"labels": (60,)}, r"--labels: expected at most \d0, since there are \d training cases"),
        ({"shapes": ("5x5",)}, "--shapes: expected hidden units such as 500-500, .*, got '5x5'"),
        ({"shapes": ("5-0",)}, "--shapes: expected 1 unit or more in every layer, .*, got '5-0'"),
        ({"n_validation": 60}, "validation images: expected at most 60 for 1 disjoint sets"),
        ({"stack": "nowhere"}, "nowhere: expected a safetensors file"),
    ],
)
def test_what_cannot_be_meant_is_refused(config, tmp_path, changes, message):
    changes = {"workdir": str(tmp_path / "run")} | changes
    with pytest.raises(InputError, match=message) as caught:
        few_labels.run(dataclasses.replace(config, **changes))
    assert "\n" not in str(caught.value)


def test_a_stack_that_has_seen_other_cases_is_refused(config, result, tmp_path):
    given = str(Path(config.workdir) / "stack" / "stack.safetensors")
    other = dataclasses.replace(config, workdir=str(tmp_path / "run"), stack=given, split_seed=1)
    with pytest.raises(InputError, match="it may have seen this net's validation cases"):
        few_labels.run(other)
