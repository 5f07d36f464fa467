"""The step that is made by hand is the library's, and each row lacks what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from traced_work import equations, work

from dbnjax.learning import contrastive_divergence, updates
from dbnjax.training import greedy, loop
from experiments.benchmark import ablation as benchmark_ablation
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import parts as benchmark_parts
from experiments.benchmark.ablation import ALL, PRODUCTS, STEPS, at_hand, step_of
from experiments.benchmark.jobs import Sizes

KEY, BATCH, N_VISIBLE, N_HIDDEN = jax.random.key(0), 10, 16, 8
LEARNER = contrastive_divergence.contrastive_divergence()
HYPER = updates.hyper(0.1, momentum=0.5, decay=0.01, sparsity_cost=0.3)
CASES = np.random.default_rng(0).random((BATCH, N_VISIBLE), np.float32)
FIVE = 5 * BATCH * N_VISIBLE * N_HIDDEN  # multiplications
DRAWN = BATCH * N_HIDDEN


def first_state():
    return LEARNER.init(KEY, greedy.layer(KEY, N_VISIBLE, N_HIDDEN))


def test_the_step_by_hand_is_the_library_s():
    state, ours = first_state(), first_state()
    library, by_hand = jax.jit(LEARNER.step), jax.jit(step_of(ALL))
    for i in range(3):
        key = jax.random.key(i)
        state, expected = library(key, HYPER, state, CASES)
        ours, info = by_hand(key, HYPER, ours, CASES)
        for a, b in zip(*map(jax.tree.leaves, ((ours, info), (state, expected))), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert jax.tree.structure(ours) == jax.tree.structure(state)


@pytest.mark.parametrize(
    ("pieces", "draws", "sigmoids"),
    [
        (ALL, DRAWN, 3),
        (STEPS["no draws"], 0, 3),
        (STEPS["no sigmoid"], DRAWN, 0),
        (STEPS["no momentum and decay"], DRAWN, 3),
        (STEPS["no biases and info"], DRAWN, 3),
        (PRODUCTS, 0, 0),
    ],
)
def test_a_step_has_its_five_products_and_what_is_not_left_out(pieces, draws, sigmoids):
    given = step_of(pieces), KEY, HYPER, first_state(), CASES
    assert work(*given) == (FIVE, draws)
    traced = jax.make_jaxpr(given[0])(*given[1:]).jaxpr
    names = [equation.primitive.name for equation, _ in equations(traced)]
    assert names.count("logistic") == sigmoids


@pytest.mark.parametrize("name", STEPS)
def test_only_what_is_left_out_is_not_learned(name):
    before = first_state()
    after, info = step_of(STEPS[name])(KEY, HYPER, before, CASES)
    moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), after, before)
    bare = name == "no biases and info"
    others = (moved.params.visible, moved.params.hidden, moved.velocity.visible, moved.activity)
    assert set(jax.tree.leaves(others)) == {not bare}
    assert len(info) == (0 if bare else 2)
    assert moved.params.weights
    assert moved.velocity.weights == (name != "no momentum and decay")


@pytest.mark.parametrize("gathered", [True, False])
def test_a_minibatch_at_hand_leaves_nothing_to_gather_or_cast(gathered):
    prepare = greedy.layer_data("mean", "mean", 0) if gathered else at_hand
    pixels = np.zeros((2 * BATCH, N_VISIBLE), np.uint8)
    data = loop.put(pixels, np.zeros(len(pixels), int), 10, BATCH, balanced=False)
    program = loop.epoch_program(LEARNER, prepare, BATCH)
    context = () if gathered else jnp.asarray(CASES)
    lowered = program.lower(KEY, HYPER, first_state(), context, data)
    assert ("u8[" in lowered.compile().as_text()) == gathered


def test_every_part_has_a_row_beside_the_five_products():
    sizes = Sizes(layers=(8, 6), batch_size=10)
    setting = benchmark_jobs.setting(sizes, np.zeros((20, 16), np.uint8), np.zeros(20, int))
    jobs = benchmark_ablation.ablation(setting)
    names = ("the library's", *STEPS, "no gather and cast", "products alone, in a scan")
    assert [job.name for job in jobs] == [f"CD-1 of 16-8 by parts: {name}" for name in names]
    five = benchmark_parts.contrastive_divergence(10, 16, 8)
    assert all(job.parts == five for job in jobs)
