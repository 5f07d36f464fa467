"""The nets that come with the package: of MNIST's digits, 784-500-500-2000 both.

One is a deep belief net with labels, the other a feedforward classifier. Their weights are rounded
to float16; `mnist.md` and `mnist_classifier.md` beside them are the model cards, and the files'
metadata hold the whole record of the runs that they come from. How they were trained, and how well
they do, is the cards' and RESULTS.md's to say.
"""

from pathlib import Path
from typing import Any

from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.weights import io

PATH = Path(__file__).parent / "mnist.safetensors"
CARD = PATH.with_suffix(".md")
CLASSIFIER = "mnist_classifier"
CLASSIFIER_PATH = PATH.with_name(f"{CLASSIFIER}.safetensors")


def load() -> tuple[DBN, dict[str, Any]]:
    """Reads the shipped net.

    Its visible units are pixels `[784]` in [0, 1], row by row from the top left, bright ink on
    a dark ground; its labels are the digits 0 to 9.

    Returns:
      The net with float32 arrays, and its metadata.

    Example:
      >>> from dbnjax.inference import classify
      >>> net, metadata = load()
      >>> classify.deterministic(net, jnp.zeros((5, 784))).shape
      (5, 10)
    """
    net, metadata = io.load(PATH)
    assert isinstance(net, DBN)
    return net, metadata


def load_classifier() -> tuple[Feedforward, dict[str, Any]]:
    """Reads the shipped classifier; its pixels and labels are as those of `load`.

    Returns:
      The net with float32 arrays, and its metadata.

    Example:
      >>> from dbnjax.models import feedforward
      >>> net, metadata = load_classifier()
      >>> feedforward.log_probabilities(net, jnp.zeros((5, 784))).shape
      (5, 10)
    """
    net, metadata = io.load(CLASSIFIER_PATH)
    assert isinstance(net, Feedforward)
    return net, metadata
