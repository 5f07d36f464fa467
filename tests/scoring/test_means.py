"""Means over images: which have an interval, and which are warned of."""

import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import ais, annealing
from dbnjax.evaluation.importance import QUANTILE_95, log_mean
from dbnjax.scoring import means


def estimate(log_weights):
    """An estimate of log Z from these weights, of a base whose log Z is 0."""
    n = len(log_weights)
    state = annealing.State(jnp.zeros((n, 1)), log_weights, jnp.zeros(n), jnp.ones(()), 0)
    return ais.forward(0.0, state)


def test_what_rests_on_few_weights_has_no_interval():
    even, few = jnp.zeros(50), jnp.zeros(50).at[0].set(30.0)
    told = [means.of_estimate(estimate(weights)) for weights in (even, few)]
    assert [told[0][end] for end in ("low", "high")] == [0.0, 0.0]
    assert [told[1][end] for end in ("low", "high")] == [None, None]
    points = {
        "even": (0.0, means.half_width(estimate(even))),
        "few": (0.0, means.half_width(estimate(few))),
        "exact": (1.0, 0.0),
    }
    row = means.row("log p(v)", "test", np.array([3.0]), points)
    assert row["values"] == {"even": [3.0] * 3, "few": [3.0, None, None], "exact": [2.0] * 3}
    assert row["standard_error"] is None


def test_independent_errors_add_up_as_squares():
    value, low, high = means.interval(2.0, 3.0, error=4.0 / QUANTILE_95)
    np.testing.assert_allclose([value, low, high], [2.0, -3.0, 7.0], rtol=1e-6)
    assert means.interval(2.0, 3.0, error=None) == [2.0, None, None]
    assert means.mean_error(jnp.array([3.0, 4.0])) == 2.5


def test_rows_of_few_weights_are_warned_of():
    def row(log_weights):
        found, n = log_mean(log_weights), len(log_weights)
        return means.weighted_row("x", "test", found, n, {"no log Z": (0.0, 0.0)})

    one = row(jnp.zeros((1, 3)))
    few = row(jnp.zeros((20, 3)).at[0].set(30.0))
    even = row(jnp.log(jnp.array([[1.0, 1.0], [3.0, 3.0]])))
    assert [r["values"]["no log Z"][1:] for r in (one, few)] == [[None, None]] * 2
    value, low, high = even["values"]["no log Z"]
    # Two images of relative error 1 / 2 each.
    np.testing.assert_allclose([value, high - low], [np.log(2.0), 3.92 / 8**0.5], rtol=1e-3)
    (warning,) = means.warnings([one, few, even])
    assert warning.startswith("x of test images rests on 1.0 of 20 weights an image, too few for")
