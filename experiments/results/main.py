"""What `python -m experiments.results` runs."""

import re
import sys
from pathlib import Path

from dbnjax import checks, files
from experiments import registry
from experiments.common.tables import duration, made
from experiments.mnist_dbn import report as dbn_report
from experiments.mnist_dbn.report import read_runs
from experiments.results import discrimination, front
from experiments.results.config import Config
from experiments.results.front import Group
from experiments.ship import report as ship_report


def run(config: Config) -> str:
    """Writes or checks the pages, and returns the one of results.

    Raises:
      InputError: the result files or the README cannot be used, or a page cannot be written.
      SystemExit: with `check`, a page on the disk differs.
    """
    folder = files.expand(config.results)
    page = build(folder)
    pages = {files.expand(config.output): page}
    if config.readme:
        readme = files.expand(config.readme)
        pages[readme] = splice(files.read_bytes(readme).decode(), blocks(folder))
    for path, text in pages.items():
        if not config.check:
            files.write_bytes(path, text.encode())
            print(f"{path}: written from {folder}")
        elif not path.exists() or files.read_bytes(path) != text.encode():
            sys.exit(
                f"error: {path}: differs from a fresh build from {folder}; "
                "run python -m experiments.results"
            )
    return page


def build(folder: Path) -> str:
    """Builds the page from a folder of result files.

    Raises:
      InputError: the folder has no runs, or a file is damaged or contradicts another.
    """
    main_job = groups(folder)
    found = {
        experiment.name: experiment.read(folder)
        for experiment in registry.EXPERIMENTS
        if experiment.records and experiment.name != "mnist_dbn"
    }
    net, classifier = (
        ship_report.sections(found["ship"], name) for name in ("shipped", "shipped_classifier")
    )
    parts = front.lay_out(main_job, net)
    for name, sources in found.items():
        if name == "mnist_classifier":
            parts += discrimination.sections(sources, found["hybrid"], classifier)
        elif name not in ("ship", "hybrid"):  # which stand in other parts
            alone = name == "scaling" and sources and not found["benchmark"]
            parts += ["## Speed"] if alone else []
            parts += registry.find(name).report.sections(sources)
    return "\n\n".join(parts) + "\n"


def groups(folder: Path) -> list[Group]:
    """Reads the runs of the main job on the official data, in groups that differ in the seed."""
    return front.gather(read_runs(folder))


def blocks(folder: Path) -> dict[str, str]:
    """Returns the tables of README, by the name of their marks.

    Raises:
      InputError: a file is damaged, or `embedded` in the folder does not hold one run.
    """
    embedded = read_runs(folder / "embedded")
    checks.require(
        len(embedded) == 1,
        f"{folder / 'embedded'}: expected one run of the default job, got {len(embedded)}",
    )
    record = embedded[0].record
    took = f"Learning took {duration(sum(record['seconds'].values()))}."
    table = f"```\n{dbn_report.REPORT.text(record)}\n```"
    tuned = [registry.find(name).read(folder) for name in ("mnist_classifier", "hybrid")]
    found = {
        "headline": front.headline(groups(folder)),
        "embedded": "\n\n".join([*made(record), took, table]),
        "classifiers": discrimination.headline(*tuned),
    }
    return {name: block for name, block in found.items() if block is not None}


def splice(text: str, blocks: dict[str, str]) -> str:
    """Puts each block between `<!-- name -->` and `<!-- end of name -->`.

    Raises:
      InputError: a pair of marks is not there exactly once.
    """
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        parts = re.split(f"(?s){re.escape(begin)}.*?{re.escape(end)}", text)
        checks.require(
            len(parts) == 2,
            f"README: expected the marks {begin} and {end} once, got them {len(parts) - 1} times",
        )
        text = f"{begin}\n\n{block}\n\n{end}".join(parts)
    return text
