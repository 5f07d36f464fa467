"""What `belief_net` reports: its record, table and figures, its part of RESULTS.md."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np

from dbnjax.figures import curves
from experiments.common import resumable
from experiments.common.records import MadeRun, Number, Source, check_lengths
from experiments.common.tables import NONE, Headline, Table, made, render

TITLE = "Small belief nets"  # of its page of results

FIGURES = {"modes": "modes.png", "speed": "speed.png"}
LOOKS = ("updates", "log_p", "bound", "neither")  # one value each time that a net is looked at


class Mode(TypedDict):
    """A curve of learning where an image has two explanations."""

    rule: str
    learns: Literal["recognition", "everything"]
    updates: list[int]
    log_p: list[Number]
    bound: list[Number]
    neither: list[Number]


class Speed(TypedDict):
    """Curves of learning of one model, one for each of its first weights."""

    task: str
    model: str
    rate: Number
    tried: dict[str, Number | None]  # mean log p in the end at each rate
    updates: list[int]
    log_p: list[list[Number]]
    updates_to_target: list[int | None]
    best_possible: Number


class Record(MadeRun):
    """What `result.json` holds; a part that was not asked for has no curves."""

    modes: list[Mode]
    speed: list[Speed]
    figures: NotRequired[list[str]]  # of a copy: where they were copied to


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the lists of a curve have different lengths.
    """
    for number, mode in enumerate(record["modes"]):
        check_lengths(path, f"modes.{number}", [mode], LOOKS)


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out where every curve ends."""
    rows = [
        [
            f"two explanations, {mode['learns']} learns",
            mode["rule"],
            NONE,
            f"{mode['log_p'][-1]:.2f}",
            f"{mode['bound'][-1]:.2f}",
            f"{mode['neither'][-1]:.2f}",
            NONE,
        ]
        for mode in record["modes"]
    ]
    rows += [
        [
            speed["task"],
            speed["model"],
            f"{speed['rate']:g}",
            f"{np.mean([one[-1] for one in speed['log_p']]):.2f}",
            NONE,
            NONE,
            updates_to_target(speed["updates_to_target"]),
        ]
        for speed in record["speed"]
    ]
    header = ["task", "rule or model", "rate", "log p", "bound", "neither", "updates to target"]
    return Table(header, rows)


def updates_to_target(updates: list[int | None]) -> str:
    """Writes the mean number of updates, unless some first weights never came so far."""
    there = [n for n in updates if n is not None]
    if len(there) < len(updates):
        return f"{len(there)} of {len(updates)} seeds"
    return f"{np.mean(there):.0f}"


NOTE = """\
log p and bound: nats for each case, exact. neither: the probability that recognition names none or
both of the two explanations. updates to target: mean over first weights of how many updates
take log p a third of the way from independent pixels to the entropy of the cases, at the rate with
the fewest.
rate: the one with the highest log p in the end, which is shown."""


def draw(record: dict[str, Any]) -> resumable.Makers:
    """Draws each part that there is."""
    makers: dict[str, Callable[[Any], Any]] = {"modes": draw_modes, "speed": draw_speed}
    there = {part: make for part, make in makers.items() if record[part]}
    return {FIGURES[part]: partial(make, record[part]) for part, make in there.items()}


def draw_modes(modes: list[Mode]) -> Any:
    """Draws the bounds against updates, and the likelihood that nothing can exceed."""
    series = {
        f"{mode['rule']}, {mode['learns']} learns": (mode["updates"], mode["bound"])
        for mode in modes
    }
    first = modes[0]
    series["log p of the net in the beginning"] = (
        [first["updates"][0], first["updates"][-1]],
        [first["log_p"][0]] * 2,
    )
    title = (
        "Two explanations of one image: dreams from the equilibrium (wake-sleep) teach recognition "
        "to average them, dreams few Gibbs iterations k from the data (up-down) do not"
    )
    return curves(series, "updates", "bound on log p (nats for each image)", title)


def draw_speed(speed: list[Speed]) -> Any:
    """Draws mean log p over first weights against updates."""
    series = {
        f"{one['task']}: {one['model']}, rate {one['rate']:g}": (
            one["updates"],
            np.mean(one["log_p"], axis=0),
        )
        for one in speed
    }
    best = {one["task"]: (one["updates"], one["best_possible"]) for one in speed}
    for task, (updates, value) in best.items():
        series[f"{task}: the best possible"] = ([updates[0], updates[-1]], [value] * 2)
    title = (
        "Ascent of the exact log-likelihood by two models of the same layers and connections, mean "
        f"of {len(speed[0]['log_p'])} first weights"
    )
    return curves(series, "updates", "log p (nats for each case)", title)


REPORT = resumable.Report(Record, lay_out, lambda record: NOTE, draw)

ABOUT = """\
Everything is exact, by enumeration. Where an image has two explanations: what the sleep phase makes
of recognition when its dreams come from the equilibrium of the memory (wake-sleep), or from some
Gibbs iterations that begin with what recognition says of the data (up-down); with everything
learning the model itself gives one of the explanations up. And how many updates of exact gradient
ascent a belief net and a deep Boltzmann machine of the same layers take, each at the best of the
same rates."""


def headline(sources: list[Source]) -> list[Headline]:
    """How many updates each model took to the target, a mean over first weights that reached it."""
    rows = []
    for source in sources:
        for one in source.record["speed"]:
            reached = [n for n in one["updates_to_target"] if n is not None]
            here = f"{np.mean(reached):.0f} (mean of {len(reached)})" if reached else NONE
            what = f"updates of exact ascent to the target, {one['task']}, {one['model']}"
            rows.append(Headline(what, here))
    return rows


def sections(sources: list[Source]) -> list[str]:
    """A table of each run, and its figures where they were copied."""
    parts = [ABOUT] if sources else []
    for source in sources:
        record = source.record
        parts += [f"## {source.name}", *made(record)]
        parts += [
            f"![learning of small belief nets](../images/{Path(path).name})"
            for path in record.get("figures", [])
        ]
        parts += [render(lay_out(record), "markdown"), NOTE]
    return parts
