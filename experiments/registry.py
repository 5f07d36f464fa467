"""The experiments, one line for each, in the order of RESULTS.md's parts.

Nothing is imported before it is asked for: JAX takes seconds.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from experiments.common import records
from experiments.common.options import Options
from experiments.common.records import Source

TRAIN = "train nets"
USE = "use saved nets"
COMPARE = "compare methods"
MEASURE = "measure speed"
PUBLISH = "write the repository's pages and nets"
KINDS = (TRAIN, USE, COMPARE, MEASURE, PUBLISH)


class Experiment(NamedTuple):
    """What `python -m experiments.NAME` starts.

    Attributes:
      name: of its folder or file below `experiments`.
      records: where its committed records stand below `results`, a pattern; empty for none.
      reporter: the part of its folder that says what a record holds and how it is shown.
      kind: what it is for, one of `KINDS`.
    """

    name: str
    records: str = ""
    reporter: str = "report"
    kind: str = COMPARE

    @property
    def module(self) -> str:
        """Its dotted name."""
        return f"experiments.{self.name}"

    @property
    def docstring(self) -> str:
        """What its `--help` begins with: a line, its commands, and what to expect of them."""
        found: str = importlib.import_module(self.module).__doc__ or ""
        return found

    @property
    def config(self) -> type[Options]:
        """The class of its options."""
        found: type[Options] = importlib.import_module(self.module).Config
        return found

    @property
    def run(self) -> Callable[[Any], Any]:
        """What runs it with its options."""
        found: Callable[[Any], Any] = importlib.import_module(self.module).run
        return found

    @property
    def tiny(self) -> Mapping[str, Any] | None:
        """The options of its smallest run, which stand beside its config; None without a run.

        An input that another experiment makes is named by that and by a file of its smallest run,
        such as `mnist_dbn/net.safetensors`.
        """
        return getattr(importlib.import_module(self.config.__module__), "TINY", None)

    @property
    def report(self) -> ModuleType:
        """What says what its records hold and how they are shown."""
        return importlib.import_module(f"{self.module}.{self.reporter}")

    def read(self, folder: Path) -> list[Source]:
        """Reads its committed records from a folder of results.

        Raises:
          InputError: a file is damaged or contradicts itself.
        """
        check = getattr(self.report, "check", lambda path, record: None)  # some types say all
        return records.read(folder, self.records, self.report.Record, check)


EXPERIMENTS = (
    Experiment("mnist_dbn", "**/*seed*.json", kind=TRAIN),
    Experiment("ship", "shipped*.json", kind=PUBLISH),
    Experiment("sweep", "sweeps/*.json", kind=TRAIN),
    Experiment("mnist_classifier", "classifiers/*.json", kind=TRAIN),
    Experiment("hybrid", "hybrid/*.json", kind=TRAIN),
    Experiment("three_ideas", "three_ideas/*.json"),
    Experiment("few_labels", "few_labels/*.json"),
    Experiment("comparators", "comparators/*.json"),
    Experiment("likelihood", "likelihood/*.json", kind=USE),
    Experiment("rbm_learning_rules", "rules/*.json"),
    Experiment("belief_net", "belief_net/*.json"),
    Experiment("belief_net_digits"),
    Experiment("benchmark", "benchmark.json", kind=MEASURE),
    Experiment("accelerator", kind=MEASURE),
    Experiment("scaling", "scaling.json", "main", kind=MEASURE),
    Experiment("classify", kind=USE),
    Experiment("generate", kind=USE),
    Experiment("paper_figures", kind=USE),
    Experiment("shifted_digits", kind=TRAIN),
    Experiment("explaining_away"),
    Experiment("training_health"),
    Experiment("results", kind=PUBLISH),
    Experiment("results_charts", kind=PUBLISH),
)


def names() -> list[str]:
    """Returns the names of all experiments."""
    return [experiment.name for experiment in EXPERIMENTS]


def find(name: str) -> Experiment:
    """Returns an experiment by its name."""
    return next(experiment for experiment in EXPERIMENTS if experiment.name == name)
