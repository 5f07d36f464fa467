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

from experiments import exports

__getattr__ = exports(__name__)
