"""Sections `precision` and `draws`: what the arithmetic of a run costs, and what it changes."""

import statistics
from pathlib import Path
from typing import Any

import jax

from dbnjax.evaluation import schedules
from dbnjax.scoring import log_z as likelihood_estimates
from dbnjax.scoring import means
from experiments import likelihood
from experiments.accelerator.config import (
    Config,
    Finished,
    Found,
    finish,
    folder,
    main_job,
    number,
    setting,
)
from experiments.accelerator.speed import jobs, time_units
from experiments.benchmark import parts as benchmark_parts
from experiments.common import arithmetic, binarised, nets
from experiments.likelihood import judge as likelihood_judge
from experiments.likelihood import main as likelihood_main
from experiments.mnist_dbn import config as dbn_config

PRECISIONS = ("default", "highest", "bfloat16")
SCORING: dict[str, Any] = {"n_chains": 100, "n_temperatures": 5000, "n_samples": 10}
PRECISION_NOTE = (
    "The main job without the epochs on all cases, so that validation cases are held out. Seconds "
    "of the epochs: each stage's median times their number, compilation apart. Log p: mean over "
    "the test images, drawn once as binary pixels, in nats, of a machine or of the bound of "
    "equation 4.2 of a deep net; log Z by {n_chains} chains of AIS from below over "
    "{n_temperatures:,} temperatures, {n_samples} recognition passes an image; beside it half the "
    "95 % interval of log Z. Errors are the deterministic read-out's; all that is reported is in "
    "full float32."
)
DRAWS_NOTE = (
    "An epoch of CD-1 of {shape}: {steps} minibatches of {size} random images, median of {rounds} "
    "rounds. Seconds of the protocol's epochs: each stage's median times their number, compilation "
    "apart. Errors are the deterministic read-out's: in validation of the last net that did not "
    "learn from validation cases, in the test of the last net."
)


def precision(config: Config) -> Found:
    """Runs the main job with products of several precisions."""
    rows = []
    for name in PRECISIONS:
        with folder(config) as place:
            job = main_job(config, place / "run", precision=name, all_epochs=0, tail_epochs=0)
            run = finish(job)
            value, half = log_p(job, place / "run" / "net.safetensors")
        counts = run.errors("validation"), run.errors("test")
        times = number(run.seconds), number(of_epochs(run))
        rows.append([name, *times, *counts, round(value, 3), half and number(half)])
    return Found(
        columns=[
            "products",
            "s in all",
            "s of the epochs",
            "validation errors",
            "test errors",
            "log p, nats",
            "log Z, +-",
        ],
        rows=rows,
        note=PRECISION_NOTE.format(**SCORING),
        bars=[],
    )


def draws(config: Config) -> Found:
    """Times CD-1 and runs the main job with several generators."""
    rows = []
    for name, generator in arithmetic.GENERATORS.items():
        with jax.default_prng_impl(generator):
            made = setting(config)
            machine, size = made.stack.rbms[0], made.sizes.batch_size
            parts = benchmark_parts.contrastive_divergence(size, *machine.weights.shape)
            (ms,) = time_units(jobs(made, parts, members=()), config.rounds)
        with folder(config) as place:
            run = finish(main_job(config, place / "run", draws=name))
        counts = run.errors("validation"), run.errors("test")
        rows.append([name, number(ms * made.n_steps), number(of_epochs(run)), *counts])
    return Found(
        columns=[
            "draws",
            "ms of a CD-1 epoch",
            "s of the protocol's epochs",
            "validation errors",
            "test errors",
        ],
        rows=rows,
        note=DRAWS_NOTE.format(
            shape="{}-{}".format(*machine.weights.shape),
            steps=made.n_steps,
            size=size,
            rounds=config.rounds,
        ),
        bars=[],
    )


def of_epochs(run: Finished) -> float:
    """Returns the seconds that a run's epochs take once their programs are compiled."""
    stages: dict[str, list[float]] = {}
    for epoch in run.result["epochs"]:
        stages.setdefault(epoch["stage"], []).append(epoch["seconds"])
    return sum(len(seconds) * statistics.median(seconds) for seconds in stages.values())


def log_p(job: dbn_config.Config, path: Path) -> tuple[float, float | None]:
    """Returns log p of the test images under the saved net of a run, or its bound.

    Returns:
      The mean over images in nats, and half the 95 % interval of log Z, None where too few chains
      count.
    """
    config = likelihood.Config(
        net=str(path),
        dataset=job.dataset,
        data_dir=job.data_dir,
        side=job.side,
        n_test=job.n_test,
        split_seed=job.split_seed,
        **SCORING,
    )
    net, cases = nets.read_net(config.net), binarised.read(config)
    likelihood_main.check_fit(config, net, cases)
    task = likelihood_judge.prepare(config, net.dbn, cases)
    key_z, key_scores = jax.random.split(task.key)
    betas = schedules.linear(config.n_temperatures)
    log_z = likelihood_estimates.forward(key_z, task.path, config.n_chains, betas)
    v = binarised.states(config, cases.judged, "test")
    weights = likelihood_estimates.scores(key_scores, net.dbn, v, None, config.n_samples)
    return float(weights.mean()) - float(log_z.log_z), means.half_width(log_z)
