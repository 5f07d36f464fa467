"""Exact laws of Gibbs chains, and appendix B of the 2006 paper transcribed, in float64 NumPy.

Nothing here imports the library under test. Dimensions as in `oracles`.
"""

from typing import NamedTuple

import numpy as np
import oracles
from scipy.special import expit, softmax


def gibbs_kernel(joint: oracles.Joint) -> np.ndarray:
    """p(v' | v) of one full Gibbs step, h from v and then v' from h: `[Sv, Sv]`."""
    hidden = joint.probability / joint.visible_marginal[:, None]
    visible = joint.probability / joint.hidden_marginal
    return hidden @ visible.T


def after_steps(joint: oracles.Joint, start: np.ndarray, k: int) -> np.ndarray:
    """The law of v after k full steps from a law `[Sv]` of v."""
    return start @ np.linalg.matrix_power(gibbs_kernel(joint), k)


def hidden_means(joint: oracles.Joint) -> np.ndarray:
    """E[h | v], `[Sv, n_hidden]`."""
    return (joint.probability / joint.visible_marginal[:, None]) @ joint.hidden.states


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p || q) in nats."""
    inside = p > 0
    return float((p[inside] * np.log(p[inside] / q[inside])).sum())


def conditioned(joint: oracles.Joint, visible: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The joint probabilities given that the state is among those kept, `[Sv, Sh]`.

    Args:
      joint: a machine.
      visible: `[Sv]` bool, the visible states that are kept.
      hidden: `[Sh]` bool, the same of the hidden states.
    """
    kept = np.where(visible[:, None] & hidden, joint.probability, 0.0)
    return kept / kept.sum()


class Weights(NamedTuple):
    """Parameters of the net of figure 1 under the names of appendix B."""

    vishid: np.ndarray
    hidpen: np.ndarray
    hidrecbiases: np.ndarray
    penrecbiases: np.ndarray
    hidvis: np.ndarray
    penhid: np.ndarray
    visgenbiases: np.ndarray
    hidgenbiases: np.ndarray
    pentop: np.ndarray
    labtop: np.ndarray
    pengenbiases: np.ndarray
    labgenbiases: np.ndarray
    topbiases: np.ndarray


class Uniforms(NamedTuple):
    """The calls of `rand` in appendix B; lists hold one array an iteration."""

    wakehid: np.ndarray
    wakepen: np.ndarray
    waketop: np.ndarray
    negpen: list[np.ndarray]
    negtop: list[np.ndarray]
    sleephid: np.ndarray


def up_down_gradients(w: Weights, data: np.ndarray, targets: np.ndarray, rand: Uniforms) -> Weights:
    """What appendix B adds to each parameter at r = 1, averaged over the rows of `data`.

    With the errata mended: `waketop*` throughout, `poshidstates` read as `wakehidstates`.
    """
    wakehidstates = rand.wakehid < expit(data @ w.vishid + w.hidrecbiases)
    wakepenstates = rand.wakepen < expit(wakehidstates @ w.hidpen + w.penrecbiases)
    to_top = wakepenstates @ w.pentop + targets @ w.labtop + w.topbiases
    waketopstates = 1.0 * (rand.waketop < expit(to_top))
    poslabtopstatistics = targets.T @ waketopstates
    pospentopstatistics = wakepenstates.T @ waketopstates

    negtopstates = waketopstates
    for rand_pen, rand_top in zip(rand.negpen, rand.negtop, strict=True):
        negpenstates = 1.0 * (rand_pen < expit(negtopstates @ w.pentop.T + w.pengenbiases))
        neglabprobs = softmax(negtopstates @ w.labtop.T + w.labgenbiases, axis=-1)
        to_top = negpenstates @ w.pentop + neglabprobs @ w.labtop + w.topbiases
        negtopstates = 1.0 * (rand_top < expit(to_top))
    negpentopstatistics = negpenstates.T @ negtopstates
    neglabtopstatistics = neglabprobs.T @ negtopstates

    sleeppenstates = negpenstates
    sleephidstates = 1.0 * (rand.sleephid < expit(sleeppenstates @ w.penhid + w.hidgenbiases))
    sleepvisprobs = expit(sleephidstates @ w.hidvis + w.visgenbiases)

    psleeppenprobs = expit(sleephidstates @ w.hidpen + w.penrecbiases)
    psleephidprobs = expit(sleepvisprobs @ w.vishid + w.hidrecbiases)
    pvisprobs = expit(wakehidstates @ w.hidvis + w.visgenbiases)
    phidprobs = expit(wakepenstates @ w.penhid + w.hidgenbiases)

    n = len(data)
    return Weights(
        vishid=sleepvisprobs.T @ (sleephidstates - psleephidprobs) / n,
        hidpen=sleephidstates.T @ (sleeppenstates - psleeppenprobs) / n,
        hidrecbiases=(sleephidstates - psleephidprobs).mean(0),
        penrecbiases=(sleeppenstates - psleeppenprobs).mean(0),
        hidvis=wakehidstates.T @ (data - pvisprobs) / n,
        penhid=wakepenstates.T @ (wakehidstates - phidprobs) / n,
        visgenbiases=(data - pvisprobs).mean(0),
        hidgenbiases=(wakehidstates - phidprobs).mean(0),
        pentop=(pospentopstatistics - negpentopstatistics) / n,
        labtop=(poslabtopstatistics - neglabtopstatistics) / n,
        pengenbiases=(wakepenstates - negpenstates).mean(0),
        labgenbiases=(targets - neglabprobs).mean(0),
        topbiases=(waketopstates - negtopstates).mean(0),
    )


class Centred(NamedTuple):
    """A binary machine with E = -(v - mu) b - (h - la) c - (v - mu) W (h - la)."""

    b: np.ndarray
    c: np.ndarray
    w: np.ndarray


def centre(b: np.ndarray, c: np.ndarray, w: np.ndarray, mu: np.ndarray, la: np.ndarray) -> Centred:
    """Rewrites a plain machine (v b + h c + v W h) with offsets; the same distribution."""
    return Centred(b + w @ la, c + mu @ w, w)


def centred_step(
    machine: Centred, mu: np.ndarray, la: np.ndarray, v0: np.ndarray, vk: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One gradient step of the centred machine with fixed offsets, given both chain ends.

    Returns:
      The plain machine's visible bias, hidden bias and weights after the step.
    """
    h0, hk = (expit(machine.c + (v - mu) @ machine.w) for v in (v0, vk))
    b = machine.b + rate * (v0.mean(0) - vk.mean(0))
    c = machine.c + rate * (h0.mean(0) - hk.mean(0))
    positive, negative = (v0 - mu).T @ (h0 - la) / len(v0), (vk - mu).T @ (hk - la) / len(vk)
    w = machine.w + rate * (positive - negative)
    return b - w @ la, c - mu @ w, w
