"""The net that comes with the package: a deep belief net of MNIST's digits, 784-500-500-2000.

Its weights are rounded to float16; `mnist.md` beside them is the model card, and the file's
metadata hold the whole record of the run that it comes from. How it was trained, and how well it
does, is the card's and RESULTS.md's to say.
"""

from pathlib import Path
from typing import Any

from dbnjax.models.dbn import DBN
from dbnjax.weights import io

PATH = Path(__file__).parent / "mnist.safetensors"
CARD = PATH.with_suffix(".md")


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
