"""Builds RESULTS.md from the result files that stand in the repository.

    python -m experiments.results

reads `results/*.json` (one finished run each, the `result.json` of its work directory),
`results/sweeps/*.json` and `results/benchmark.json`, and writes RESULTS.md: no number in it is
typed by hand. With `--check` it writes nothing, and exits with 1 if RESULTS.md differs from what
it would write. Two seconds on one CPU core.
"""

import dataclasses
import sys
from pathlib import Path

from dbnjax import files
from experiments import flags, results_files, results_groups, results_page
from experiments.flags import option


@dataclasses.dataclass(frozen=True)
class Config:
    """Options; each is a flag."""

    results: str = option("results", "Folder of result files.")
    output: str = option("RESULTS.md", "File to write.")
    check: bool = option(False, "Write nothing; exit with 1 if the file differs.")


def run(config: Config) -> str:
    """Writes or checks the page, and returns it.

    Raises:
      InputError: the result files cannot be used, or the page cannot be written.
      SystemExit: with `check`, the page on the disk differs.
    """
    page = build(Path(config.results))
    output = Path(config.output)
    if not config.check:
        files.write_bytes(output, page.encode())
        print(f"{output}: written from {config.results}")
    elif not output.exists() or files.read_bytes(output) != page.encode():
        sys.exit(
            f"error: {output}: differs from a fresh build from {config.results}; "
            "run python -m experiments.results"
        )
    return page


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
    )


if __name__ == "__main__":
    flags.launch(run, Config)
