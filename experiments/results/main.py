"""What `python -m experiments.results` runs."""

import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dbnjax import checks, files
from experiments import registry
from experiments.common.tables import NONE, Headline, table
from experiments.mnist_dbn import report as dbn_report
from experiments.mnist_dbn.report import read_runs
from experiments.results import discrimination, front, listings
from experiments.results.config import Config
from experiments.results.front import Group
from experiments.ship import report as ship_report

DEFAULT_RUN = "The default run, on the 5,000 digits of a package"
SHOWN_BY = {"shipped": "mnist_dbn", "shipped_classifier": "mnist_classifier"}  # of the package
INDEX = """\
Built by `python -m experiments.results` from the files in `results/`; no number is typed by hand
but those that papers and others report. Each row links to the page with the commands, machines,
seeds and intervals. In brackets: the error count and the 95 % interval."""


def run(config: Config) -> dict[Path, str]:
    """Writes or checks the pages, and returns them by their files.

    Raises:
      InputError: the result files or a marked file cannot be used, or a page cannot be written.
      SystemExit: with `check`, a page on the disk differs.
    """
    folder, pages = files.expand(config.results), files.expand(config.pages)
    found = build(folder)
    texts = {pages / f"{name}.md": text for name, text in found.items() if name}
    texts[files.expand(config.output)] = found[""].format(
        pages=Path(os.path.relpath(pages, files.expand(config.output).parent)).as_posix()
    )
    for path in map(files.expand, config.marked):
        texts[path] = splice(files.read_bytes(path).decode(), blocks(folder, found), str(path))
    stale = [
        path
        for path, text in texts.items()
        if not path.exists() or files.read_bytes(path) != text.encode()
    ]
    if config.check and stale:
        sys.exit(
            "\n".join(
                f"error: {path}: differs from a fresh build from {folder}; "
                "run python -m experiments.results"
                for path in stale
            )
        )
    for path in stale:
        files.write_bytes(path, texts[path].encode())
        print(f"{path}: written from {folder}")
    return texts


def build(folder: Path) -> dict[str, str]:
    """Builds the pages from a folder of result files, by name; that of all results by "".

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
    embedded = (folder / "embedded").is_dir()
    quick = dbn_report.one_run(read_runs(folder / "embedded")[0])[1:] if embedded else []
    heading = [f"## {DEFAULT_RUN}"] if quick else []
    parts = {"mnist_dbn": [*front.lay_out(main_job, net), *heading, *quick]}
    rows = {"mnist_dbn": front.rows(main_job)}
    for name, runs in found.items():
        report = registry.find(name).report
        if name == "mnist_classifier":
            parts[name] = discrimination.sections(runs, found["hybrid"], classifier)
            rows[name] = discrimination.rows(runs)
        elif name == "ship":  # whose nets stand on the pages of their runs
            for one in runs:
                rows.setdefault(SHOWN_BY[one.name], []).extend(report.headline([one]))
        else:
            parts[name], rows[name] = report.sections(runs), report.headline(runs)
    pages = {name: page(name, of_page) for name, of_page in parts.items() if of_page}
    return pages | {"": index({name: rows.get(name, []) for name in pages})}


def page(name: str, parts: list[str]) -> str:
    """Lays out the page of an experiment."""
    first = "Built by `python -m experiments.results`. [All results](../../RESULTS.md)."
    return "\n\n".join([f"# {registry.find(name).report.TITLE}", first, *parts]) + "\n"


def index(rows: Mapping[str, Sequence[Headline]]) -> str:
    """Lays out the page of all results, `{pages}` in the place of the other pages' folder."""
    cells = [
        [f"[{registry.find(name).report.TITLE}]({{pages}}/{name}.md)", *row]
        for name, of in rows.items()
        for row in of or [Headline(NONE, NONE)]
    ]
    header = ["page", "measured", "here", "papers and peers"]
    return "\n\n".join(["# Results", INDEX, table(header, cells)]) + "\n"


def groups(folder: Path) -> list[Group]:
    """Reads the runs of `mnist_dbn` on the official data, in groups that differ in the seed."""
    return front.gather(read_runs(folder))


def blocks(folder: Path, written: Collection[str]) -> dict[str, str]:
    """Returns the tables that marked files may have, by the name of their marks.

    Args:
      folder: the result files.
      written: the experiments that have a page.
    """
    return {
        "headline": front.headline(groups(folder)),
        "commands": listings.commands((registry.TRAIN, registry.USE), "docs/results", written),
        "all commands": listings.all_commands("../docs/results", written),
        "modules": listings.modules(),
    }


def splice(text: str, blocks: Mapping[str, str], name_of_file: str) -> str:
    """Puts each block between `<!-- name -->` and `<!-- end of name -->`, where a text has them.

    Raises:
      InputError: one of a pair of marks is missing, or a pair is there more than once.
    """
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        parts = re.split(f"(?s){re.escape(begin)}.*?{re.escape(end)}", text)
        if begin not in text and end not in text:
            continue
        checks.require(
            len(parts) == 2,
            f"{name_of_file}: expected the marks {begin} and {end} once, got them "
            f"{len(parts) - 1} times",
        )
        text = f"{begin}\n\n{block}\n\n{end}".join(parts)
    return text
