"""What `python -m experiments.likelihood` runs: a net and images that fit each other, scored.

In parts, each timed: log Z, scores of images, RAISE on a few.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, files
from dbnjax.evaluation import ais, bounds, exact, schedules
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.path import Path
from dbnjax.scoring import both_sides, log_z, means, read_outs, tempered_samples
from dbnjax.scoring.log_z import Advance
from dbnjax.training import evaluate, metrics
from dbnjax.types import Array, Key
from dbnjax.units import Bernoulli
from experiments.common import binarised, nets, options, provenance
from experiments.common.binarised import Cases
from experiments.common.nets import Net
from experiments.likelihood import report
from experiments.likelihood import reported as names
from experiments.likelihood.config import Config

SPACINGS = {"linear": schedules.linear, "piecewise": schedules.piecewise}
NOTHING: means.Points = {names.FREE: (0.0, 0.0)}  # of log Z to subtract


@dataclasses.dataclass(frozen=True)
class Task:
    """What is scored.

    Attributes:
      config: the run's options.
      net: the net.
      cases: the images.
      key: of the whole run.
      path: from the base rates to the top RBM.
      seconds: of the parts that are done, by title; filled as they end.
    """

    config: Config
    net: DBN
    cases: Cases
    key: Key
    path: Path
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def part(self, title: str, n_calls: int, unit: str) -> Iterator[Advance]:
        """Shows the progress of a part of the run, and notes its seconds."""
        began = time.perf_counter()
        with metrics.progress(n_calls, title, unit=unit) as advance:
            yield advance
        self.seconds[title] = time.perf_counter() - began


class LogZ(NamedTuple):
    """What is known of log Z of a top RBM.

    Attributes:
      points: from below, from above and, of a small one, exactly, by column.
      record: what a record holds of it, as `report.LogZ`.
      warnings: what speaks against the estimates.
    """

    points: means.Points
    record: dict[str, Any]
    warnings: list[str]


def run(config: Config) -> dict[str, Any]:
    """Scores a net, prints and returns what is found, and writes it if that is asked.

    Raises:
      InputError: an option, the net or the images cannot be used, or do not fit each other.
    """
    config.check_options()
    files.check_place(config.output)
    net = nets.read_net(config.net)
    cases = binarised.read(config)
    check_fit(config, net, cases)
    began = time.perf_counter()
    task = prepare(config, net.dbn, cases)
    found = estimate_log_z(task)
    rows = [*score(task, found.points), *score_subset(task)]
    record: dict[str, Any] = {
        "model": nets.architecture(net.dbn),
        "net": nets.origin(net.metadata),
        "dataset": binarised.dataset(config),
        "pixels": binarised.in_words(config),
        "binarisation": config.binarisation,
        "precision": "float32 products, compensated log weights",
        "log_z": found.record,
        "rows": rows,
        "warnings": [*found.warnings, *means.warnings(rows), *doubts(config, net)],
        "seconds": task.seconds | {"in all": time.perf_counter() - began},
        "command": options.command(config),
        **provenance.made(),
    }
    print(report.text(record))
    if config.output is not None:
        files.write_json(config.output, record)
    return record


def check_fit(config: Config, net: Net, cases: Cases) -> None:
    """Refuses images and nets that do not fit each other, before anything is computed."""
    memory, named = net.dbn.memory, config.net or "the shipped net"
    checks.require(
        memory.hidden.size > 0,
        f"{named}: expected an RBM with hidden units, got none; there is nothing to sum",
    )
    checks.require(
        cases.shape == net.shape,
        f"{binarised.dataset(config)}: expected images of {net.shape[0]} x {net.shape[1]} "
        f"pixels, which {named} was made for, got {cases.shape[0]} x {cases.shape[1]}; "
        "reduce them with --side or use another net",
    )
    checks.require(
        nets.has_binary_pixels(net.dbn) or config.binarisation == "real",
        f"{named}: expected --binarisation=real for "
        f"{type(dbn_lib.visible_unit(net.dbn)).__name__} pixels, got {config.binarisation}; they "
        "are not binary",
    )
    group = stack_lib.label_group(memory)
    checks.require(
        group is None or group.size == cases.n_classes,
        f"{named}: expected a data set of as many classes as it has labels, got "
        f"{cases.n_classes} classes; it was made for other data",
    )


def doubts(config: Config, net: Net) -> list[str]:
    """Says in words what the numbers might be mistaken for."""
    found = []
    learned = nets.learned_from(net.metadata)
    if learned is None:
        found.append("the net does not say how its pixels were binarised")
    elif not nets.alike(learned, config.binarisation):
        found.append(
            f"the net learned from pixels of another binarisation ({learned}) than it is scored on "
            f"({config.binarisation})"
        )
    if config.binarisation == "real" and nets.has_binary_pixels(net.dbn):
        found.append("intensities are no states of binary units: these are no log-probabilities")
    if config.net is None and binarised.dataset(config) == "mnist5k":
        found.append(
            "mnist5k is a part of the images that the shipped net learned from; give MNIST's own "
            "test set by --data_dir"
        )
    return found


def prepare(config: Config, net: DBN, cases: Cases) -> Task:
    """Finds the base rates of the top RBM."""
    labelled = stack_lib.label_group(net.memory) is not None
    few = binarised.first(cases.train, log_z.MOMENTS_FROM)
    v = binarised.states(config, few, "train")
    labels = binarised.labels(cases, few) if labelled else None
    path = log_z.base_path(net, v, labels)
    return Task(config, net, cases, jax.random.key(config.seed), path)


def estimate_log_z(task: Task) -> LogZ:
    """Estimates log Z of the top RBM from both sides, and exactly if it is small."""
    config, truth = task.config, None
    if log_z.is_small(task.net.memory):
        with task.part("exact", 1, "sum") as advance:
            truth = float(exact.log_z(task.net.memory))
            advance({})
    reader = read_outs.state_reader(task.net, task.cases.shape)
    forward, reverse, walked = both_sides.estimate(
        jax.random.fold_in(task.key, 0),
        task.path,
        config.n_chains,
        SPACINGS[config.schedule](config.n_temperatures),
        config.temper_betas,
        config.temper_steps,
        reader and reader.read,
        task.part,
    )
    points = {
        names.FORWARD: (float(forward.log_z), means.half_width(forward)),
        names.REVERSE: (float(reverse.log_z), means.half_width(reverse)),
    } | ({} if truth is None else {names.EXACT: (truth, 0.0)})
    samples = tempered_samples.describe(walked) | {"classes_by": reader and reader.name}
    record = {
        "chains": config.n_chains,
        "temperatures": config.n_temperatures,
        "schedule": config.schedule,
        "exact": truth,
        "samples": samples,
        "forward": means.of_estimate(forward),
        "reverse": means.of_estimate(reverse),
    }
    against = [*ais.warnings(forward, reverse), *tempered_samples.warnings(samples)]
    return LogZ(points, record, against)


def score(task: Task, points: means.Points) -> list[dict[str, Any]]:
    """Returns the rows of the judged images and of as many training images."""
    judged, labelled = task.cases.judged, stack_lib.label_group(task.net.memory) is not None
    few = binarised.first(task.cases.train, len(judged.pixels))
    rows = []
    for number, (which, images) in enumerate({task.config.judged: judged, "train": few}.items()):
        key = jax.random.fold_in(task.key, 1 + number)
        v = binarised.states(task.config, images, which)
        labels = binarised.labels(task.cases, images) if labelled else None
        rows += score_images(task, key, which, v, labels, points)
    return rows


def score_images(
    task: Task, key: Key, which: str, v: Array, labels: Array | None, points: means.Points
) -> list[dict[str, Any]]:
    """Returns the rows of some images, without and, where the net has any, with their labels."""
    questions = (None,) if labels is None else (None, labels)
    n_calls = log_z.n_calls(len(v), evaluate.CHUNK) * len(questions)
    unit, rows = f"call of {evaluate.CHUNK} images", []
    with task.part(f"scores of {len(v):,} {which} images", n_calls, unit) as advance:
        for i, (quantity, known) in enumerate(zip(quantities(task), questions, strict=False)):
            key_i, n_samples = jax.random.fold_in(key, i), task.config.n_samples
            log_w = log_z.scores(key_i, task.net, v, known, n_samples, advance)
            if not task.net.generative:
                rows.append(means.row(quantity, which, log_w[0], points))
                continue
            rows += bounded(quantity, which, log_w, points)
            truth = log_z.exact_scores(task.net, v, known)
            if truth is not None:  # log Z is taken off already
                rows.append(means.row(quantity, which, truth, {names.EXACT: (0.0, 0.0)}))
    return rows


def quantities(task: Task) -> tuple[str, str]:
    """Returns what the scores are called, without and with labels.

    Intensities are no states of binary units: what stands in the place of log p(v) is named.
    """
    if task.config.binarisation != "real" or not nets.has_binary_pixels(task.net):
        return names.LOG_P, names.LOG_P_AND_LABEL
    what = "cross-entropy" if task.net.generative else "free energy less log Z"
    return f"negative {what} of intensities", f"negative {what} of intensities and label"


def bounded(
    quantity: str, which: str, log_w: np.ndarray, points: means.Points
) -> list[dict[str, Any]]:
    """Returns the rows of a deep net's quantity, from log w + log Z, `[n_samples, n]`."""
    device = jnp.asarray(log_w)
    bound, tighter = bounds.variational(device), log_z.importance_weighted(device)
    values, error = np.asarray(bound.value, np.float64), means.mean_error(bound.standard_error)
    return [
        means.row(names.bound_on(quantity), which, values, points, error),
        means.weighted_row(names.weighted(quantity), which, tighter, len(log_w), points),
    ]


def score_subset(task: Task) -> list[dict[str, Any]]:
    """Returns the rows of what only an RBM of binary pixels has, on the first images."""
    config, rbm = task.config, task.net.memory
    binary = isinstance(rbm.visible, Bernoulli) and config.binarisation != "real"
    if task.net.generative or not binary or not config.n_subset:
        return []
    few = binarised.first(task.cases.judged, config.n_subset)
    v = binarised.states(config, few, config.judged)
    key = jax.random.fold_in(task.key, 100)
    betas = SPACINGS[config.schedule](config.raise_temperatures)
    with both_sides.annealing(task.part, "RAISE", betas) as advance:
        raised = log_z.reverse_annealing_bound(
            key, task.path, v, config.raise_chains, betas, advance
        )
    pseudo = log_z.pseudo_log_likelihood(rbm, v)
    return [
        means.weighted_row(names.RAISE, config.judged, raised, config.raise_chains, NOTHING),
        means.row(names.PSEUDO, config.judged, pseudo, NOTHING),
    ]
