"""Which class a net sees: in images, chunk by chunk with progress, and in states of its chains."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.inference import classify
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import propagate
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import evaluate, loop, metrics
from dbnjax.types import Array, Key, PyTree
from dbnjax.units import Bernoulli
from dbnjax.weights import shipped


def count_classes(net: DBN | Feedforward) -> int:
    """Returns the number of classes that a net knows.

    Raises:
      InputError: it has no label units.
    """
    unit = dbn_lib.label_unit(net.memory) if isinstance(net, DBN) else net.output.unit
    n_classes: int = unit.size
    return n_classes


def class_probabilities(
    net: DBN | Feedforward,
    pixels: np.ndarray,
    read_out: str = "deterministic",
    key: Key | None = None,
    n_gibbs: int = 10,
    n_passes: int = 20,
) -> np.ndarray:
    """Returns the probability of every class under a read-out of section 6.2 of the 2006 paper.

    Args:
      net: a net with labels, or a feedforward net, which is asked by its softmax.
      pixels: `[n, ...]` uint8 images, an axis or two of pixels.
      read_out: deterministic (by the free energy of every label, after an up-pass of
        probabilities), stochastic (after one that draws), averaged (mean of several), or gibbs
        (mean over the iterations of the memory); a feedforward net knows the first alone.
      key: a PRNG key, None for the deterministic read-out, which draws nothing.
      n_gibbs: iterations of the Gibbs read-out.
      n_passes: up-passes of the averaged read-out.

    Returns:
      `[n, n_classes]`.

    Raises:
      InputError: the net has no labels or is not asked in this way, or the key lacks.
    """
    draws = read_out != "deterministic"
    checks.require(
        not (draws and isinstance(net, Feedforward)),
        "read_out: expected deterministic for a feedforward net, which draws nothing, got "
        f"{read_out}",
    )
    checks.require(not draws or key is not None, f"key: expected one for {read_out}, got none")
    ask = evaluate.read_outs(n_gibbs, n_passes)[read_out]
    if isinstance(net, Feedforward):
        ask = evaluate.softmax
    key = jax.random.key(0) if key is None else key
    flat = pixels.reshape(len(pixels), -1)
    chunks = [flat[i : i + evaluate.CHUNK] for i in range(0, len(flat), evaluate.CHUNK)]
    scores = []
    with metrics.progress(len(chunks), "classify", unit=f"chunk of {evaluate.CHUNK}") as advance:
        for i, chunk in enumerate(chunks):
            found = evaluate.scores(ask, jax.random.fold_in(key, i), net, jnp.asarray(chunk))
            scores.append(np.asarray(found.probabilities if read_out == "averaged" else found))
            advance({})
    joined = np.concatenate(scores)
    if read_out == "gibbs":
        return joined / n_gibbs
    return joined if read_out == "averaged" else np.exp(joined)


def wrong_cases(
    key: Key,
    asked: Mapping[str, tuple[DBN, Mapping[str, loop.Data]]],
    n_gibbs: int = 10,
    n_passes: int = 20,
) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Returns the cases that several nets get wrong under every read-out of section 6.2.

    Args:
      key: a PRNG key; all nets draw by the same one.
      asked: each net with labels, by its name, and by theirs the splits that it is judged on.
      n_gibbs: iterations of the Gibbs read-out.
      n_passes: up-passes of the averaged read-out, which gives two answers.

    Returns:
      The numbers of the cases by net, read-out and split.
    """
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    ask = evaluate.read_outs(n_gibbs, n_passes)
    with metrics.progress(len(asked) * len(ask), "read-outs", unit="read-out") as advance:
        for net_name, (net, splits) in asked.items():
            wrong = found[net_name] = {}
            for name, read_out in ask.items():
                for split, data in splits.items():
                    scores = evaluate.scores(read_out, key, net, data.pixels)
                    for title, values in _titled(name, scores).items():
                        guesses = np.asarray(values.argmax(-1))
                        cases = np.flatnonzero(guesses != np.asarray(data.labels))
                        wrong.setdefault(title, {})[split] = cases
                advance({})
    return found


def _titled(name: str, scores: PyTree) -> dict[str, Array]:
    """Returns a read-out's scores by what they are called; one that averages gives two."""
    if name != "averaged":
        return {name: scores}
    return {
        "averaged probabilities": scores.probabilities,
        "averaged log probabilities": scores.log_probabilities,
    }


class StateReader(NamedTuple):
    """Tells the classes that states of a net's top RBM show.

    Attributes:
      name: who tells them, as what is told of the classes says it.
      read: returns the classes `[n]` of visible states `[n, n_visible]` of the top RBM.
    """

    name: str
    read: Callable[[Array], Array]


def state_reader(net: DBN, shape: tuple[int, int]) -> StateReader | None:
    """Returns who tells the classes of the states of a net's top RBM, None if nobody can.

    The label units do. Without any the shipped net classifies what the net generates, if these are
    binary pixels of the size that the shipped net was made for.

    Args:
      net: a net.
      shape: height and width of its images.
    """
    if stack_lib.label_group(net.memory) is not None:
        return StateReader("as the label units show them", lambda v: _labels(net, v))
    classifier, about = shipped.load()
    binary = isinstance(dbn_lib.visible_unit(net), Bernoulli)
    if list(shape) != about["image_shape"] or not binary:
        return None
    return StateReader("as the shipped net sees them", lambda v: _seen(net, classifier, v))


@jax.jit
def _labels(net: DBN, v: Array) -> Array:
    _, labels = net.memory.visible.split(v)
    return labels.argmax(-1)


@jax.jit
def _seen(net: DBN, classifier: DBN, v: Array) -> Array:
    unused = jax.random.key(0)  # a pass of means draws nothing
    with jax.default_matmul_precision("highest"):
        pixels = (v, *propagate(unused, tuple(reversed(net.generative)), v, "mean"))[-1]
    return classify.deterministic(classifier, pixels).argmax(-1)
