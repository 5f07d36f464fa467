"""Cases without a label against autodiff of the marginal log p(features)."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax.checks import InputError
from dbnjax.learning import missing_labels, phases, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.persistent import persistent_contrastive_divergence
from dbnjax.models import dbn, rbm

N = 40_000
TOLERANCE = 2.5 / np.sqrt(N)  # five errors of a mean of numbers in [0, 1]: labels alone are drawn
N_LABELS = 3
MEMORY = machines.labelled(5, 4, N_LABELS, 3)
FEATURES = jnp.asarray(oracles.binary_states(4), jnp.float32)
COUNTS = np.random.default_rng(6).multinomial(N, np.random.default_rng(9).dirichlet(np.ones(16)))
DRAWN = jnp.repeat(FEATURES, jnp.asarray(COUNTS), axis=0)
MISSING = dbn.join_labels(DRAWN, jnp.zeros(N_LABELS))
ONE_OF_K = jnp.eye(N_LABELS)

fill = jax.jit(missing_labels.fill)


@jax.jit
def clamped(visible):
    """The positive phase of whole cases, with hidden means."""
    return phases.positive_phase(key_of(0), MEMORY, visible, phases.Choices())


def law():
    """The oracle's p(label | features), `[16, 3]`: labels count fastest in its visible states."""
    marginal = machines.joint(MEMORY).visible_marginal.reshape(16, N_LABELS)
    return marginal / marginal.sum(1, keepdims=True)


@jax.jit
def slope(features):
    """Autodiff of the mean of log p(features) + log Z, labels and hidden units summed out."""
    return jax.grad(lambda memory: dbn.log_unnormalised(memory, features, None).mean())(MEMORY)


@jax.jit
def mean_statistics(phase, weights=None):
    """A machine-shaped mean over cases of what a positive phase measures."""
    n = len(phase.visible)
    weights = jnp.full(n, 1 / n) if weights is None else weights
    mean = partial(jax.tree.map, lambda x: weights @ x)
    coupled = (weights[:, None] * phase.visible).T @ phase.hidden
    return rbm.RBM(mean(phase.visible_statistics), mean(phase.hidden_statistics), coupled)


def assert_near(got, wanted, tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), got, wanted)


def differs(got, wanted, least):
    gaps = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), got, wanted)
    return max(jax.tree.leaves(gaps)) > least


def test_the_sum_over_labels_of_the_positive_phase_is_the_slope_of_the_marginal():
    """In exact expectation, under the oracle's p(label | features)."""
    whole = jnp.concatenate(
        [dbn.join_labels(FEATURES, jnp.broadcast_to(row, (16, 3))) for row in ONE_OF_K]
    )
    phase = clamped(whole)
    weights = jnp.asarray(law().T.reshape(-1) / 16, jnp.float32)
    assert_near(mean_statistics(phase, weights), slope(FEATURES), 1e-6)


def test_missing_labels_are_drawn_from_their_exact_law():
    filled = np.asarray(fill(key_of(1), MEMORY, MISSING))
    np.testing.assert_array_equal(filled[:, :4], DRAWN)
    cases = np.repeat(np.arange(16), COUNTS)
    for i in np.flatnonzero(COUNTS):
        shares = oracles.frequencies(np.eye(N_LABELS), filled[cases == i, 4:])
        floor = oracles.total_variation_floor(law()[i], int(COUNTS[i]))
        assert oracles.total_variation(shares, law()[i]) < floor


def test_known_labels_are_left_alone():
    labels = jax.nn.one_hot(jnp.arange(N) % 4 - 1, N_LABELS)  # every fourth is missing
    batch = dbn.join_labels(DRAWN, labels)
    known = np.flatnonzero(labels.any(-1))
    filled = fill(key_of(2), MEMORY, batch)
    np.testing.assert_array_equal(filled[known], batch[known])
    np.testing.assert_array_equal(filled[:, 4:].sum(-1), jnp.ones(N))


@pytest.mark.parametrize(
    "learner", [contrastive_divergence(), persistent_contrastive_divergence(8)], ids=["cd", "pcd"]
)
def test_a_step_on_whole_cases_is_the_learners_own(learner):
    batch = dbn.join_labels(DRAWN[:12], jax.nn.one_hot(jnp.arange(12) % 3, N_LABELS))
    state, hyper, key = learner.init(key_of(0), MEMORY), updates.hyper(0.1), key_of(7)
    expected, _ = jax.jit(learner.step)(jax.random.split(key)[1], hyper, state, batch)
    got, _ = jax.jit(missing_labels.imputed(learner).step)(key, hyper, state, batch)
    jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_a_step_follows_the_slope_of_the_marginal_in_expectation():
    """Two steps whose persistent chains are the same differ by their positive phases."""
    learner = missing_labels.imputed(persistent_contrastive_divergence(8))
    state, hyper = learner.init(key_of(0), MEMORY), updates.hyper(1.0)
    step = jax.jit(learner.step)
    known = jnp.zeros_like(MISSING).at[:, 4].set(1.0)
    after = [step(key_of(3), hyper, state, batch)[0].params for batch in (MISSING, known)]
    reference = mean_statistics(clamped(known))
    got = jax.tree.map(lambda a, b, c: a - b + c, *after, reference)
    wanted = slope(DRAWN)
    assert_near(got, wanted, TOLERANCE)
    # What a label's probabilities in the place of a draw would give, and even labels.
    soft = jnp.repeat(jnp.asarray(law(), jnp.float32), jnp.asarray(COUNTS), axis=0)
    for labels in (soft, jnp.full(N_LABELS, 1 / N_LABELS)):
        other = mean_statistics(clamped(dbn.join_labels(DRAWN, labels)))
        assert differs(other, wanted, 2 * TOLERANCE)


def test_new_label_units_change_nothing_yet():
    plain = machines.binary(3, 4, 3)
    joint = missing_labels.with_labels(plain, N_LABELS)
    scores = dbn.log_joint(joint, FEATURES)
    np.testing.assert_allclose(scores, jnp.broadcast_to(scores[:, :1], scores.shape), rtol=1e-6)
    np.testing.assert_allclose(scores[:, 0], -rbm.free_energy(plain, FEATURES), rtol=1e-5)


def test_a_machine_without_labels_is_refused():
    with pytest.raises(InputError, match="this net has no label units"):
        missing_labels.fill(key_of(0), machines.binary(3, 4, 3), FEATURES)


def key_of(seed):
    return jax.random.key(seed)
