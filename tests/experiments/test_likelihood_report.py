"""Rows of likelihoods: which have an interval, and which are warned of."""

import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import ais, annealing
from dbnjax.evaluation.importance import log_mean
from experiments.likelihood import Config
from experiments.likelihood import report as likelihood_report


def estimate(log_weights):
    """An estimate of log Z from these weights, of a base whose log Z is 0."""
    n = len(log_weights)
    state = annealing.State(jnp.zeros((n, 1)), log_weights, jnp.zeros(n), jnp.ones(()), 0)
    return ais.forward(0.0, state)


def test_what_rests_on_few_weights_has_no_interval():
    even, few = jnp.zeros(50), jnp.zeros(50).at[0].set(30.0)
    log_z = likelihood_report.LogZ(estimate(even), estimate(few), 1.0, {})
    points = log_z.points()
    assert points["log Z forward"] == (0.0, 0.0)
    assert points["log Z reverse"][1] is None
    told = likelihood_report.describe(log_z, Config())
    assert [told["forward"][end] for end in ("low", "high")] == [0.0, 0.0]
    assert [told["reverse"][end] for end in ("low", "high")] == [None, None]
    row = likelihood_report.row("log p(v)", "test", np.array([3.0]), points)
    assert row["values"]["log Z reverse"][1:] == [None, None]
    assert row["values"]["log Z exact"] == [2.0, 2.0, 2.0]
    assert row["standard_error"] is None


def test_rows_of_few_weights_are_warned_of():
    quiet = {"least_acceptance": 1.0, "round_trips": 9.0, "unknown": None, "r_hat": 1.0}
    log_z = likelihood_report.LogZ(estimate(jnp.zeros(9)), estimate(jnp.zeros(9)), None, quiet)

    def row(log_weights):
        means, n = log_mean(log_weights), len(log_weights)
        return likelihood_report.weighted_row("x", "test", means, n, likelihood_report.NOTHING)

    one = row(jnp.zeros((1, 3)))
    few = row(jnp.zeros((20, 3)).at[0].set(30.0))
    even = row(jnp.log(jnp.array([[1.0, 1.0], [3.0, 3.0]])))
    assert [r["values"]["no log Z"][1:] for r in (one, few)] == [[None, None]] * 2
    value, low, high = even["values"]["no log Z"]
    # Two images of relative error 1 / 2 each.
    np.testing.assert_allclose([value, high - low], [np.log(2.0), 3.92 / 8**0.5], rtol=1e-3)
    (warning,) = likelihood_report.warnings(log_z, [one, few, even])
    assert warning.startswith("x of test images rests on 1.0 of 20 weights an image, too few for")
