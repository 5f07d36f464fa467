"""What `python -m experiments.belief_net` runs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dbnjax import files
from dbnjax.training import metrics
from experiments.belief_net import modes, report, speed
from experiments.belief_net.config import Config
from experiments.common import resumable, workdir

METRICS = "metrics.jsonl"
Curves = dict[tuple[str, str], Callable[[], dict[str, Any]]]


def run(config: Config) -> dict[str, Any]:
    """Learns all curves, or goes on with an unfinished run.

    Returns:
      What `result.json` holds.

    Raises:
      InputError: an option or the work directory cannot be used.
    """
    config.check_options()

    def finish(folder: Path) -> tuple[dict[str, Any], resumable.Makers]:
        found = learn(config, folder / METRICS)
        return {**workdir.described(folder, config), **found}, {}

    copies: dict[str, str | None] = {}
    if config.figures is not None:
        names = [report.FIGURES[part] for part in config.parts]
        copies = {name: f"{config.figures}/belief_net_{name}" for name in names}
    record = resumable.run(config, report.REPORT, {}, finish, copies)
    if config.output is not None:
        files.write_json(config.output, record | {"figures": list(copies.values())})
    return record


def curves(config: Config) -> dict[str, Curves]:
    """Returns what learns each curve of each part, by what tells it from the others."""
    found: dict[str, Curves] = {"modes": {}, "speed": {}}
    for learns in modes.LEARNS:
        for rule in modes.rules(config):
            found["modes"][rule, learns] = partial(modes.learn, config, rule, learns)
    for task in speed.TASKS:
        for model in speed.MODELS:
            found["speed"][task, model] = partial(speed.learn, config, task, model)
    return {part: its if part in config.parts else {} for part, its in found.items()}


def learn(config: Config, records: Path) -> dict[str, list[dict[str, Any]]]:
    """Learns the curves that are not recorded yet; returns the records of all, by part."""
    known = {tuple(one["which"]): one["curve"] for one in metrics.read(records)}
    found: dict[str, list[dict[str, Any]]] = {}
    for part, its in curves(config).items():
        for which, make in its.items():
            if (part, *which) not in known:
                curve = make()
                metrics.append(records, {"stage": part, "which": [part, *which], "curve": curve})
                known[part, *which] = curve
        found[part] = [known[part, *which] for which in its]
    return found
