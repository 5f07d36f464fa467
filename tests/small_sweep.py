"""A sweep at the size of a test, and members of ensembles compared."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import small_job

from dbnjax.models import dbn
from dbnjax.training import ensembles, fine_tuning, loop, pretraining
from experiments import sweep
from experiments.mnist_dbn.train import stack_plan, up_down_plan
from experiments.sweep import main


def config(folder: Path, workdir: Path, **changes) -> sweep.Config:
    shorter = {"greedy_epochs": 1, "memory_epochs": 1, "up_down_rate": 0.1}
    shorter |= {"up_down_epochs": (1,), "up_down_steps": (2,)}
    small = dataclasses.asdict(small_job.config(folder, workdir, **shorter))
    return dataclasses.replace(sweep.Config(**small), **changes)


def cases() -> tuple[loop.Data, loop.Data]:
    """20 training and 10 validation images of 6 x 6 and 10 classes."""
    rng = np.random.default_rng(0)

    def put(n, batch_size, balanced):
        labels = np.arange(n) % 10
        pixels = rng.integers(0, 256, (n, 36), dtype=np.uint8)
        return loop.put(pixels, labels, 10, batch_size, balanced)

    return put(20, 20, True), put(10, 1, False)


def learn(shared: main.Sweep, members):
    """All members together: their stacks, and their fine-tuned nets."""
    task = main.joint_task(shared, "all", ["all"])
    keys = [main.key_of(member) for member in members]
    stacks = ensembles.learn_stacks(task, keys, [stack_plan(m.config) for m in members])
    plans = [up_down_plan(member.config) for member in members]
    return stacks, ensembles.fine_tune(task, keys, plans, stacks)


def learn_alone(shared: main.Sweep, member):
    """One member by itself: its greedy net, and the fine-tuned one."""
    own = shared.task(main.key_of(member), shared.folder / "alone")
    net = dbn.untie(pretraining.learn_stack(own, stack_plan(member.config)))
    return net, fine_tuning.fine_tune(own, up_down_plan(member.config), net)


def take(ensemble, member):
    return jax.tree.map(lambda x: x[member], ensemble)


def distance(a, b):
    return max(
        float(np.abs(x - y).max())
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )
