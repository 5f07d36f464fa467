"""Sweeps over seeds and Gibbs iterations: together as alone, whose luck is whose, the choice."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_sweep import cases, config, distance, take

from dbnjax.models import dbn
from dbnjax.training import loop
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import fine_tuning as dbn_fine_tuning
from experiments.mnist_dbn import stages as dbn_stages
from experiments.sweep import main as sweep
from experiments.sweep import members as sweep_members
from experiments.sweep import outcomes as sweep_outcomes
from experiments.sweep import stacks as sweep_stacks
from experiments.sweep import together as sweep_together
from experiments.sweep import up_down as sweep_up_down

BASE_SEED = 9


def key_words(key):
    return np.asarray(jax.random.key_data(key)).tolist()


@pytest.fixture
def shared(tmp_path):
    return sweep_outcomes.Sweep(tmp_path, 10, *cases(), seed=BASE_SEED)


def with_seeds(tmp_path, *seeds):
    base = config(tmp_path, tmp_path, batch_size=20)  # one update an epoch
    return [dataclasses.replace(base, seed=seed) for seed in seeds]


def test_seeds_and_iterations_together_are_what_they_are_alone(shared, tmp_path, monkeypatch):
    rows = jnp.arange(20).reshape(1, 20)  # alone a member orders the cases by its own seed
    monkeypatch.setattr(loop, "minibatches", lambda key, data, batch_size: rows)
    changes = {"layers": (16,), "batch_size": 20, "pixels": "mean", "memory_rule": "cd"}
    base = config(tmp_path, tmp_path, memory_rate=1.0, **changes)
    members = sweep_members.make(base, "seed=0,5;k=1,2;up_down_steps=1,3")
    sweep_members.check_together(members)
    configs = [member.config for member in members]
    task = sweep_together.joint_task(shared, "all", members[0], ["all"])
    stacks = sweep_stacks.learn_stacks(task, configs)
    tuned = sweep_up_down.fine_tune(task, configs, stacks)
    i = 4
    assert members[i].varied == {"seed": 5, "k": 1, "up_down_steps": (1,)}
    own = shared.task(configs[i], tmp_path / "alone")
    net = dbn.untie(dbn_stages.learn_stack(own))
    selected = dbn_fine_tuning.fine_tune(own, net)
    assert distance(take(stacks.state, i), net) < 1e-5
    assert distance(take(tuned.learned.state, i), selected.learner) < 1e-5
    # Each of the three makes a difference that the tolerance can tell.
    assert distance(take(stacks.state, 0), net) > 1e-3
    assert distance(take(stacks.state, 6), net) > 1e-4
    assert distance(take(tuned.learned.state, 5), selected.learner) > 1e-3


def test_the_order_is_that_of_the_command_and_luck_is_a_members_own(shared, tmp_path):
    configs = with_seeds(tmp_path, 0, 5)
    member = sweep_members.Member(configs[0], {}, "base", "base")
    task = sweep_together.joint_task(shared, "greedy", member, ["base"])
    keys = sweep_stacks.epoch_keys(task, configs, lambda task: task.key)(3)
    common, *own = (
        loop.split_key(jax.random.fold_in(jax.random.key(seed), 3)) for seed in (BASE_SEED, 0, 5)
    )
    assert key_words(keys.order) == key_words(common.order)
    assert key_words(keys.draws) == [key_words(key.draws) for key in own]
    keys = sweep_stacks.epoch_keys(task, configs[1:] * 2, lambda task: task.key)(3)
    assert key_words(keys.draws) == key_words(own[1].draws)  # one key: drawn once for all


def test_first_weights_are_those_of_the_members_seed(shared, tmp_path):
    configs = with_seeds(tmp_path, 0, 5)
    stacks = sweep_stacks.first_stacks(shared.task(configs[0], tmp_path), configs)

    def unlearned(level, machine, below, n_labels):
        return machine

    for i, chosen in enumerate(configs):
        alone = dbn_stages.grow(shared.task(chosen, tmp_path), unlearned)
        assert distance(take(stacks, i), alone) < 1e-7
    assert distance(take(stacks, 0), take(stacks, 1)) > 1e-3


def test_the_table_of_a_sweep_over_seeds_says_what_they_choose(
    idx_folder, tmp_path, capsys, monkeypatch
):
    def learn(sweep, members):
        assert sweep.seed == BASE_SEED
        for member in members:
            diverged = member.config.up_down_rate == 0.5
            errors = None if diverged else member.config.seed + 1
            sweep_outcomes.write(sweep, member, sweep_outcomes.Outcome(1.0, errors, errors))

    monkeypatch.setattr(sweep_together, "learn", learn)
    grid = "seed=0,2;up_down_rate=0.1,0.5"
    chosen = config(idx_folder, tmp_path / "run", grid=grid, together="yes", seed=BASE_SEED)
    record = sweep.run(chosen)
    assert [row["varied"]["seed"] for row in record["rows"]] == [0, 0, 2, 2]
    printed = " ".join(capsys.readouterr().out.split())
    assert "| 0.1 | 20.00 ± 14.14 % | 10.00 ± 7.07 % | 2 | 0 |" in printed
    assert "chooses `--up_down_rate=0.1`: 20.00 % in the mean of 2 seeds." in printed


def test_iterations_of_the_phases_stand_in_a_grid_and_in_names():
    members = sweep_members.make(dbn_config.Config(), "up_down_steps=3-6-10, 1-1-2")
    assert [member.config.up_down_steps for member in members] == [(3, 6, 10), (1, 1, 2)]
    assert [(member.name, member.greedy) for member in members] == [
        ("base", "base"),
        ("up_down_steps=1-1-2", "base"),
    ]
