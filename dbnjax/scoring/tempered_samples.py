"""Samples of an RBM by parallel tempering, for log Z from above, and how well its chains mix.

Swaps of states between neighbouring temperatures as in Desjardins, Courville, Bengio, Vincent and
Delalleau (2010), `dbnjax.sampling.tempering`; temperatures spaced by the rejected swaps of pilots,
`dbnjax.sampling.ladder`. What is said of the mixing comes from `dbnjax.evaluation.diagnostics`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.checks import InputError
from dbnjax.evaluation import diagnostics
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.path import Path
from dbnjax.models.rbm import RBM
from dbnjax.sampling import gibbs, ladder, tempering
from dbnjax.scoring import log_z
from dbnjax.scoring.log_z import Advance, silent
from dbnjax.types import Array, Key

PILOTS = 5  # runs before the samples', each of which spaces the temperatures anew
PILOT_STEPS = 20
CALL = 10  # steps in one compiled call; after each the chains of the target are looked at
LEAST_ACCEPTANCE = 0.1  # of the swaps between two temperatures
# Each chain gives one sample, which must have forgotten the chain's start, and no mean over a chain
# is reported: half of what is looked at worth 5 independent draws is enough, R-hat sqrt(1 + 1 / 5).
MOST_R_HAT = 1.1
MIXING = (
    "r_hat",
    "effective_sample_size",
    "autocorrelation_time",  # in steps
    "class_switches",  # share of the looks at which a chain shows another class than before
    "classes",  # that a chain shows in all, mean
)

_start = jax.jit(tempering.init, static_argnums=3)
_temper = jax.jit(tempering.chain, static_argnames="n_steps", donate_argnums=3)


class Walked(NamedTuple):
    """Chains that were carried on.

    Attributes:
      state: of the chains, `[n_betas, n_chains, n_units]`.
      acceptance: `[n_steps, n_betas - 1]` of neighbouring temperatures.
      source: `[n_steps, n_betas, n_chains]` as in `tempering.Info`.
      free_energy: `[n_steps / CALL, n_chains]` of the target's chains, after every call.
      classes: likewise, which class they show; None where nobody tells.
    """

    state: gibbs.State
    acceptance: np.ndarray
    source: np.ndarray
    free_energy: np.ndarray
    classes: np.ndarray | None


class Sampled(NamedTuple):
    """Samples of an RBM.

    Attributes:
      v: `[n_chains, n_visible]`.
      walked: the steps that led to them, without the pilots'.
    """

    v: Array
    walked: Walked


def n_calls(n_steps: int) -> int:
    """Returns how often `sample` tells of its progress."""
    pilot = log_z.n_calls(PILOT_STEPS, CALL)
    return PILOTS * pilot + log_z.n_calls(n_steps, CALL)


def sample(
    key: Key,
    path: Path,
    n_chains: int,
    n_betas: int,
    n_steps: int,
    advance: Advance = silent,
    read: Callable[[Array], Array] | None = None,
) -> Sampled:
    """Samples the target by parallel tempering down to the base rates, from where it starts.

    Pilots, the first at evenly spaced temperatures, find out where neighbours hardly swap, and the
    chains go on at temperatures that are closer together there. Where two swap next to never, one
    pilot cannot tell how far apart they are; the next one can. No training case is put in: what the
    samples cover the chains have found.

    Args:
      key: a PRNG key.
      path: from base rates.
      n_chains: number of samples.
      n_betas: temperatures from 1 to 0.
      n_steps: steps after the pilots until the samples are taken.
      advance: told after each of `n_calls(n_steps)` calls.
      read: returns the classes `[n_chains]` that states `[n_chains, n_visible]` show.
    """
    key_start, key_steps, *keys = jax.random.split(key, 2 + PILOTS)
    betas = jnp.linspace(1.0, 0.0, n_betas)
    state = _start(key_start, path, betas, n_chains)
    for key_pilot in keys:
        pilot = _walk(key_pilot, path, betas, state, PILOT_STEPS, advance)
        acceptance = pilot.acceptance[PILOT_STEPS // 2 :].mean(0)
        betas, state = ladder.respaced(betas, acceptance, n_betas), pilot.state
    walked = _walk(key_steps, path, betas, state, n_steps, advance, read)
    return Sampled(walked.state.visible[0], walked)


def _walk(
    key: Key,
    path: Path,
    betas: Array,
    state: gibbs.State,
    n_steps: int,
    advance: Advance,
    read: Callable[[Array], Array] | None = None,
) -> Walked:
    infos, energies, classes = [], [], []
    for i in range(0, n_steps, CALL):
        key_call, length = jax.random.fold_in(key, i), min(CALL, n_steps - i)
        state, info = _temper(key_call, path, betas, state, n_steps=length)
        infos.append(jax.device_get(info))
        energies.append(np.asarray(_free_energy(path.target, state.visible[0])))
        if read is not None:
            classes.append(np.asarray(read(state.visible[0])))
        advance({"least acceptance": float(infos[-1].acceptance.mean(0).min())})
    acceptance, source = (np.concatenate(parts) for parts in zip(*infos, strict=True))
    seen = np.stack(classes) if classes else None
    return Walked(state, acceptance, source, np.stack(energies), seen)


@jax.jit
def _free_energy(target: RBM, v: Array) -> Array:
    with jax.default_matmul_precision("highest"):
        return rbm_lib.free_energy(target, v)


def describe(walked: Walked) -> dict[str, Any]:
    """Returns how well chains mix as a JSON-able record.

    The free energies and classes of the target's chains are looked at `every` so many steps, in the
    second half of them: in the first the chains still forget their start. None stands for what
    cannot be said, because of what `unknown` names, or because nobody tells classes, or there is no
    finite value.
    """
    n_steps, n_betas, _ = walked.source.shape
    found: dict[str, Any] = {
        "temperatures": n_betas,
        "pilot_steps": PILOTS * PILOT_STEPS,
        "steps": n_steps,
        "every": CALL,
        "least_acceptance": float(walked.acceptance.mean(0).min()),
        "round_trips": float(diagnostics.round_trips(walked.source).mean()),
        **dict.fromkeys(MIXING),
        "unknown": None,
    }
    try:
        return found | _mixing(walked)
    except InputError as error:  # too few steps, energies that never change, no arviz-stats
        return found | {"unknown": str(error)}


def _mixing(walked: Walked) -> dict[str, float | None]:
    n_looks = len(walked.free_energy)
    trace = walked.free_energy[n_looks // 2 :]
    values = [
        diagnostics.r_hat(trace),
        diagnostics.effective_sample_size(trace),
        CALL * diagnostics.integrated_autocorrelation_time(trace),
    ]
    if walked.classes is not None:
        switches = diagnostics.class_switches(walked.classes[n_looks // 2 :])
        values += [switches.rate, float(switches.visited.mean())]
    return {
        name: value if np.isfinite(value) else None
        for name, value in zip(MIXING, values, strict=False)  # without classes the last two lack
    }


def warnings(samples: dict[str, Any]) -> list[str]:
    """Says in words what speaks against samples, as `describe` tells of them."""
    found = []
    if samples["least_acceptance"] < LEAST_ACCEPTANCE:
        found.append(
            "two temperatures of the samples swap with probability "
            f"{samples['least_acceptance']:.3f} only: take more temperatures"
        )
    if samples["round_trips"] < 1.0:
        found.append(
            f"the samples made {samples['round_trips']:.2f} round trips through the "
            "temperatures: take more steps, or the reverse estimate may be no upper one"
        )
    if samples["unknown"] is not None:
        found.append(f"nothing is known of how the samples mix: {samples['unknown']}")
    elif samples["r_hat"] is None or samples["r_hat"] > MOST_R_HAT:
        r_hat = "infinite" if samples["r_hat"] is None else f"{samples['r_hat']:.2f}"
        found.append(
            f"R-hat of the samples' free energies is {r_hat}: the chains have not forgotten where "
            "they started, and the reverse estimate may not be trusted; take more steps"
        )
    return found
