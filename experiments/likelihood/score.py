"""The parts of `experiments.likelihood`, each timed: log Z, scores of images, RAISE on a few."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import bounds
from dbnjax.evaluation import exact as exact_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.path import Path
from dbnjax.scoring import log_z as likelihood_estimates
from dbnjax.scoring.log_z import Advance
from dbnjax.training import evaluate, metrics
from dbnjax.types import Array, Key
from dbnjax.units import Bernoulli
from experiments.common import binarised, nets, tempered_samples
from experiments.common.binarised import Cases
from experiments.likelihood import classes, report
from experiments.likelihood import names as words
from experiments.likelihood.config import SCHEDULES, Config
from experiments.likelihood.report import NOTHING, LogZ, Points, mean_error


@dataclasses.dataclass(frozen=True)
class Task:
    """What is scored.

    Attributes:
      config: the run's options.
      net: the net.
      cases: the images.
      key: of the whole run.
      path: from the base rates to the top machine.
      seconds: of the parts that are done, by title; filled as they end.
    """

    config: Config
    net: DBN
    cases: Cases
    key: Key
    path: Path
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether the top machine has label units."""
        return stack_lib.label_group(self.net.memory) is not None


def prepare(config: Config, net: DBN, cases: Cases) -> Task:
    """Finds the base rates of the top machine."""
    few = binarised.first(cases.train, likelihood_estimates.MOMENTS_FROM)
    v = binarised.states(config, few, "train")
    labelled = stack_lib.label_group(net.memory) is not None
    labels = binarised.labels(cases, few) if labelled else None
    path = likelihood_estimates.base_path(net, v, labels)
    return Task(config, net, cases, jax.random.key(config.seed), path)


@contextlib.contextmanager
def part(task: Task, title: str, n_calls: int, unit: str) -> Iterator[Advance]:
    """Shows the progress of a part of the run, and notes its seconds."""
    began = time.perf_counter()
    with metrics.progress(n_calls, title, unit=unit) as advance:
        yield advance
    task.seconds[title] = time.perf_counter() - began


def annealing(
    task: Task, title: str, n_temperatures: int
) -> contextlib.AbstractContextManager[Advance]:
    """Shows and times a walk through temperatures."""
    call = likelihood_estimates.CALL
    n_calls = likelihood_estimates.n_calls(n_temperatures, call)
    return part(task, title, n_calls, f"call of {min(n_temperatures, call)} temperatures")


def estimate_log_z(task: Task) -> LogZ:
    """Estimates log Z of the top machine from both sides, and exactly if it is small."""
    config, path, exact = task.config, task.path, None
    key_forward, key_samples, key_reverse = jax.random.split(jax.random.fold_in(task.key, 0), 3)
    betas = SCHEDULES[config.schedule](config.n_temperatures)
    if likelihood_estimates.is_small(task.net.memory):
        with part(task, "exact", 1, "sum") as advance:
            exact = float(exact_lib.log_z(task.net.memory))
            advance({})
    with annealing(task, "forward", config.n_temperatures) as advance:
        forward = likelihood_estimates.forward(key_forward, path, config.n_chains, betas, advance)
    n_calls = tempered_samples.n_calls(config.temper_steps)
    reader = classes.reader(task.net, task.cases.shape)
    with part(task, "samples", n_calls, f"call of {tempered_samples.CALL} steps") as advance:
        sampled = tempered_samples.sample(
            key_samples,
            path,
            config.n_chains,
            config.temper_betas,
            config.temper_steps,
            advance,
            reader and reader.read,
        )
    with annealing(task, "reverse", config.n_temperatures) as advance:
        reverse = likelihood_estimates.reverse(key_reverse, path, sampled.v, betas, advance)
    told = tempered_samples.describe(sampled.walked) | {"classes_by": reader and reader.name}
    return LogZ(forward, reverse, exact, told)


def score(task: Task, log_z: LogZ) -> list[dict[str, Any]]:
    """Returns the rows of the judged images and of as many training images."""
    judged = task.cases.judged
    few = binarised.first(task.cases.train, len(judged.pixels))
    rows = []
    for number, (which, images) in enumerate({task.config.judged: judged, "train": few}.items()):
        key = jax.random.fold_in(task.key, 1 + number)
        v = binarised.states(task.config, images, which)
        name, with_label = names(task)
        questions: dict[str, Array | None] = {name: None}
        if task.labelled:
            questions[with_label] = binarised.labels(task.cases, images)
        n_calls = likelihood_estimates.n_calls(len(v), evaluate.CHUNK) * len(questions)
        title = f"scores of {len(v):,} {which} images"
        with part(task, title, n_calls, f"call of {evaluate.CHUNK} images") as advance:
            for i, (quantity, labels) in enumerate(questions.items()):
                key_i, n_samples = jax.random.fold_in(key, i), task.config.n_samples
                log_w = likelihood_estimates.scores(key_i, task.net, v, labels, n_samples, advance)
                rows += judge(task.net, quantity, which, log_w, log_z)
                rows += judge_exactly(task.net, quantity, which, v, labels)
    return rows


def names(task: Task) -> tuple[str, str]:
    """Returns what the scores are called, without and with labels.

    Intensities are no states of binary units: what stands in the place of log p(v) is named.
    """
    if task.config.binarisation != "real" or not nets.has_binary_pixels(task.net):
        return words.LOG_P, words.LOG_P_AND_LABEL
    what = "cross-entropy" if task.net.generative else "free energy less log Z"
    return f"negative {what} of intensities", f"negative {what} of intensities and label"


def judge(
    net: DBN, quantity: str, which: str, log_w: np.ndarray, log_z: LogZ
) -> list[dict[str, Any]]:
    """Returns the rows of one quantity from log w + log Z, `[n_samples, n]`: a deep net has two."""
    points = log_z.points()
    if not net.generative:
        return [report.row(quantity, which, log_w[0], points)]
    device = jnp.asarray(log_w)
    bound, tighter = bounds.variational(device), likelihood_estimates.importance_weighted(device)
    values, error = np.asarray(bound.value, np.float64), mean_error(bound.standard_error)
    return [
        report.row(words.bound_on(quantity), which, values, points, error),
        report.weighted_row(words.weighted(quantity), which, tighter, len(log_w), points),
    ]


def judge_exactly(
    net: DBN, quantity: str, which: str, v: Array, labels: Array | None
) -> list[dict[str, Any]]:
    """Returns the row of a deep net's true log p, if it is small enough to be summed over."""
    if not net.generative:
        return []
    values = likelihood_estimates.exact_scores(net, v, labels)
    if values is None:
        return []
    nothing: Points = {words.EXACT: (0.0, 0.0)}  # log Z is taken off already
    return [report.row(quantity, which, values, nothing)]


def score_subset(task: Task) -> list[dict[str, Any]]:
    """Returns the rows of what only a machine of binary pixels has, on the first images."""
    config, machine = task.config, task.net.memory
    binary = isinstance(machine.visible, Bernoulli) and config.binarisation != "real"
    if task.net.generative or not binary or not config.n_subset:
        return []
    few = binarised.first(task.cases.judged, config.n_subset)
    v = binarised.states(config, few, config.judged)
    key = jax.random.fold_in(task.key, 100)
    betas = SCHEDULES[config.schedule](config.raise_temperatures)
    with annealing(task, "RAISE", config.raise_temperatures) as advance:
        raised = likelihood_estimates.reverse_annealing_bound(
            key, task.path, v, config.raise_chains, betas, advance
        )
    pseudo = likelihood_estimates.pseudo_log_likelihood(machine, v)
    return [
        report.weighted_row(words.RAISE, config.judged, raised, config.raise_chains, NOTHING),
        report.row(words.PSEUDO, config.judged, pseudo, NOTHING),
    ]
