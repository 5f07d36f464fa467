"""Made-up result files, written into a folder, and the tables of a page read back."""

import itertools
import json
from pathlib import Path

from dbnjax import files
from experiments.results import main as results

RESULTS = Path(__file__).parents[2] / "results"

MADE = {
    "commit": "abc1234",
    "machine": {"processor": "Abacus", "cores": 2, "devices": ["cpu", "cpu"], "system": "Linux"},
    "versions": {"python": "3.11.9", "jax": "0.10.2"},
}
CASES = {"train": 4000, "validation": 1000, "test": 1000, "all": 6000}


def committed(name):
    """A record of the repository, of which a made-up one is a variant."""
    return files.read_json(RESULTS / name)


READ_OUTS = (
    "gibbs",
    "stochastic",
    "deterministic",
    "averaged probabilities",
    "averaged log probabilities",
)


def read_outs(test, **splits):
    """Counts under every read-out; Gibbs errs 10 times more often than the deterministic one."""
    return {
        name: {split: n + 10 * (name == "gibbs") for split, n in (splits | {"test": test}).items()}
        for name in READ_OUTS
    }


def finished(preset="paper", seed=0, greedy=range(20), up_down=range(5, 17), last=range(5, 15)):
    """A run's record, from the test cases that its three nets get wrong."""
    wrong = {"greedy": list(greedy), "up-down": list(up_down), "all cases": list(last)}
    return MADE | {
        "stage": "summary",
        "preset": preset,
        "seed": seed,
        "command": f"python -m experiments.mnist_dbn --data_dir=FOLDER --seed={seed} "
        f"--preset={preset} --layers=8,'a|b'",
        "config": {
            "preset": preset,
            "seed": seed,
            "dataset": "mnist",
            "pixels": "mean" if preset == "paper" else "sample",
            "n_gibbs": 10,
            "n_passes": 20,
        },
        "cases": CASES,
        "errors": {
            # Not in the order of learning: the page has it from elsewhere.
            "all cases": read_outs(len(wrong["all cases"]), all=7),
            "greedy": read_outs(len(wrong["greedy"]), train=80, validation=21),
            "up-down": read_outs(len(wrong["up-down"]), train=23, validation=13),
        },
        "wrong": wrong,
        "baselines": {"nearest neighbour (L2)": {"train": 0, "validation": 30, "test": 31}},
        "seconds": {"rbm_1": 30.04, "up_down_1": 100.0, "all_cases": 3600.0},
        "chosen": {"epoch": 2, "training_errors": 23},
        "target": {"most": 34, "errors": 34},
        "epochs": [{"stage": s} for s in ("rbm_1", "up_down_1", "up_down_1", *["all_cases"] * 3)],
    }


def changed(record, place, *value):
    """A copy of a record with another value in a place, or without it."""
    if len(place) > 1:
        inner = changed(record[place[0]], place[1:], *value)
    elif value:
        (inner,) = value
    else:
        return {key: kept for key, kept in record.items() if key != place[0]}
    found = record.copy()
    found[place[0]] = inner
    return found


def sweep():
    rows = [(0.05, 0.0, 30, 9), (0.1, 0.9, None, None), (0.02, 0.9, 12, 100)]
    return MADE | {
        "command": "python -m experiments.sweep",
        "proxy": {"up_down_epochs": [10, 10], "pixels": "sample"},
        "rows": [
            {
                "varied": {"up_down_rate": rate, "up_down_momentum": momentum},
                "validation_errors": validation,
                "training_errors": training,
                "seconds": 61.0,
            }
            for rate, momentum, validation, training in rows
        ],
        "cases": {"train": 4000, "validation": 1000},
    }


def benchmark():
    return MADE | {
        "command": "python -m experiments.benchmark",
        "columns": ["what", "seconds", "share"],
        "rows": [["CD-1 epoch", 1.25, None], ["up-down", "2 s", 3]],
        "note": "Medians of five.",
    }


ESTIMATE = {"value": 451.2, "low": 451.1, "high": 451.3, "effective_sample_size": 78.4}
SCORED = committed("likelihood/rbm500.json")
LIKELIHOOD = SCORED | {
    "machine": MADE["machine"],
    "log_z": SCORED["log_z"] | {"forward": ESTIMATE, "reverse": ESTIMATE | {"value": 451.6}},
    "rows": [
        {
            "quantity": "log p(v)",
            "images": "test",
            "n": 10_000,
            "values": {
                "log Z forward": [-85.5, -85.6, -85.4],
                "log Z reverse": [-85.9, -86.1, -85.7],
            },
            "standard_error": 0.2,
            "weights": None,
            "effective_sample_size": None,
        },
        {
            "quantity": "RAISE bound on log p(v)",
            "images": "test",
            "n": 500,
            "values": {"no log Z": [-87.1, None, None]},
            "standard_error": None,
            "weights": 5,
            "effective_sample_size": 3.25,
        },
    ],
    "warnings": ["the directions are 1.2 nats apart"],
    "seconds": SCORED["seconds"] | {"forward": 61.24},
}
CURVE = {
    "rate": 0.05,
    "updates": [600, 12_000],
    "seconds": [1.5, 31.0],
    "log_p": [-120.0, -95.5],
    "low": [-120.2, -95.6],
    "high": [-119.8, -95.4],
    "reverse": [],
    "doubts": [],
}
ABOVE = {"reverse": [-97.5, -97.9, -97.1], "doubts": ["too few chains"], "seconds": [1.5, 620.0]}
RULES = committed("rules/mnist.json") | {"rules": {"cd1": CURVE, "tempered": CURVE | ABOVE}}


def told(cost, errors):
    return {"cost": cost, "errors": errors}


def asked(wrong, cost=0.05):
    """What a net says of the test cases, from those that it gets wrong."""
    return {"test": told(cost, len(wrong)), "wrong": list(wrong)}


def tuned(wrong, wrong_all=None):
    """A classifier's record, at the end of three epochs of tuning and, if asked, two more."""
    errors = (90.0, 55.0, 2.0)
    net = {
        "chosen": asked(wrong)
        | {"epoch": 2, "train": told(0.004, 3), "validation": told(0.06, 15)},
        "epochs": [
            {"stage": "tuning", "training_error": error, "training_cost": cost, "seconds": 5.0}
            for error, cost in zip(errors, (2.0, 0.02, 0.004), strict=True)
        ],
    }
    if wrong_all is not None:
        net["all cases"] = asked(wrong_all) | {"epochs": 2, "all": told(0.003, 4)}
        net["epochs"] += [{"stage": "all_cases"}] * 2
    return net


STACK = {
    "command": "python -m experiments.stacks",
    "commit": "def5678",
    "number": 0,
    "seconds": 600.0,
    "epochs": 120,
}


def classifiers(preset="tr", start="pretrained", nets=None, products=()):
    """A run of `mnist_classifier`, one of three nets unless others are given."""
    return MADE | {
        "preset": preset,
        "seed": 7,
        "command": f"python -m experiments.mnist_classifier --preset={preset}",
        "config": {"folds": 3, "split_seed": 4, "start": start, "dataset": "mnist", "reach": 0}
        | {"layers": [8, 6], "drop_visible": 0.0, "drop_hidden": 0.0},
        "cases": {"train": 5000, "validation": 1000, "test": 1000, "all": 6000},
        "nets": [tuned(range(13))] if nets is None else nets,
        "products": dict(products),
        "seconds": {"tuning": 61.0, "all_cases": 30.0},
        "pretraining": [dict(STACK)],
    }


def table_1():
    """Three nets at both stages, and their products."""
    nets = [tuned(range(i, i + 12), range(i, i + 11)) for i in range(3)]
    products = {"chosen": asked(range(1, 12)), "all cases": asked(range(2, 13))}
    return classifiers(nets=nets, products=products)


def hybrid():
    wrong = {"start": list(range(14)), "chosen": list(range(2, 13)), "all cases": list(range(9))}
    errors = {name: {"test": len(found)} for name, found in wrong.items()}
    errors["start"]["validation"] = 15
    errors["all cases"]["all"] = 60
    return committed("hybrid/mnist.json") | {
        "config": {"form": "contrastive", "weights": [0.1, 0.2]},
        "cases": CASES,
        "errors": errors,
        "wrong": wrong,
        "starts": {"net": {"command": "python -m experiments.dbn", "commit": "def5678"}},
        "chosen": {"epoch": 4, "weight": 0.2},
        "seconds": {"hybrid": 100.0, "all_cases": 20.0},
    }


def three_ideas():
    tests = {
        ("2006", "none", "deep"): [50, 52, 54],
        ("2006", "rbm", "deep"): [20, 21, 22],
        ("rectified", "none", "shallow"): [30, 30, 31],
        ("rectified", "squared", "shallow"): [40, 41, 42],
    }
    made = committed("three_ideas/mnist.json")
    same = {"rate": 0.1, "seeds": [0, 1, 2], "validation": [10, 10, 10], "epochs": [5, 6, 7]}
    same |= {"tried": [{"rate": 0.1, "validation": [10, 10, 10]}]}
    same |= {"seconds": {"layers": 60.0, "tuning": 61.0}}
    cells = [
        made["cells"][0] | same | {"era": era, "method": method, "depth": depth, "test": test}
        for (era, method, depth), test in tests.items()
    ]
    for cell in cells:
        cell["layers"] = [50] if cell["depth"] == "shallow" else [50, 50]
    changes = {"config": {"tuning_epochs": 9, "patience": 2}, "cells": cells}
    return made | changes | {"cases": {"training": 5000, "validation": 500, "test": 1000}}


def few_labels():
    tests = {"pretrained": [70, 72, 74], "unpretrained": [200, 205, 210], "joint": [195, 205, 215]}
    row = {"labels": 100, "setting": {"hidden": [50, 50], "decay": 0.001, "dropout": 0.0}}
    row |= {"draws": [0, 1, 2], "chosen_by": 100, "rounds": [4, 5, 7], "validation": [6, 6, 6]}
    return committed("few_labels/chosen_by_few.json") | {
        "config": {"choose_by": "few", "rounds": 9, "patience": 2},
        "cases": {"train": 5000, "validation": 1000, "test": 1000},
        "stack": STACK | {"commit": ""},
        "rows": [
            row | {"method": method, "test": test, "seconds": 61.0}
            for method, test in tests.items()
        ],
    }


def comparators():
    rows = [
        ("wide", 4000, 17, 16, {"epoch": 9, "decay": 1e-3}),
        ("l2_all", 6000, None, 31, {"norm": 2}),
    ]
    return committed("comparators/mnist.json") | {
        "cases": CASES,
        "rows": [
            {"name": name, "cases": n, "validation": validation, "test": test, "seconds": 61.0}
            | {"wrong": list(range(test)), "settings": settings}
            for name, n, validation, test, settings in rows
        ],
    }


def write(folder, **records):
    """Writes records into a results folder, `__` for a folder's separator."""
    for name, record in records.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
    return folder


def built(folder):
    """All pages of results, one after the other; that of all results stands last."""
    return "\n".join(results.build(folder).values())


def cells(page, heading, number=0):
    """A table under a heading, as rows of cells."""
    lines = page.split(f"# {heading}\n", 1)[1].splitlines()
    blocks = itertools.groupby(lines, lambda line: line.startswith("|"))
    table = [list(block) for is_table, block in blocks if is_table][number]
    rows = [line.replace(r"\|", "¦")[1:-1].split("|") for line in table]
    assert set("".join(rows.pop(1)).replace(" ", "")) == {"-"}
    return [[cell.strip() for cell in row] for row in rows]
