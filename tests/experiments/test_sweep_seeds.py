"""Sweeps over seeds and Gibbs iterations: together as alone, whose luck is whose, the choice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_sweep import cases, config, distance, learn, learn_alone, take

from dbnjax.training import ensembles, loop, pretraining
from experiments.mnist_dbn.train import stack_plan
from experiments.sweep import config as sweep_config
from experiments.sweep import main

BASE_SEED = 9


def key_words(key):
    return np.asarray(jax.random.key_data(key)).tolist()


@pytest.fixture
def shared(tmp_path):
    base = config(tmp_path, tmp_path, seed=BASE_SEED, batch_size=20)  # one update an epoch
    return main.Sweep(base, tmp_path, 10, *cases())


def test_seeds_and_iterations_together_are_what_they_are_alone(shared, tmp_path, monkeypatch):
    rows = jnp.arange(20).reshape(1, 20)  # alone a member orders the cases by its own seed
    monkeypatch.setattr(loop, "minibatches", lambda key, data, batch_size: rows)
    changes = {"layers": (16,), "batch_size": 20, "pixels": "mean", "memory_rule": "cd"}
    base = config(tmp_path, tmp_path, memory_rate=1.0, **changes)
    members = sweep_config.members(base, "seed=0,5;k=1,2;up_down_steps=1,3")
    sweep_config.check_together(members)
    stacks, tuned = learn(shared, members)
    i = 4
    assert members[i].varied == {"seed": 5, "k": 1, "up_down_steps": (1,)}
    net, selected = learn_alone(shared, members[i])
    assert distance(take(stacks.state, i), net) < 1e-5
    assert distance(take(tuned.learner.state, i), selected.learner) < 1e-5
    # Each of the three makes a difference that the tolerance can tell.
    assert distance(take(stacks.state, 0), net) > 1e-3
    assert distance(take(stacks.state, 6), net) > 1e-4
    assert distance(take(tuned.learner.state, 5), selected.learner) > 1e-3


def test_the_order_is_that_of_the_command_and_luck_is_a_members_own(shared, tmp_path):
    task = main.joint_task(shared, "greedy", ["base"])
    seeds = [jax.random.key(seed) for seed in (0, 5)]
    keys = ensembles.keys_of_epochs(task, seeds, lambda key: key)(3)
    common, *own = (
        loop.split_key(jax.random.fold_in(jax.random.key(seed), 3)) for seed in (BASE_SEED, 0, 5)
    )
    assert key_words(keys.order) == key_words(common.order)
    assert key_words(keys.draws) == [key_words(key.draws) for key in own]
    keys = ensembles.keys_of_epochs(task, seeds[1:] * 2, lambda key: key)(3)
    assert key_words(keys.draws) == key_words(own[1].draws)  # one key: drawn once for all


def test_first_weights_are_those_of_the_members_seed(shared, tmp_path):
    seeds, plan = [jax.random.key(seed) for seed in (0, 5)], stack_plan(shared.config)
    stacks = ensembles.first_stacks(shared.task(seeds[0], tmp_path), seeds, plan)

    def unlearned(level, first, below, n_labels):
        return first

    for i, key in enumerate(seeds):
        alone = pretraining.grow(shared.task(key, tmp_path), plan, unlearned)
        assert distance(take(stacks, i), alone) < 1e-7
    assert distance(take(stacks, 0), take(stacks, 1)) > 1e-3
