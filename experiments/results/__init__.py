"""Builds RESULTS.md and docs/results from the result files that stand in the repository.

    python -m experiments.results

reads `results/*.json` (one finished run each, the `result.json` of its work directory), the folders
`sweeps`, `likelihood`, `rules`, `classifiers`, `hybrid`, `three_ideas`, `few_labels` and
`comparators` there, `benchmark.json`, `scaling.json`, `shipped.json` and `shipped_classifier.json`,
and writes RESULTS.md, with a headline row for each experiment, and the page of each experiment,
`docs/results/NAME.md`: no number in them is typed by hand but what others report. The tables of
README.md, experiments/README.md and docs/architecture.md are put between their marks: the headline,
the commands and the modules, of which the code itself says what they are. With `--check` it writes
nothing, and exits with 1 and the names of the files that differ from what it would write. Three
seconds on one CPU core.
"""

from experiments import exports

__getattr__ = exports(__name__)
