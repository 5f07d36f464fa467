"""What `python -m experiments.rbm_learning_rules` runs."""

from typing import Any

import jax

from dbnjax import checks, files
from dbnjax.scoring import log_z
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments.common import binarised, workdir
from experiments.common.binarised import Cases
from experiments.rbm_learning_rules import config as rules_config
from experiments.rbm_learning_rules import report, start
from experiments.rbm_learning_rules import train as rules_learning
from experiments.rbm_learning_rules.config import Config
from experiments.rbm_learning_rules.train import Task

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
    cases = binarised.read(config)
    checks.check_batch_size(config.batch_size, len(cases.train.pixels))
    lower = start.read_below(config.below, cases.shape[0] * cases.shape[1], config.binarisation)
    learned_from = {"data_dir": (cases.train, cases.judged), "below": lower}
    folder = workdir.prepare(config.workdir, config, rules_config.FREE, learned_from)
    if not (folder / RESULT).exists():
        workdir.note_commit(folder)
        finish(prepare(config, cases, lower, stages.Place(folder)), cases)
    record, table = workdir.show(folder / RESULT, report.table)
    if config.output is not None:
        files.write_json(config.output, record | {"figure": config.figure})
    drawn = [folder / FIGURE]
    if config.figure is not None:
        drawn.append(files.expand(config.figure))
    workdir.draw({path: lambda: report.draw(record) for path in drawn})
    print(table)
    print(f"\nmachines, figure and numbers: {folder}")
    return record


def prepare(config: Config, cases: Cases, lower: tuple[Any, ...], place: stages.Place) -> Task:
    """Puts the cases on the device and makes the machine that all rules start from."""
    key, train = jax.random.key(config.seed), cases.train
    few = binarised.first(train, log_z.MOMENTS_FROM)
    data = loop.put(
        train.pixels, train.known_labels(), cases.n_classes, config.batch_size, balanced=False
    )
    return Task(
        config=config,
        key=key,
        lower=lower,
        start=start.start(config, jax.random.fold_in(key, 0), lower, data),
        data=data,
        seen=binarised.states(config, few, "train"),
        judged=binarised.states(config, cases.judged, config.judged),
        place=place,
    )


def finish(task: Task, cases: Cases) -> None:
    """Learns by every rule, and writes the machines and, last, the numbers."""
    config, folder = task.config, task.place.workdir
    machines = {name: rules_learning.learn(task, name) for name in config.rules}
    record = report.result(task)
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
        saved = start.join(task.lower, machine)
        io.save(folder / f"{name}.safetensors", saved, about)
    files.write_json(folder / RESULT, record)
