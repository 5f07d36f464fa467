"""What a saved net tells of the images that it learned from, beside the record of its run."""

from typing import Any

from dbnjax.data import classes as classes_lib
from dbnjax.data import ink
from dbnjax.data.classes import Classes
from dbnjax.data.images import Images

KEPT = ("classes", "ink")  # what a net goes on telling when it is saved anew


def about(classes: Classes, images: Images) -> dict[str, Any]:
    """Returns the size of the images, their classes and what their ink looks like, JSON-able.

    Args:
      classes: of the net's labels, in their order.
      images: what the net learned from.
    """
    return {
        "image_shape": list(images.pixels.shape[1:]),
        "classes": classes_lib.stored(classes),
        "ink": ink.record(images.pixels),
    }
