"""The parts of `experiments.likelihood`: log Z, scores of the images, RAISE on a few, progress."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import schedules
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.path import Path
from dbnjax.training import evaluate, metrics
from dbnjax.types import Key
from dbnjax.units import Bernoulli
from experiments import likelihood_cases, likelihood_estimates, likelihood_report
from experiments.likelihood_cases import Cases
from experiments.likelihood_config import Config
from experiments.likelihood_estimates import Advance
from experiments.likelihood_report import LogZ


@dataclasses.dataclass(frozen=True)
class Task:
    """What is scored.

    Attributes:
      config: the run's options.
      net: the net.
      cases: the images.
      key: of the whole run.
      path: from the base rates to the top machine.
    """

    config: Config
    net: DBN
    cases: Cases
    key: Key
    path: Path

    @property
    def labelled(self) -> bool:
        """Whether the top machine has label units."""
        return stack_lib.label_group(self.net.memory) is not None


def prepare(config: Config, net: DBN, cases: Cases) -> Task:
    """Finds the base rates of the top machine."""
    few = likelihood_cases.first(cases.train, likelihood_estimates.MOMENTS_FROM)
    v = likelihood_cases.states(config, few, "train")
    labelled = stack_lib.label_group(net.memory) is not None
    labels = likelihood_cases.labels(cases, few) if labelled else None
    path = likelihood_estimates.base_path(net, v, labels)
    return Task(config, net, cases, jax.random.key(config.seed), path)


@contextlib.contextmanager
def showing(title: str, n: int, call: int = likelihood_estimates.CALL) -> Iterator[Advance]:
    """Shows the progress of n steps in calls of some length."""
    n_calls, unit = likelihood_estimates.n_calls(n, call), f"call of {min(n, call)}"
    with metrics.progress(n_calls, title, unit=unit) as advance:
        yield advance


def estimate_log_z(task: Task) -> LogZ:
    """Estimates log Z of the top machine from both sides, and exactly if it is small."""
    config, path = task.config, task.path
    key_forward, key_samples, key_reverse = jax.random.split(jax.random.fold_in(task.key, 0), 3)
    betas = schedules.linear(config.n_temperatures)
    with showing("forward", config.n_temperatures) as advance:
        forward = likelihood_estimates.forward(key_forward, path, config.n_chains, betas, advance)
    length = likelihood_estimates.TEMPERING_CALL
    with showing("samples", config.temper_steps, length) as advance:
        sampled = likelihood_estimates.sample(
            key_samples, path, config.n_chains, config.temper_betas, config.temper_steps, advance
        )
    with showing("reverse", config.n_temperatures) as advance:
        reverse = likelihood_estimates.reverse(key_reverse, path, sampled.v, betas, advance)
    exact = likelihood_estimates.exact_log_z(task.net.memory)
    return LogZ(forward, reverse, exact, sampled.acceptance, sampled.round_trips)


def score(task: Task, log_z: LogZ) -> list[dict[str, Any]]:
    """Returns the rows of the judged images and of as many training images."""
    judged, train = task.cases.judged, task.cases.train
    parts = {task.config.judged: judged, "train": likelihood_cases.first(train, len(judged.pixels))}
    questions = [(part, known) for part in parts for known in (False, True)[: 1 + task.labelled]]
    chunk = evaluate.CHUNK
    n_calls = sum(
        likelihood_estimates.n_calls(len(parts[part].pixels), chunk) for part, _ in questions
    )
    rows = []
    with metrics.progress(n_calls, "scores", unit=f"call of {chunk} images") as advance:
        for number, (part, known) in enumerate(questions):
            key = jax.random.fold_in(task.key, 1 + number)
            v = likelihood_cases.states(task.config, parts[part], part)
            labels = likelihood_cases.labels(task.cases, parts[part]) if known else None
            n_samples = task.config.n_samples
            log_w = likelihood_estimates.scores(key, task.net, v, labels, n_samples, advance)
            rows += judge(task, "log p(v, label)" if known else "log p(v)", part, log_w, log_z)
    return rows


def judge(
    task: Task, quantity: str, part: str, log_w: np.ndarray, log_z: LogZ
) -> list[dict[str, Any]]:
    """Returns the rows of one quantity from log w + log Z, `[n_samples, n]`: a deep net has two."""
    if not task.net.generative:
        return [likelihood_report.row(quantity, part, log_w[0], log_z)]
    n = log_w.shape[1]
    mean_error = log_w.std(0, ddof=1) / len(log_w) ** 0.5
    tighter = likelihood_estimates.importance_weighted(jnp.asarray(log_w))
    return [
        likelihood_report.row(name, part, np.asarray(values, np.float64), log_z, error)
        for name, values, error in (
            (f"bound on {quantity}", log_w.mean(0), np.sqrt((mean_error**2).sum()) / n),
            (
                f"importance-weighted {quantity}",
                tighter.value,
                np.sqrt((np.asarray(tighter.standard_error) ** 2).sum()) / n,
            ),
        )
    ]


def score_subset(task: Task) -> list[dict[str, Any]]:
    """Returns the rows of what only a machine of binary pixels has, on the first images."""
    config, machine = task.config, task.net.memory
    binary = isinstance(machine.visible, Bernoulli) and config.binarisation != "real"
    if task.net.generative or not binary or not config.n_subset:
        return []
    few = likelihood_cases.first(task.cases.judged, config.n_subset)
    v = likelihood_cases.states(config, few, config.judged)
    key, betas = jax.random.fold_in(task.key, 100), schedules.linear(config.raise_temperatures)
    with showing("RAISE", config.raise_temperatures) as advance:
        raised = likelihood_estimates.reverse_annealing_bound(
            key, task.path, v, config.raise_chains, betas, advance
        )
    pseudo = likelihood_estimates.pseudo_log_likelihood(machine, v)
    return [
        likelihood_report.row("RAISE bound on log p(v)", config.judged, raised, None),
        likelihood_report.row("pseudo-log-likelihood", config.judged, pseudo, None),
    ]
