"""Draws samples from a saved net: a page of images (2006 paper, section 7).

    python -m experiments.generate --output=digits.png
    python -m experiments.generate --net=net.safetensors --mode=complete --data_dir=FOLDER

clamped: a row for each class, its label clamped; every image from a chain of its own, 1,000 Gibbs
  iterations of the associative memory after a start from noise.
film: one chain a class, looked at every 1,000 iterations (figure 8 of the 2006 paper).
from_random: the same from an up-pass of a random binary image, every 20 iterations; the first
  column shows the start (figure 9).
free: chains from noise in which image and label run freely; each image comes with the net's own
  label, which is also printed.
complete: the lower half of given images is hidden and filled in. Approximate for a deep net (see
  `dbnjax.inference.complete`), exact Gibbs sampling for the net of one machine.

Images are pixel probabilities after a single down-pass. An output that ends in .npy holds the
images alone, float32 `[rows, columns, height, width]`.
784-500-500-2000 on two CPU cores: 18 s for the clamped page, under 8 s for the others. What to
expect: nearly every image of a well trained net is one that a person reads as its row's class.
"""

import dataclasses
import io
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, figures, files
from dbnjax.data import preparation
from dbnjax.inference import generate
from dbnjax.models import dbn as dbn_lib
from dbnjax.scoring import chains
from dbnjax.types import Key
from experiments.common import groups, nets, pictures, program
from experiments.common.nets import Net
from experiments.common.options import INPUT, PLACE, file_name, option

STEPS = {
    "clamped": 1000,
    "film": pictures.FILM_STEPS,
    "from_random": pictures.FROM_RANDOM_STEPS,
    "free": 1000,
    "complete": 50,
}
ALL = "all"
UNKNOWN = 0.25  # the grey of hidden pixels


@dataclasses.dataclass(frozen=True)
class Config(groups.Seed):
    """Options of the run; each is a flag."""

    net: str | None = option(
        None, "Saved net; without one, the net that comes with dbnjax.", role=INPUT, shown=file_name
    )
    mode: str = option("clamped", "What to sample.", tuple(STEPS))
    digits: tuple[str, ...] = option(
        (ALL,), "Classes to clamp, by their names, a row for each; all: every class of the net."
    )
    n_samples: int = option(10, "Images in a row; in all, if free.", least=1)
    n_steps: int = option(
        0,
        "Gibbs iterations of the memory before each image; rounds up and down the net when "
        f"completing with a deep one. 0: {', '.join(f'{m} {n}' for m, n in STEPS.items())}.",
        least=0,
    )
    images: str | None = option(
        None,
        "To complete: PNG or another picture, a folder of them, or NPY file.",
        role=INPUT,
        shown=file_name,
    )
    data_dir: str | None = groups.data_dir("To complete: folder of IDX files, gzipped or not.")
    split: str = option("test", "Which images of --data_dir.", ("train", "test"))
    output: str = option(
        "generated.png", "PNG page, or NPY file of the images, to write.", role=PLACE
    )
    seed: int = option(0, "Seed of every random draw.", least=0, below=groups.SEEDS)

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read or written."""
        super().check_options()
        checks.require(
            Path(self.output).suffix in (".png", ".npy"),
            f"--output: expected a .png or .npy file, got {self.output}",
        )
        files.check_place(self.output)


class Page(NamedTuple):
    """The samples of a net.

    Attributes:
      images: `[n_rows, n_columns, height, width]` in [0, 1].
      labels: `[n_columns]` int, the net's own labels of free samples, counted from 0, or
        None.
      figure: the images with captions.
    """

    images: np.ndarray
    labels: np.ndarray | None
    figure: Any


def run(config: Config) -> Page:
    """Imagines a page of images and writes it.

    Raises:
      InputError: the net, the images or an option cannot be used.
    """
    config.check_options()
    net = nets.read_net(config.net)
    n_steps = config.n_steps or STEPS[config.mode]
    draw = {"clamped": run_clamped, "free": run_freely, "complete": complete_halves}
    page = draw.get(config.mode, run_film)(jax.random.key(config.seed), config, net, n_steps)
    if Path(config.output).suffix == ".png":
        figures.save(page.figure, config.output)
    else:
        buffer = io.BytesIO()
        np.save(buffer, page.images)
        files.write_bytes(config.output, buffer.getvalue())
    print(f"{page.images.shape[0]} x {page.images.shape[1]} images: {config.output}")
    return page


def wanted(config: Config) -> tuple[str, ...] | None:
    """Returns the names of the classes to clamp, None for all."""
    return None if tuple(config.digits) == (ALL,) else config.digits


def run_clamped(key: Key, config: Config, net: Net, n_steps: int) -> Page:
    """Runs a chain from noise for every image, with the label of its row clamped."""
    clamped, names = pictures.label_states(net, wanted(config))
    labels = jnp.repeat(clamped, config.n_samples, axis=0)
    key_start, key_film = jax.random.split(key)
    state = generate.start_at_random(key_start, net.dbn, len(labels))
    clamp = generate.label_clamp(net.dbn, labels)
    _, (seen,) = chains.film(key_film, net.dbn, state, np.array([n_steps]), clamp)
    images = pictures.as_images(net, seen.reshape(len(names), config.n_samples, -1))
    figure = figures.image_rows(
        images,
        names,
        title="Samples of the net, one class per row",
        caption=f"Label clamped; each image after {n_steps} Gibbs iterations of the associative "
        "memory in a chain of its own from noise. Pixel probabilities after one down-pass.",
    )
    return Page(images, None, figure)


def run_film(key: Key, config: Config, net: Net, n_steps: int) -> Page:
    """Looks at a chain per class again and again, from noise (figure 8) or an image (figure 9)."""
    from_random = config.mode == "from_random"
    images, figure = pictures.clamped_chains(
        key, net, config.n_samples, from_random, n_steps, wanted(config)
    )
    return Page(images, None, figure)


def run_freely(key: Key, config: Config, net: Net, n_steps: int) -> Page:
    """Runs chains from noise in which image and label are both free, and prints the labels."""
    key_start, key_film = jax.random.split(key)
    state = generate.start_at_random(key_start, net.dbn, config.n_samples)
    state, (seen,) = chains.film(key_film, net.dbn, state, np.array([n_steps]), None)
    images = pictures.as_images(net, seen[None])
    _, states = dbn_lib.split_labels(net.dbn.memory, state.visible)
    labels = None
    captions = [str(i) for i in range(config.n_samples)]
    if states is not None:
        labels = np.asarray(states.argmax(-1))
        names = nets.classes(net, states.shape[-1]).names
        captions = [names[label] for label in labels]
        print("labels:", *captions)
    meaning = "" if labels is None else "; above, the net's own labels"
    title = f"Imagined freely in {n_steps} Gibbs iterations from noise{meaning}"
    return Page(images, labels, figures.gallery(images[0], captions, title))


def complete_halves(key: Key, config: Config, net: Net, n_steps: int) -> Page:
    """Hides the lower half of the first images and fills it in."""
    given = nets.read_images(net, config.images, config.data_dir, config.split)
    original = preparation.as_unit_interval(given.pixels[: config.n_samples])
    known = np.zeros(net.shape, bool)
    known[: net.shape[0] // 2] = True
    filled = chains.complete(key, net.dbn, original, known.ravel(), n_steps)
    rows = np.stack([np.where(known.ravel(), original, UNKNOWN), filled, original])
    images = pictures.as_images(net, rows)
    how = f"{n_steps} rounds through the net, {chains.ROUND} Gibbs iterations of its memory in each"
    figure = figures.image_rows(
        images,
        ["given", "completed", "original"],
        title="The lower half filled in",
        caption=f"After {how}: approximate."
        if net.dbn.generative
        else f"After {n_steps} Gibbs iterations of the machine.",
    )
    return Page(images, None, figure)


if __name__ == "__main__":
    program.launch(run, Config)
