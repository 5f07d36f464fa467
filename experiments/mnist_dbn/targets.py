"""The bars that this project set itself for errors, and whether they are met."""

from experiments.common.tables import NONE, table
from experiments.common.targets import judge
from experiments.mnist_dbn import groups as results_groups
from experiments.mnist_dbn.groups import Group, Spread

PRESET = "best"  # whose errors are held against the bars
# Test errors in per cent of one seed, at most.
ERRORS = {"greedy": 1.8, "up-down": 1.45, "all cases": 1.3}

ABOUT_ERRORS = f"""\
Bars that this project set itself for one seed of `--preset={PRESET}`; of several seeds the mean
counts."""


def errors(groups: list[Group], names: dict[str, str]) -> list[str]:
    """The bars of errors beside each group of the preset; nothing without such a group.

    Args:
      groups: all groups.
      names: of the stages, as tables show them.
    """
    judged = [group for group in groups if group.runs[0].record["preset"] == PRESET]
    rows = [
        [
            names[stage],
            f"{at_most:.2f} %",
            *(_error(results_groups.spread(group, stage), at_most) for group in judged),
        ]
        for stage, at_most in ERRORS.items()
    ]
    header = ["", "at most", *(f"`{group.label}`" for group in judged)]
    return [ABOUT_ERRORS, table(header, rows)] if judged else []


def _error(found: Spread | None, at_most: float) -> str:
    return NONE if found is None else f"{found.mean:.2f} %: {judge(found.mean, at_most)}"
