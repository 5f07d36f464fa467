"""Members of a sweep all at once, in one program a stage."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.models.dbn import DBN
from dbnjax.training import sharding
from experiments.mnist_dbn.stages import Task
from experiments.sweep import members as sweep_members
from experiments.sweep import outcomes, up_down
from experiments.sweep import stacks as sweep_stacks
from experiments.sweep.members import Member
from experiments.sweep.outcomes import Outcome, Sweep


def learn(sweep: Sweep, members: Sequence[Member]) -> None:
    """Learns members and writes the outcome of each; those of one greedy part share its stack.

    What is unfinished is found again as long as the same members are asked for.
    """
    parts = {member.greedy: member.config for member in members}
    greedy = joint_task(sweep, "greedy", members[0], list(parts))
    print(f"greedy learning, together: {'; '.join(parts)}", flush=True)
    stacks = sweep_stacks.learn_stacks(greedy, list(parts.values()))
    which = jnp.array([list(parts).index(member.greedy) for member in members])
    start = jax.tree.map(lambda x: x[which], stacks)
    names = [member.name for member in members]
    task = joint_task(sweep, "up_down", members[0], names)
    print(f"up-down, together: {'; '.join(names)}", flush=True)
    selected = up_down.fine_tune(task, [member.config for member in members], start)
    spent = outcomes.seconds(greedy.place) + outcomes.seconds(task.place)
    before = [numbers[which] for numbers in errors(greedy, stacks.state)]
    after = [*errors(task, selected.best), np.asarray(sharding.gather(selected.epoch))]
    for i, member in enumerate(members):
        found = [int(x[i]) if selected.learned.sound[i] else None for x in after]
        found += [int(x[i]) if start.sound[i] else None for x in before]
        outcomes.write(sweep, member, Outcome(spent / len(members), *found))
    outcomes.drop_checkpoints(task.place)


def joint_task(sweep: Sweep, part: str, member: Member, names: Sequence[str]) -> Task:
    """Makes what the stages take, with the options of one member and the seed of the command.

    Options that differ between members are arrays; the seed orders the cases for all of them.
    """
    folder = sweep.folder / "together" / f"{part}-{sweep_members.joint_label(names)}"
    return sweep.task(dataclasses.replace(member.config, seed=sweep.seed), folder)


def errors(task: Task, nets: DBN) -> list[np.ndarray]:
    """Returns every net's errors in validation and in training."""
    counts = [up_down.count(task, nets, d) for d in (task.held_out, task.data)]
    return [np.asarray(sharding.gather(count)) for count in counts]
