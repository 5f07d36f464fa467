"""Diagnostics of chains against closed forms: white noise and autoregressive traces."""

import numpy as np
import pytest
from scipy.signal import lfilter

from dbnjax.checks import InputError
from dbnjax.evaluation import diagnostics

N_STEPS, N_CHAINS = 20_000, 8
N = N_STEPS * N_CHAINS


def autoregressive(phi, n_steps=N_STEPS, n_chains=N_CHAINS):
    """x_t = phi x_{t-1} + noise, from its stationary law: rho_t = phi^t."""
    noise = np.random.default_rng(3).normal(size=(n_steps, n_chains))
    noise[0] /= np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=0)


def test_the_autocorrelation_is_its_sum():
    traces = np.random.default_rng(0).normal(size=(7, 3)) + np.array([0.0, 1.0, 4.0])
    d = traces - traces.mean()
    direct = np.array([(d[: 7 - t] * d[t:]).sum() for t in range(7)])
    np.testing.assert_allclose(diagnostics.autocorrelation(traces), direct / direct[0], rtol=1e-12)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, -0.4])
def test_an_autoregressive_trace_has_its_autocorrelation_time_and_sample_size(phi):
    traces, tau = autoregressive(phi), (1 + phi) / (1 - phi)
    # Bartlett: the variance of an estimated rho_t is at most sum rho^2 / N.
    error = np.sqrt((1 + phi**2) / (1 - phi**2) / N)
    lags = np.arange(10)
    got = diagnostics.autocorrelation(traces)[:10]
    np.testing.assert_allclose(got, phi**lags, rtol=0, atol=5 * error)
    # Sokal: with a window M the relative variance of tau is (4 M + 2) / N.
    relative = np.sqrt((4 * max(5 * tau, 1) + 2) / N)
    time = diagnostics.integrated_autocorrelation_time(traces)
    np.testing.assert_allclose(time, tau, rtol=4 * relative + 1e-2)
    size = diagnostics.effective_sample_size(traces)
    np.testing.assert_allclose(size, N / tau, rtol=8 * relative)


def test_r_hat_is_one_where_chains_agree_and_large_where_they_do_not():
    together = autoregressive(0.5, 2_000)
    assert abs(diagnostics.r_hat(together) - 1.0) < 0.01
    apart = together + 3.0 * np.arange(N_CHAINS)
    assert diagnostics.r_hat(apart) > 2.0
    drifting = together + np.linspace(0.0, 6.0, len(together))[:, None]
    assert diagnostics.r_hat(drifting) > 1.3  # only the halves of a chain disagree
    wider = together * np.linspace(0.1, 3.0, N_CHAINS)
    assert diagnostics.r_hat(wider) > 1.1  # one mean, many widths
    assert diagnostics.r_hat(np.tile([0.0, 0.0, 1.0], (50, 1))) == np.inf


def test_chains_stuck_in_different_places_are_worth_a_draw_each():
    stuck = 0.01 * autoregressive(0.0, 1_000) + np.arange(N_CHAINS)
    assert diagnostics.integrated_autocorrelation_time(stuck) == np.inf
    assert diagnostics.effective_sample_size(stuck) < 2 * N_CHAINS
    assert diagnostics.effective_sample_size(0.01 * autoregressive(0.0, 1_000)) > 7_000


def test_class_switches_are_counted():
    classes = np.array([[3, 1], [3, 1], [7, 1], [3, 1], [3, 1]])
    switches = diagnostics.class_switches(classes)
    assert switches.rate == 2 / 8
    np.testing.assert_array_equal(switches.dwell_times, [2, 1, 2, 5])
    np.testing.assert_array_equal(switches.visited, [2, 1])


def test_round_trips_are_from_the_target_to_the_far_end_and_back():
    stay, even, odd = [0, 1, 2], [1, 0, 2], [0, 2, 1]
    # The last one's state reaches the target first, which is no round trip; the target's goes
    # down, waits, and comes back in the last step.
    moves = np.array([stay, odd, even, odd, stay, odd, even])
    still = np.tile(stay, (7, 1))
    source = np.stack([moves, still], axis=-1)
    np.testing.assert_array_equal(diagnostics.round_trips(source), [1, 0])
    np.testing.assert_array_equal(diagnostics.round_trips(source[:6]), [0, 0])


@pytest.mark.parametrize(
    ("traces", "message"),
    [
        (np.zeros(9), r"expected \[n_steps, n_chains\] with 4 steps or more, got shape \(9,\)"),
        (np.zeros((3, 2)), r"got shape \(3, 2\)"),
        (np.zeros((5, 0)), r"got shape \(5, 0\)"),
        (np.full((5, 2), np.nan), "traces: expected finite values"),
        (np.full((5, 2), 2.5), "expected values that change, got 2.5 throughout"),
    ],
)
@pytest.mark.parametrize(
    "of",
    [
        diagnostics.autocorrelation,
        diagnostics.integrated_autocorrelation_time,
        diagnostics.effective_sample_size,
        diagnostics.r_hat,
    ],
)
def test_traces_that_say_nothing_are_refused(of, traces, message):
    with pytest.raises(InputError, match=message):
        of(traces)


def test_one_chain_has_no_r_hat():
    with pytest.raises(InputError, match="expected 2 chains or more for R-hat, got 1"):
        diagnostics.r_hat(autoregressive(0.5, 50, 1))


@pytest.mark.parametrize("classes", [np.zeros((1, 3), int), np.zeros(4, int), np.zeros((4, 2))])
def test_classes_are_a_table_of_integers(classes):
    with pytest.raises(InputError, match=r"classes: expected integers \[n_steps, n_chains\]"):
        diagnostics.class_switches(classes)
