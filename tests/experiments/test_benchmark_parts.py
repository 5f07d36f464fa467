"""The parts of every row are what its work is made of, and a repeated part does its work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from traced_work import counted, work

from dbnjax import dbn, gibbs, passes
from dbnjax.evaluation import annealing
from dbnjax.inference import classify
from dbnjax.learning import contrastive_divergence, persistent, up_down, updates
from dbnjax.models import path
from dbnjax.training import greedy
from experiments.benchmark import bare as benchmark_bare
from experiments.benchmark import parts as benchmark_parts
from experiments.benchmark.parts import Product, Sampled

LAYERS = (8, 6, 12)
WIDTHS, N_LABELS, N_TOP = (16, 8, 6), 10, 12  # small images below the same layers


def small_net():
    stack = greedy.learn_stack(
        jax.random.key(0), 16, LAYERS, N_LABELS, lambda level, machine, below: machine
    )
    return dbn.untie(stack)


PIXELS, LABELS = np.zeros((10, 16), np.uint8), np.arange(10)


RULES = {
    "cd": contrastive_divergence.contrastive_divergence(),
    "pcd": persistent.persistent_contrastive_divergence(10),
}


@pytest.mark.parametrize(
    ("rule", "parts"),
    [("cd", benchmark_parts.contrastive_divergence), ("pcd", benchmark_parts.persistent)],
)
def test_the_parts_of_a_machine_s_learning_are_what_a_step_does(rule, parts):
    learner = RULES[rule]
    state = learner.init(jax.random.key(0), greedy.layer(jax.random.key(0), 16, 8))
    done = work(learner.step, jax.random.key(0), updates.hyper(0.1), state, jnp.zeros((10, 16)))
    multiplications, draws = counted(parts(10, 16, 8))
    # Hidden states are drawn in both phases; XLA drops those that nothing uses.
    assert done == (multiplications, draws + 10 * 8)


@pytest.mark.parametrize("rule", RULES)
def test_the_parts_of_the_joint_layer_are_what_a_step_does(rule):
    net = small_net()
    learner = RULES[rule]
    if rule == "cd":
        learner = contrastive_divergence.contrastive_divergence(
            choices=greedy.choices("sample", N_LABELS)
        )
    state = learner.init(jax.random.key(0), net.memory)
    prepare = greedy.layer_data("sample", "sample", N_LABELS)

    def step(key, pixels, labels):
        batch = prepare(key, net.recognition, pixels, labels)
        return learner.step(key, updates.hyper(0.1), state, batch)

    done = work(step, jax.random.key(0), PIXELS, LABELS)
    multiplications, draws = counted(benchmark_parts.joint_layer(10, WIDTHS, N_LABELS, N_TOP))
    assert done == (multiplications, draws + 10 * N_TOP)  # and hidden states, as above


@pytest.mark.parametrize("n_steps", [1, 3])
def test_the_parts_of_up_down_are_what_a_step_does(n_steps):
    learner = up_down.up_down(n_steps)
    state = learner.init(jax.random.key(0), small_net())
    prepare = greedy.net_data("sample", N_LABELS)

    def step(key, pixels, labels):
        return learner.step(key, passes.hyper(0.1), state, prepare(key, None, pixels, labels))

    done = work(step, jax.random.key(0), PIXELS, LABELS)
    parts = benchmark_parts.up_down(10, WIDTHS, N_LABELS, N_TOP, n_steps)
    # The reconstruction error asks again for a prediction that XLA makes once.
    parts[benchmark_parts.forward(10, 8, 16)] += 1
    assert done == counted(parts)


def test_the_parts_of_classification_and_generation_are_what_they_do():
    net = small_net()
    done = work(classify.deterministic, net, jnp.zeros((10, 16)))
    assert done == counted(benchmark_parts.classification(10, WIDTHS, N_TOP))
    state = gibbs.State(jnp.zeros((4, 16)), jnp.zeros((4, N_TOP)))
    done = work(lambda key: gibbs.step(key, net.memory, state), jax.random.key(0))
    assert done == counted(benchmark_parts.gibbs(4, 6, N_LABELS, N_TOP))


def test_the_parts_of_annealing_are_what_a_temperature_costs():
    machine = greedy.layer(jax.random.key(0), 16, 8)
    line = path.from_base_rates(machine, jnp.full(16, 0.5), jnp.full(16, 0.25))
    chains = annealing.start(line, jnp.zeros((10, 16)), 0.0)
    done = work(lambda key: annealing.anneal(key, line, jnp.ones(1), chains), jax.random.key(0))
    parts = benchmark_parts.annealing(10, 16, 8)
    # The weight asks for the fields at both temperatures; XLA makes the one product for all.
    (up,) = [part for part in parts if isinstance(part, Product) and part.left == (10, 16)]
    parts[up] += 2
    assert done == counted(parts)


def test_a_part_in_full_float32_is_one_whatever_is_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(
        benchmark_bare,
        "multiply",
        lambda *_: seen.append(jax.config.jax_default_matmul_precision),
    )
    part = benchmark_parts.forward(4, 5, 3)
    with jax.default_matmul_precision("high"):
        for one in (part, part._replace(full=True)):
            benchmark_bare.runner(one, 2)()
    assert seen == ["high", "highest"]


@pytest.mark.parametrize(
    ("kind", "product"),
    [
        ("forward", lambda x, weights: x @ weights),
        ("backward", lambda y, weights: y @ weights.T),
        ("outer", lambda x, y: x.T @ y),
    ],
)
def test_a_repeated_product_feeds_on_its_last_result(kind, product):
    part = getattr(benchmark_parts, kind)(4, 5, 3)
    rng = np.random.default_rng(0)
    left, right = rng.random(part.left), 0.1 * rng.random(part.right)
    got = benchmark_bare.multiply(part.multiply, jnp.float32(left), jnp.float32(right), 3)
    for _ in range(3):
        expected = product(left, right)
        left[0, 0] = expected[0, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_repeated_draws_have_their_probabilities():
    drawn = np.asarray(benchmark_bare.runner(Sampled(200, 500), 2)())
    assert set(np.unique(drawn)) == {0.0, 1.0}
    # Probabilities are uniform: the mean of 100,000 draws has a standard error of 0.0016.
    assert abs(drawn.mean() - 0.5) < 0.008
