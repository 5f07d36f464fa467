"""How well chains mix, from what was recorded of them; on the host, in float64.

A trace is a number that each chain shows at each step, `[n_steps, n_chains]`: its free energy, a
unit's activity, the score of a class. A chain that stays in one mode looks well mixed by itself.
Start several far apart: the numbers of a trace here compare each with what all of them show.

Effective sample size and R-hat are those of arviz-stats. Source: Vehtari et al. 2021 (both),
Sokal 1997, section 3 (the window of the autocorrelation time).
"""

from typing import Any, NamedTuple

import numpy as np

from dbnjax import checks
from dbnjax.data.optional import import_extra

_WINDOW = 5  # Sokal's window in autocorrelation times: beyond it the sum gains only noise


class ClassSwitches(NamedTuple):
    """How free-running chains move between classes.

    Attributes:
      rate: switches a step, mean over chains.
      dwell_times: `[n_stays]` steps that each stay in one class lasted, over all chains; the
        first and last stay of a chain are cut off by its ends.
      visited: `[n_chains]` number of different classes that each chain was in.
    """

    rate: float
    dwell_times: np.ndarray
    visited: np.ndarray


def autocorrelation(traces: Any) -> np.ndarray:
    """Returns the correlation of a trace with itself t steps later, `[n_steps]` for t = 0, 1, ...

    Deviations are from the mean over all chains, so that chains stuck in different places stay
    correlated for good.

    Args:
      traces: `[n_steps, n_chains]`.

    Raises:
      InputError: traces are not a finite table of at least 4 steps, or never change.
    """
    values = _checked(traces)
    deviations = values - values.mean()
    n_steps = len(values)
    spectrum = np.fft.rfft(deviations, 2 * n_steps, axis=0)  # padded: nothing wraps around
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:n_steps].mean(1)
    return covariance / covariance[0]


def integrated_autocorrelation_time(traces: Any) -> float:
    """Returns 1 + 2 sum rho_t in steps: so many steps are worth one independent draw.

    The sum ends at the first step that is 5 times what it has come to. It is infinite if there is
    no such step: the chains are too short, or too far apart, to tell.

    Args:
      traces: `[n_steps, n_chains]`.

    Raises:
      InputError: as in `autocorrelation`.
    """
    times = 2.0 * np.cumsum(autocorrelation(traces)) - 1.0
    # At least one step each: a trace that alternates would end its own sum too soon.
    enough = np.flatnonzero(np.arange(len(times)) >= _WINDOW * np.maximum(times, 1.0))
    return float(times[enough[0]]) if enough.size else float("inf")


def effective_sample_size(traces: Any) -> float:
    """Returns how many independent draws all the chains together are worth.

    Rank-normalised, of split chains, with Geyer's initial monotone sequence.

    Args:
      traces: `[n_steps, n_chains]`.

    Raises:
      InputError: as in `autocorrelation`, or arviz-stats is not installed.
    """
    return float(_statistics().ess(_checked(traces), chain_axis=1, draw_axis=0))


def r_hat(traces: Any) -> float:
    """Returns how much wider all chains spread than each half of one; 1 when they agree.

    The larger of the rank-normalised and the folded split R-hat. About sqrt(1 + 1 / m) where half
    a chain is worth m independent draws: Vehtari et al. ask for less than 1.01, 50 draws, before
    means over the chains are reported.

    Args:
      traces: `[n_steps, n_chains]`, at least two chains.

    Raises:
      InputError: as in `autocorrelation`, there is one chain, or arviz-stats is not installed.
    """
    values = _checked(traces)
    checks.require(
        values.shape[1] >= 2,
        "traces: expected 2 chains or more for R-hat, got 1; one chain cannot disagree",
    )
    with np.errstate(divide="ignore"):  # chains that never move: infinite
        return float(_statistics().rhat(values, chain_axis=1, draw_axis=0))


def class_switches(classes: Any) -> ClassSwitches:
    """Counts how free-running chains move between the classes that a classifier sees in them.

    Args:
      classes: `[n_steps, n_chains]` integers.

    Raises:
      InputError: classes are not a table of integers with at least 2 steps.
    """
    values = np.asarray(classes)
    checks.require(
        values.ndim == 2 and len(values) >= 2 and np.issubdtype(values.dtype, np.integer),
        "classes: expected integers [n_steps, n_chains] with 2 steps or more, got "
        f"{values.dtype} of shape {values.shape}",
    )
    changed = values[1:] != values[:-1]
    starts = np.concatenate([np.ones_like(changed[:1]), changed]).T.reshape(-1)
    dwell_times = np.diff(np.append(np.flatnonzero(starts), starts.size))
    visited = np.array([len(np.unique(chain)) for chain in values.T])
    return ClassSwitches(float(changed.mean()), dwell_times, visited)


def round_trips(source: Any) -> np.ndarray:
    """Counts the trips of tempered states from the target to the far end and back, `[n_chains]`.

    States that are handed down come back renewed; without round trips the lower temperatures do
    nothing for the target.

    Args:
      source: `[n_steps, n_betas, n_chains]` from the Info of `sampling.tempering.chain`.
    """
    sources = np.asarray(source)
    _, n_betas, n_chains = sources.shape
    columns = np.arange(n_chains)
    replica = np.tile(np.arange(n_betas)[:, None], n_chains)  # who is at each temperature
    started, returning = np.zeros((2, n_betas, n_chains), bool)
    trips = np.zeros(n_chains, int)
    for origin in sources:
        replica = np.take_along_axis(replica, origin, axis=0)
        target, far = (replica[0], columns), (replica[-1], columns)
        trips += returning[target]
        started[target], returning[target] = True, False
        returning[far] = started[far]
    return trips


def _checked(traces: Any) -> np.ndarray:
    values = np.asarray(traces, np.float64)
    checks.require(
        values.ndim == 2 and len(values) >= 4 and values.shape[1] >= 1,
        f"traces: expected [n_steps, n_chains] with 4 steps or more, got shape {values.shape}",
    )
    checks.check_finite("traces", values)
    checks.require(
        bool(np.ptp(values) > 0.0),
        f"traces: expected values that change, got {values.flat[0]:g} throughout; nothing can be "
        "said of how the chains mix",
    )
    return values


def _statistics() -> Any:
    return import_extra("arviz_stats.base").array_stats
