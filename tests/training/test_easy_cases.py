"""Easy cases: who is taken, what it weighs, the gradient in expectation, what is remembered."""

import itertools

import feedforward_nets as nets
import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracles_feedforward as oracles
import pytest

from dbnjax.learning import backprop
from dbnjax.training import easy_cases, loop

KEY = jax.random.key(0)
N_CASES, BATCH = 13, 4  # a case is left over in every epoch
N_DRAWN = 12
NET = nets.net(sizes=(4, 3))
HYPER = backprop.hyper(0.5)
LEARNER = backprop.backprop(optax.sgd(1.0, momentum=0.5))

draw, single_step = jax.jit(easy_cases.draw, static_argnums=2), jax.jit(LEARNER.step)


def prepare(key, context, pixels, labels):
    del key, context
    return backprop.Batch(pixels / 255.0, jax.nn.one_hot(labels, 3))


@pytest.fixture(scope="module")
def program():
    """An epoch, and a list that grows whenever the learner's step is traced."""
    traces = []

    def step(key, hyper, state, batch):
        traces.append(1)
        return LEARNER.step(key, hyper, state, batch)

    return easy_cases.epoch_program(LEARNER._replace(step=step), prepare, BATCH), traces


def start():
    return easy_cases.start(LEARNER.init(KEY, nets.copy(NET)), N_CASES)


def cases():
    pixels = np.random.default_rng(0).integers(0, 256, (N_CASES, 2, 2), dtype=np.uint8)
    return loop.put(pixels, np.arange(N_CASES) % 3, 3, BATCH, balanced=False)


def costs_of(net, data):
    """The oracle's cross-entropy of every case."""
    targets = np.eye(3)[np.asarray(data.labels)]
    return oracles.cross_entropy(nets.exact(net), np.float64(data.pixels) / 255, targets)


def test_the_expected_gradient_of_a_sweep_is_the_plain_one(monkeypatch):
    """The exact sum over every choice of easy cases that a sweep can make."""
    easy = jnp.array([True, False, True, False, False, True])
    batch = nets.batch(6)
    state = LEARNER.init(KEY, NET)

    def moved(rows, weights):
        chosen = backprop.Batch(batch.visible[rows], batch.labels[rows], weights)
        return nets.moved(NET, single_step(KEY, HYPER, state, chosen)[0].params)

    monkeypatch.setattr(easy_cases, "SWEEPS", 1)
    expected = moved(jnp.arange(6), jnp.ones(6))
    total, certain, probabilities = [np.zeros(x.shape) for x in expected], 0.0, []
    for mask in itertools.product((False, True), repeat=6):

        def taken(key, probability, mask=mask):
            probabilities.append(np.float64(probability))
            return jnp.array(mask)

        with monkeypatch.context() as patched:
            patched.setattr(jax.random, "bernoulli", taken)
            rows, weights = easy_cases.draw(KEY, easy, 6)
        p = np.where(mask, probabilities[-1], 1 - probabilities[-1]).prod()
        if p > 0:  # only easy cases may be left out
            certain += p
            total = [t + p * x for t, x in zip(total, moved(rows, weights), strict=True)]
    assert certain == pytest.approx(1.0)
    assert sorted(probabilities[-1]) == pytest.approx([0.1] * 3 + [1.0] * 3)
    for got, plain in zip(total, expected, strict=True):
        np.testing.assert_allclose(got, plain, rtol=1e-5, atol=1e-6)


def test_easy_cases_are_taken_with_a_tenth_of_the_probability_and_weigh_ten():
    n = 2000
    easy = np.arange(n) % 2 == 0
    rows, weights = (np.asarray(x) for x in draw(KEY, jnp.asarray(easy), n))
    assert rows.shape == weights.shape == (n,)
    assert rows.dtype == np.int32
    np.testing.assert_allclose(weights, np.where(easy[rows], 10.0, 1.0), rtol=1e-6)
    got, p = easy[rows].mean(), 0.1 / 1.1  # of those that are taken
    assert abs(got - p) < 5 * np.sqrt(p * (1 - p) / n)
    # Every sweep takes all hard cases once, and the last one some of them, in another order.
    hard = rows[~easy[rows]]
    first, second = hard[: n // 2], hard[n // 2 :]
    assert sorted(first) == list(range(1, n, 2))
    assert 0 < len(second) == len(set(second))
    assert (first[: len(second)] != second).any()


def test_an_epoch_is_filled_even_if_all_cases_are_easy():
    n = 2000
    rows, weights = draw(KEY, jnp.ones(n, bool), n)
    # Twelve sweeps take 2,400 of them, with a deviation of 46.
    np.testing.assert_allclose(weights, np.full(n, 10.0), rtol=1e-6)
    assert len(np.unique(rows)) > n / 2


def test_every_sweep_is_an_order_of_its_own():
    n = 50
    rows, weights = draw(KEY, jnp.zeros(n, bool), 3 * n)
    sweeps = np.asarray(rows).reshape(3, n)
    np.testing.assert_array_equal(np.sort(sweeps, axis=1), np.tile(np.arange(n), (3, 1)))
    for one, other in itertools.combinations((np.arange(n), *sweeps), 2):
        assert (one != other).any()
    np.testing.assert_array_equal(weights, np.ones(3 * n))
    assert (draw(jax.random.key(1), jnp.zeros(n, bool), 3 * n)[0] != rows).any()


def test_what_the_sweeps_cannot_fill_weighs_nothing():
    n = 20
    rows, weights = (np.asarray(x) for x in draw(KEY, jnp.ones(n, bool), 3 * n))
    n_taken = (weights > 0).sum()
    # Twelve sweeps of a tenth of 20 cases.
    assert abs(n_taken - 24) < 5 * np.sqrt(240 * 0.1 * 0.9) < 24
    np.testing.assert_allclose(weights[:n_taken], 10.0, rtol=1e-6)
    assert not weights[n_taken:].any()
    assert ((rows >= 0) & (rows < n)).all()


def by_hand(key, state, data, easy_below):
    """An epoch in single steps, its memory of costs kept in float64."""
    key_rows, draws = jax.random.split(key)
    rows, weights = draw(key_rows, state.costs < easy_below, N_DRAWN)
    own, costs = state.learner, np.array(state.costs, np.float64)
    for i in range(N_DRAWN // BATCH):
        here = np.arange(i * BATCH, (i + 1) * BATCH)
        chosen = rows[here]
        costs[np.asarray(chosen)] = costs_of(own.params, data)[np.asarray(chosen)]
        batch = prepare(None, None, data.pixels[chosen], data.labels[chosen])
        batch = batch._replace(weights=weights[here])
        own, _ = single_step(jax.random.fold_in(draws, i), HYPER, own, batch)
    return own, costs


def assert_close(got, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), got, expected)


def test_an_epoch_is_its_steps_and_remembers_the_costs_before_them(program):
    epoch, traces = program
    data, state = cases(), start()
    assert np.isposinf(state.costs).all()
    below, n_easy = float(np.median(costs_of(NET, data))), []
    for i in range(3):
        key, given = jax.random.key(i), state
        n_easy.append(int((state.costs < below).sum()))
        expected, costs = by_hand(key, state, data, below)
        state, report = epoch(key, HYPER, state, None, data, jnp.float32(below))
        assert given.costs.is_deleted()
        assert given.params.output.weights.is_deleted()
        assert_close(state.learner, expected)
        assert_close(state.costs, costs)
        assert bool(report.finite)  # though what is not known yet is infinite
        if i == 0:
            assert np.isinf(state.costs).sum() == N_CASES - N_DRAWN
    assert n_easy[0] == 0
    assert 1 < n_easy[1] < N_CASES
    assert state.params is state.learner.params
    assert len(traces) == 1


def test_a_report_is_of_the_cases_that_the_drawn_ones_stand_for(program):
    """At a rate of zero: by their weights, though a step divides by the cases in its minibatch."""
    epoch, _ = program
    data, costs = cases(), costs_of(NET, cases())
    easy = costs < np.sort(costs)[10]
    state = start()._replace(costs=jnp.asarray(costs, jnp.float32))
    rows, weights = draw(jax.random.split(KEY)[0], jnp.asarray(easy), N_DRAWN)
    below = jnp.float32(np.sort(costs)[9:11].mean())
    _, report = epoch(KEY, backprop.hyper(0.0), state, None, data, below)
    assert np.asarray(weights).mean() > 2
    targets = np.asarray(data.labels)
    log_p = oracles.states(nets.exact(NET), np.float64(data.pixels) / 255)[-1]
    wrong = log_p.argmax(-1) != targets
    for got, each in ((report.info.cross_entropy, costs), (report.info.error, wrong)):
        assert_close(got, np.average(each[np.asarray(rows)], weights=weights))


def test_a_threshold_of_nothing_makes_every_epoch_a_plain_sweep(program):
    epoch, _ = program
    data, state = cases(), start()
    before = costs_of(NET, data)
    for i in range(2):
        state, report = epoch(
            jax.random.key(i), backprop.hyper(0.0), state, None, data, jnp.float32(0.0)
        )
        seen = np.isfinite(state.costs)
        assert seen.sum() >= N_DRAWN
        assert_close(state.costs[seen], before[seen])
        if i == 0:
            assert_close(report.info.cross_entropy, before[seen].mean())


def test_a_net_that_is_not_finite_is_reported(program):
    epoch, _ = program
    _, report = epoch(KEY, backprop.hyper(float("inf")), start(), None, cases(), jnp.float32(0.1))
    assert not bool(report.finite)


@pytest.mark.parametrize(("n_cases", "share"), [(20, 0.95), (60, 0.99), (600, 1.0)])
def test_easy_cases_of_few_weigh_a_little_less_than_hard_ones(n_cases, share):  # F31
    easy, n_keys = jnp.arange(n_cases) < n_cases // 2, 100_000 // n_cases

    def weigh(key):
        rows, weights = easy_cases.draw(key, easy, n_cases)
        return jnp.where(easy[rows], weights, 0).sum(), jnp.where(easy[rows], 0, weights).sum()

    keys = jax.random.split(jax.random.key(1), n_keys)
    of_easy, of_hard = np.float64(jax.jit(jax.vmap(weigh))(keys))
    found = of_easy.mean() / of_hard.mean()
    error = np.std(of_easy - found * of_hard) / of_hard.mean() / np.sqrt(n_keys)
    assert abs(found - share) < 0.01 + 4 * error  # the docstring says two digits
    assert found < 1.0 + 4 * error
