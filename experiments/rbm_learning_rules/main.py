"""What `python -m experiments.rbm_learning_rules` runs."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from dbnjax import checks, files
from dbnjax.models import stack as stack_lib
from dbnjax.models.rbm import RBM
from dbnjax.scoring import log_z
from dbnjax.training import greedy, loop, metrics, stages
from dbnjax.units import Bernoulli
from dbnjax.weights import io
from experiments.common import binarised, nets, resumable, workdir
from experiments.common.binarised import Cases
from experiments.rbm_learning_rules import report, train
from experiments.rbm_learning_rules.config import ABOVE, INTERVAL, Config
from experiments.rbm_learning_rules.train import Task

TOLD = ("epochs", "binarisation", "binarisation_seed", "seed")  # options in a saved net


def run(config: Config) -> dict[str, Any]:
    """Compares the rules, or goes on with an unfinished run.

    Returns:
      What `rules.json` holds.

    Raises:
      InputError: an option, the images, the net below or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    cases = binarised.read(config)
    checks.check_batch_size(config.batch_size, len(cases.train.pixels))
    lower = read_below(config.below, cases.shape[0] * cases.shape[1], config.binarisation)

    def learn(folder: Path) -> tuple[report.Record, resumable.Makers]:
        return finish(prepare(config, cases, lower, stages.Place(folder)), cases), {}

    inputs = {"data_dir": (cases.train, cases.judged), "below": lower}
    record = resumable.run(config, report.REPORT, inputs, learn, {report.FIGURE: config.figure})
    if config.output is not None:
        files.write_json(config.output, record | {"figure": config.figure})
    return record


def read_below(path: str | None, n_pixels: int, binarisation: str) -> tuple[RBM, ...]:
    """Reads the RBMs below, from the bottom up, none without a file.

    Raises:
      InputError: the file is no binary RBM or stack without labels, or of other images or pixels.
    """
    if path is None:
        return ()
    model, metadata = io.load(path)
    rbms: tuple[RBM, ...] = (model,) if isinstance(model, RBM) else getattr(model, "rbms", ())
    units = [unit for rbm in rbms for unit in (rbm.visible, rbm.hidden)]
    other = {type(unit).__name__ for unit in units if not isinstance(unit, Bernoulli)}
    with_others = f" with {', '.join(sorted(other))} units" if other else ""
    checks.require(
        bool(rbms) and not other,
        f"{path}: expected an RBM or a stack of binary units without labels, got "
        f"{type(model).__name__}{with_others}; another cannot be joined",
    )
    checks.require(
        rbms[0].visible.size == n_pixels,
        f"{path}: expected {n_pixels} visible units, as many as the images have pixels, got "
        f"{rbms[0].visible.size}; reduce the images with --side or use another net",
    )
    learned = nets.learned_from(metadata)
    checks.require(
        learned is None or nets.alike(learned, binarisation),
        f"{path}: expected --binarisation={learned}, of which its RBMs learned, got "
        f"{binarisation}; the RBM on top would learn what these make of other pixels",
    )
    return rbms


def prepare(config: Config, cases: Cases, lower: tuple[RBM, ...], place: stages.Place) -> Task:
    """Puts the cases on the device and makes the RBM that all rules start from.

    Raises:
      InputError: `--tied` without enough hidden units.
    """
    key, learned = jax.random.key(config.seed), cases.train
    labels, n_classes = learned.known_labels(), cases.n_classes
    data = loop.put(learned.pixels, labels, n_classes, config.batch_size, balanced=False)
    few = binarised.first(learned, log_z.MOMENTS_FROM)
    below, pixels = greedy.layers_of(lower), data.pixels[: log_z.MOMENTS_FROM]
    start = greedy.matched_layer(jax.random.fold_in(key, 0), config.n_hidden, below, pixels)
    return Task(
        config=config,
        key=key,
        lower=lower,
        start=greedy.tied_layer(start, lower[-1]) if config.tied else start,
        data=data,
        seen=binarised.states(config, few, "train"),
        judged=binarised.states(config, cases.judged, config.judged),
        place=place,
    )


def finish(task: Task, cases: Cases) -> report.Record:
    """Learns by every rule, writes the RBMs, each on top of those below, and returns the record."""
    config = task.config
    learned = {name: train.learn(task, name) for name in config.rules}
    record = result(task)
    for name, rbm in learned.items():
        about = {"rule": name, "rate": config.rate_of(name), "image_shape": list(cases.shape)}
        about |= {key: getattr(config, key) for key in TOLD}
        about |= {"command": record["command"], "commit": record["commit"]}
        joined = stack_lib.create((*task.lower, rbm)) if task.lower else rbm
        io.save(task.place.workdir / f"{name}.safetensors", joined, about)
    return record


def result(task: Task) -> report.Record:
    """Returns all that RESULTS.md and the figure need of a finished run."""
    config = task.config
    return {
        **workdir.described(task.place.workdir, config),
        "model": f"RBM {task.start.visible.size}-{config.n_hidden}",
        "below": [rbm.visible.size for rbm in task.lower],
        "pixels": binarised.in_words(config),
        "judged": config.judged,
        "cases": {"train": len(task.data.labels), config.judged: len(task.judged)},
        "rules": {name: curve(task, name) for name in config.rules},
    }


def curve(task: Task, name: str) -> report.Rule:
    """Returns where a rule stood when it was judged."""
    records = [r for r in metrics.read(task.place.metrics) if r.get("stage") == name]
    seconds = np.cumsum([record["learning_seconds"] for record in records])
    judged = [i for i, record in enumerate(records) if "log_p" in record]
    n_updates, last = len(task.data.labels) // task.config.batch_size, records[judged[-1]]
    above = [f"{ABOVE}{key}" for key in INTERVAL]
    looks: dict[str, Any] = {key: [records[i].get(key) for i in judged] for key in INTERVAL}
    return {
        "rate": task.config.rate_of(name),
        "updates": [(i + 1) * n_updates for i in judged],
        "seconds": seconds[judged].tolist(),
        "log_p": looks["log_p"],
        "low": looks["low"],
        "high": looks["high"],
        "reverse": [last.get(key) for key in above] if above[0] in last else [],
        "doubts": train.doubts(task.config, last),
    }
