"""What experiments on a saved net are given: the net, and a user's images that fit it."""

import math
import sys
from typing import Any, NamedTuple

from dbnjax import checks
from dbnjax.data import classes as classes_lib
from dbnjax.data import idx, ink, preparation, sources
from dbnjax.data import images as image_lib
from dbnjax.data.classes import Classes
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.units import Bernoulli
from dbnjax.weights import io, shipped

# What a saved net tells of how it was made: scalars of its metadata, or of its run's summary.
ORIGIN = ("command", "commit", "preset", "stage", "rule", "rate", "epochs", "seed")
KEPT = ("classes", "ink")  # what a net goes on telling when it is saved anew
# What `mnist_dbn` says of the pixels that it learned from.
LEARNED = {"mean": "real", "sample": "resampled"}
DRAWN = ("fixed", "resampled")  # one law, so that a net may learn from one and meet the other


class Net(NamedTuple):
    """A saved net, ready to be asked.

    Attributes:
      dbn: the net; a machine or a stack is untied.
      shape: height and width of its images in pixels.
      metadata: what was saved with it.
    """

    dbn: DBN
    shape: tuple[int, int]
    metadata: dict[str, Any]


class Model(NamedTuple):
    """A saved model of any kind; the fields are those of `Net`."""

    model: DBN | Feedforward
    shape: tuple[int, int]
    metadata: dict[str, Any]


def about(classes: Classes, images: image_lib.Images) -> dict[str, Any]:
    """Returns what a saved net tells of the images that it learned from, JSON-able.

    That is their size, their classes and what their ink looks like.

    Args:
      classes: of the net's labels, in their order.
      images: what the net learned from.
    """
    return {
        "image_shape": list(images.pixels.shape[1:]),
        "classes": classes_lib.stored(classes),
        "ink": ink.record(images.pixels),
    }


def read_net(path: str | None) -> Net:
    """Reads the net of `--net`, or the one that comes with the package.

    Its images have the shape that the metadata's `image_shape` gives, or else are square.

    Raises:
      InputError: there is no such net, its image shape is none, its images cannot be square, or it
        is one that only classifies.
    """
    found = read_model(path)
    checks.require(
        isinstance(found.model, DBN),
        f"{path}: expected a net that generates, got a feedforward classifier; only "
        "experiments.classify can ask it",
    )
    assert isinstance(found.model, DBN)
    return Net(found.model, found.shape, found.metadata)


def read_model(path: str | None) -> Model:
    """Reads a net or a classifier; `shipped.CLASSIFIER` names the one that comes with the package.

    Raises:
      InputError: as `read_net`, but for its last reason.
    """
    model: RBM | Stack | DBN | Feedforward
    if path == shipped.CLASSIFIER:
        model, metadata = shipped.load_classifier()
    else:
        model, metadata = shipped.load() if path is None else io.load(path)
    if isinstance(model, RBM):
        model = stack_lib.create((model,))
    net = model if isinstance(model, DBN | Feedforward) else dbn_lib.untie(model)
    named = "the shipped net" if path is None else path
    n_pixels = count_pixels(net)
    side = math.isqrt(n_pixels)
    shape = metadata.get("image_shape", [side, side])
    checks.require(
        isinstance(shape, list)
        and len(shape) == 2
        and all(type(length) is int and length > 0 for length in shape),
        f"{named}: expected image_shape in its metadata to be a height and a width in pixels, got "
        f"{shape!r}; save the net again with both",
    )
    height, width = shape
    checks.require(
        height * width == n_pixels,
        f"{named}: expected visible units for images of {height} x {width}, got {n_pixels}; save "
        "the net with the height and width as image_shape in its metadata",
    )
    return Model(net, (height, width), metadata)


def count_pixels(net: DBN | Feedforward) -> int:
    """Returns the number of visible units, those for labels apart."""
    if isinstance(net, Feedforward):
        width: int = (*net.hidden, net.output)[0].weights.shape[-2]
        return width
    if net.generative:
        return net.generative[0].unit.size
    return stack_lib.feature_unit(net.memory).size


def architecture(net: DBN) -> str:
    """Names a net by its layers, such as `RBM 784-500` or `DBN 784-500-500-2000, 10 labels`."""
    sizes = [count_pixels(net), *(layer.unit.size for layer in net.recognition)]
    sizes.append(net.memory.hidden.size)
    labels = stack_lib.label_group(net.memory)
    name = f"{'DBN' if net.generative else 'RBM'} {'-'.join(map(str, sizes))}"
    return name if labels is None else f"{name}, {labels.size} labels"


def read_images(
    net: Net | Model, images: str | None, data_dir: str | None, split: str
) -> sources.Images:
    """Reads the images of `--images`, or those of `--data_dir` and `--split`.

    A net that learned from reduced images sees these reduced in the same way. Images unlike those
    that it learned from, inverted or transposed, get a warning.

    Raises:
      InputError: not exactly one of the two is given, the images cannot be read, or their size
        is not the net's.
    """
    checks.require(
        (images is None) != (data_dir is None),
        "expected images by --images (PNG or another picture, a folder of them, NPY) or by "
        f"--data_dir (IDX files), got {'neither' if images is None else 'both'}",
    )
    if images is not None:
        given = sources.Images(sources.read_images(images, net.shape), None)
    else:
        given = idx.read_folder(str(data_dir), split, need_labels=False)
    if reduced(net) and given.pixels.shape[1:] != net.shape:
        given = given._replace(pixels=preparation.downsample(given.pixels, net.shape[0]))
    size = given.pixels.shape[1:]
    checks.require(
        size == net.shape,
        f"{images or data_dir}: expected images of {net.shape[0]} x {net.shape[1]} pixels, which "
        f"this net was trained on, got {size[0]} x {size[1]}; resize them, reshape them if they "
        "are flattened, or use another net",
    )
    doubt = ink.doubt(net.metadata, given.pixels)
    if doubt is not None:
        print(f"warning: {images or data_dir}: {doubt}", file=sys.stderr, flush=True)
    return given


def classes(net: Net | Model, n: int) -> Classes:
    """Returns the n classes that a net knows; one that does not tell has their numbers alone."""
    return classes_lib.read(net.metadata, n)


def as_known(net: Net | Model, n: int, images: sources.Images) -> sources.Images:
    """Counts labels as a net of n classes does, by the numbers that its own data gave them.

    Raises:
      InputError: a label is of a class that the net does not know.
    """
    if images.labels is None:
        return images
    known = classes(net, n)
    return images._replace(labels=classes_lib.renumber("labels", known, images.labels))


def reduced(net: Net | Model) -> bool:
    """Returns whether the record of a net's run says that its images had been reduced."""
    side = told(net.metadata, "summary", "config", "side")
    return type(side) is int and side > 0


def told(metadata: dict[str, Any], *names: str) -> Any:
    """Returns what stands in metadata under names in names; None if another program wrote others.

    A net's metadata are its user's: only what the experiments wrote themselves is looked at.
    """
    found: Any = metadata
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def image_names(images: str | None, count: int) -> list[str]:
    """Returns the names of the pictures that were read, or else the images' numbers."""
    return [str(i) for i in range(count)] if images is None else image_lib.names(images, count)


def has_binary_pixels(net: DBN) -> bool:
    """Returns whether a net's pixels are binary units, of which intensities are no states."""
    return isinstance(dbn_lib.visible_unit(net), Bernoulli)


def alike(one: str, other: str) -> bool:
    """Returns whether pixels of two binarisations follow one law."""
    return one == other or {one, other} <= set(DRAWN)


def learned_from(metadata: dict[str, Any]) -> str | None:
    """Returns the binarisation of the pixels that a net learned from, None if it says nothing."""
    if "binarisation" in metadata:
        return str(metadata["binarisation"])
    return LEARNED.get(str(told(metadata, "summary", "config", "pixels")))


def origin(metadata: dict[str, Any]) -> dict[str, str | int | float]:
    """Returns how a net was made, as far as it says; a resumed run was made by several commits."""
    record = metadata if "command" in metadata else metadata.get("summary")
    if not isinstance(record, dict):
        return {}
    record = {**record, "stage": metadata.get("stage")}  # of the net, not of its run's record
    found = {n: record[n] for n in ORIGIN if isinstance(record.get(n), str | int | float)}
    later = record.get("later_commits")
    if "commit" in found and isinstance(later, list):
        found["commit"] = ", then ".join(map(str, [found["commit"], *later]))
    return found
