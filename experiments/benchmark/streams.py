"""Rows of one epoch over the same number of images, in memory and streamed from a folder."""

import atexit
import shutil
import tempfile
from pathlib import Path

from dbnjax.data import folder_writing, folders
from dbnjax.data.images import Images
from dbnjax.data.streams import Stream
from dbnjax.training import loop, streaming
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import parts as parts_lib
from experiments.benchmark.jobs import Job, Setting


def streams(setting: Setting) -> list[Job]:
    """CD-1 of the first machine, from the device and in chunks from a temporary folder."""
    sizes, machine = setting.sizes, setting.stack.rbms[0]
    shape = machine.weights.shape
    chunk = max(1, setting.n_steps // sizes.chunks) * sizes.batch_size
    stream = written(setting, temporary_folder() / "images")
    cases: dict[str, loop.Data | streaming.Chunks] = {
        "in memory": setting.data,
        "streamed from a folder": streaming.cut(stream, chunk, sizes.batch_size),
    }
    parts = parts_lib.contrastive_divergence(sizes.batch_size, *shape)
    what = jobs_lib.divergence(machine)
    name = "CD-1 epoch, {}-{}".format(*shape)
    return [
        jobs_lib.epochs(f"{name}, {where}", parts, what, found, sizes.batch_size)
        for where, found in cases.items()
    ]


def written(setting: Setting, folder: Path) -> Stream:
    """Writes the run's images, a row of pixels each, into a folder and opens it."""
    n, n_pixels = setting.pixels.shape
    images = Images(setting.pixels.reshape(n, 1, n_pixels), setting.labels)
    folder_writing.write(folder, [images], n, (1, n_pixels), {"from": "the benchmark"})
    return folders.read(folder, setting.sizes.n_labels)


def temporary_folder() -> Path:
    """Makes a folder that is there until the program ends: rows read it whenever they are timed."""
    folder = tempfile.mkdtemp(prefix="dbnjax-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
