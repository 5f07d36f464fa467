"""Builds RESULTS.md from the result files that stand in the repository.

    python -m experiments.results

reads `results/*.json` (one finished run each, the `result.json` of its work directory), the folders
`sweeps`, `likelihood`, `rules`, `classifiers`, `hybrid`, `three_ideas`, `few_labels` and
`comparators` there, `benchmark.json`, `scaling.json`, `shipped.json` and `shipped_classifier.json`,
and writes RESULTS.md: no number in it is typed by hand but what others report. README's tables are
put in their places, the default job's from the one file in `results/embedded`. With `--check` it
writes nothing, and exits with 1 if a page differs from what it would write. Three seconds on one
CPU core.
"""

import dataclasses
import sys
from pathlib import Path

from dbnjax import checks, files
from experiments import (
    flags,
    results_classifiers,
    results_comparisons,
    results_files,
    results_groups,
    results_likelihood,
    results_page,
    results_readme,
    results_summary,
)
from experiments.flags import option


@dataclasses.dataclass(frozen=True)
class Config:
    """Options; each is a flag."""

    results: str = option("results", "Folder of result files.")
    output: str = option("RESULTS.md", "File to write.")
    readme: str = option("README.md", "File whose marked tables are written; empty for none.")
    check: bool = option(False, "Write nothing; exit with 1 if a file differs.")


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
    embedded = results_files.read_runs(folder / "embedded")
    checks.require(
        len(embedded) == 1,
        f"{folder / 'embedded'}: expected one run of the default job, got {len(embedded)}",
    )
    groups = results_groups.gather(results_files.read_runs(folder))
    blocks = results_readme.blocks(groups, embedded)
    classifiers = results_summary.headline(folder)
    if classifiers is not None:
        blocks["classifiers"] = classifiers
    return results_readme.splice(files.read_bytes(readme).decode(), blocks)


def build(folder: Path) -> str:
    """Builds the page from a folder of result files.

    Raises:
      InputError: the folder has no runs, or a file is damaged or contradicts another.
    """
    groups = results_groups.gather(results_files.read_runs(folder))
    return results_page.lay_out(
        groups,
        results_groups.compare(groups),
        results_files.read_sweeps(folder),
        results_files.read_benchmark(folder),
        results_files.read_benchmark(folder, results_files.SCALING),
        results_files.read_shipped(folder),
        [
            *results_classifiers.sections(folder),
            *results_comparisons.sections(folder),
            *results_likelihood.sections(folder),
        ],
    )


if __name__ == "__main__":
    flags.launch(run, Config)
