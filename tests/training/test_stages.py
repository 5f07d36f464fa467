"""Stages: they resume where they stopped, record each epoch once, and stop when they diverge."""

import dataclasses

import jax.numpy as jnp
import pytest

from dbnjax.checks import InputError
from dbnjax.training import checkpoint, metrics, stages

ARCHITECTURE = {"model": "counter"}


def counting(n_epochs: int, stop_at: int | None = None, bad_at: int | None = None):
    def epoch(i: int, state):
        if i == stop_at:
            raise KeyboardInterrupt
        return {"x": 2 * state["x"] + i}, i != bad_at, {"error": float(i)}

    return stages.Stage("counting", n_epochs, epoch)


def start():
    return {"x": jnp.float32(1.0)}


def test_an_interrupted_stage_ends_as_an_uninterrupted_one(tmp_path):
    whole = stages.run(counting(5), start(), ARCHITECTURE, stages.Place(tmp_path / "whole"))
    place = stages.Place(tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        stages.run(counting(5, stop_at=3), start(), ARCHITECTURE, place)
    resumed = stages.run(counting(5), start(), ARCHITECTURE, place)
    assert float(resumed["x"]) == float(whole["x"])
    assert [r["epoch"] for r in metrics.read(place.metrics)] == [1, 2, 3, 4, 5]


def test_what_was_recorded_after_the_checkpoint_is_dropped(tmp_path):
    place = stages.Place(tmp_path)
    stages.run(counting(2), start(), ARCHITECTURE, place)
    metrics.append(place.metrics, {"stage": "counting", "epoch": 3, "error": -1.0})
    metrics.append(place.metrics, {"stage": "another", "epoch": 9})
    stages.run(counting(4), start(), ARCHITECTURE, place)
    mine = [r for r in metrics.read(place.metrics) if r["stage"] == "counting"]
    assert [r["epoch"] for r in mine] == [1, 2, 3, 4]
    assert mine[2]["error"] == 2.0
    assert any(r["stage"] == "another" for r in metrics.read(place.metrics))


def test_checkpoints_may_be_seldom_but_for_the_last(tmp_path):
    place = stages.Place(tmp_path, save_every=2)
    with pytest.raises(KeyboardInterrupt):
        stages.run(counting(5, stop_at=3), start(), ARCHITECTURE, place)
    assert checkpoint.latest_step(place.checkpoints("counting")) == 2
    resumed = stages.run(counting(5), start(), ARCHITECTURE, place)
    assert checkpoint.latest_step(place.checkpoints("counting")) == 5
    assert [r["epoch"] for r in metrics.read(place.metrics)] == [1, 2, 3, 4, 5]
    always = stages.run(counting(5), start(), ARCHITECTURE, stages.Place(tmp_path / "always"))
    assert float(resumed["x"]) == float(always["x"])


def test_a_finished_stage_runs_nothing(tmp_path):
    place = stages.Place(tmp_path)
    done = stages.run(counting(3), start(), ARCHITECTURE, place)
    again = stages.run(counting(3, stop_at=0), start(), ARCHITECTURE, place)
    assert float(again["x"]) == float(done["x"])


def test_a_stage_ends_early_when_its_state_says_so_and_stays_ended(tmp_path):
    place = stages.Place(tmp_path)
    patient = dataclasses.replace(counting(5), done=lambda state: float(state["x"]) >= 4.0)
    assert float(stages.run(patient, start(), ARCHITECTURE, place)["x"]) == 5.0
    impatient = dataclasses.replace(counting(5, stop_at=2), done=patient.done)
    assert float(stages.run(impatient, start(), ARCHITECTURE, place)["x"]) == 5.0
    assert [r["epoch"] for r in metrics.read(place.metrics)] == [1, 2]
    done_before = stages.run(
        patient, {"x": jnp.float32(9.0)}, ARCHITECTURE, stages.Place(tmp_path / "new")
    )
    assert float(done_before["x"]) == 9.0


def test_a_stage_without_epochs_hands_its_start_over(tmp_path):
    state = stages.run(counting(0), start(), ARCHITECTURE, stages.Place(tmp_path))
    assert float(state["x"]) == 1.0


def test_divergence_names_the_epoch_and_the_last_good_checkpoint(tmp_path):
    place = stages.Place(tmp_path)
    with pytest.raises(stages.DivergenceError, match=r"after epoch 3 of counting") as caught:
        stages.run(counting(5, bad_at=2), start(), ARCHITECTURE, place)
    assert str(place.checkpoints("counting") / "2") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert checkpoint.latest_step(place.checkpoints("counting")) == 2


def test_divergence_in_a_first_epoch_names_the_stage_before(tmp_path):
    place = stages.Place(tmp_path)
    stages.run(counting(1), start(), ARCHITECTURE, place)
    second = stages.Stage("second", 1, counting(1, bad_at=0).epoch)
    with pytest.raises(stages.DivergenceError) as caught:
        stages.run(second, start(), ARCHITECTURE, place)
    assert str(place.checkpoints("counting") / "1") in str(caught.value)


def test_another_architecture_is_refused(tmp_path):
    place = stages.Place(tmp_path)
    stages.run(counting(1), start(), ARCHITECTURE, place)
    with pytest.raises(InputError, match="architecture"):
        stages.run(counting(2), start(), {"model": "another"}, place)


def test_the_log_hears_every_epoch(tmp_path):
    heard = []
    place = stages.Place(tmp_path, log=lambda step, numbers: heard.append((step, numbers)))
    stages.run(counting(2), start(), ARCHITECTURE, place)
    assert heard == [(1, {"counting/error": 0.0}), (2, {"counting/error": 1.0})]
