"""What `python -m experiments.results` runs."""

import sys
from pathlib import Path

from dbnjax import checks, files
from experiments.common import record_files
from experiments.mnist_dbn.report import read_runs
from experiments.results import comparisons, discrimination, likelihoods, summary
from experiments.results import groups as results_groups
from experiments.results import page as results_page
from experiments.results import readme as results_readme
from experiments.results.config import Config
from experiments.sweep import report as sweep_report


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
        pages[readme] = build_readme(folder, readme)
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


def build_readme(folder: Path, readme: Path) -> str:
    """Builds README from itself and the result files.

    Raises:
      InputError: it lacks the marks, or `embedded` in the folder does not hold one run.
    """
    embedded = read_runs(folder / "embedded")
    checks.require(
        len(embedded) == 1,
        f"{folder / 'embedded'}: expected one run of the default job, got {len(embedded)}",
    )
    groups = results_groups.gather(read_runs(folder))
    blocks = results_readme.blocks(groups, embedded)
    classifiers = summary.headline(folder)
    if classifiers is not None:
        blocks["classifiers"] = classifiers
    return results_readme.splice(files.read_bytes(readme).decode(), blocks)


def build(folder: Path) -> str:
    """Builds the page from a folder of result files.

    Raises:
      InputError: the folder has no runs, or a file is damaged or contradicts another.
    """
    groups = results_groups.gather(read_runs(folder))
    return results_page.lay_out(
        groups,
        results_groups.compare(groups),
        sweep_report.read(folder),
        record_files.read_benchmark(folder),
        record_files.read_benchmark(folder, record_files.SCALING),
        record_files.read_shipped(folder),
        [
            *discrimination.sections(folder),
            *comparisons.sections(folder),
            *likelihoods.sections(folder),
        ],
    )
