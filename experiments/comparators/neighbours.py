"""The rows of nearest neighbour: exact, in chunks that show progress."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.inference import neighbours
from dbnjax.training import metrics
from experiments.comparators import rows
from experiments.comparators.rows import Outcome, Task

CHUNK = 1000  # test cases between two signs of progress

_nearest = jax.jit(neighbours.nearest, static_argnames="power")


def row(task: Task, power: int, few: bool) -> Outcome:
    """Gives every test case the class of its nearest training case; nothing is chosen.

    Args:
      task: what the rows share.
      power: 2 for the L2 norm, 3 for the L3 norm.
      few: among so many training cases as `--few` says, or else among all but the test cases.
    """
    n = rows.n_few(task.config, task.everything) if few else 0
    among, test = rows.first(task, n), task.splits.test
    began = time.perf_counter()
    pixels, cases = (jnp.asarray(rows.flat(images)) for images in (among, test))
    found = []
    begins = range(0, len(cases), CHUNK)
    title = f"L{power}, {len(pixels)} training cases"
    with metrics.progress(len(begins), title, unit=f"chunk of {CHUNK}") as advance:
        for begin in begins:
            found.append(np.asarray(_nearest(pixels, cases[begin : begin + CHUNK], power=power)))
            advance({})
    guesses = among.known_labels()[np.concatenate(found)]
    return Outcome(
        cases=len(pixels),
        validation=None,
        wrong=rows.mistakes(guesses, test),
        seconds=time.perf_counter() - began,
        settings={"norm": power, "neighbours": 1},
    )
