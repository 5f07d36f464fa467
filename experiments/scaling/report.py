"""What `scaling` reports: its table in RESULTS.md, below that of the benchmark."""

from experiments.benchmark.report import Record, check, measured
from experiments.common.records import Source

__all__ = ["Record", "check", "sections"]


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a record."""
    return [part for run in runs for part in ("### Weak scaling", *measured(run.record))]
