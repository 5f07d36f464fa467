"""Members of a sweep one after another, by the main job's own stages."""

from collections.abc import Sequence

from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training.stages import DivergenceError
from experiments.mnist_dbn import fine_tuning as dbn_fine_tuning
from experiments.mnist_dbn import stages as dbn_stages
from experiments.mnist_dbn.stages import Task
from experiments.sweep import outcomes
from experiments.sweep.members import Member
from experiments.sweep.outcomes import Outcome, Sweep


def learn(sweep: Sweep, members: Sequence[Member]) -> None:
    """Learns members and writes the outcome of each; those of one greedy part share its stack."""
    for name in dict.fromkeys(member.greedy for member in members):
        learn_group(sweep, name, [member for member in members if member.greedy == name])


def learn_group(sweep: Sweep, name: str, members: Sequence[Member]) -> None:
    """Learns a stack and fine-tunes it as each member says."""
    print(f"greedy learning: {name}", flush=True)
    greedy = sweep.task(members[0].config, sweep.folder / "greedy" / name)
    try:
        net = dbn.untie(dbn_stages.learn_stack(greedy))
    except DivergenceError:
        for member in members:
            outcomes.write(sweep, member, Outcome(outcomes.seconds(greedy.place)))
        return
    for member in members:
        print(f"up-down: {member.name}", flush=True)
        task = sweep.task(member.config, sweep.member(member))
        outcomes.write(sweep, member, fine_tune(task, greedy, net))
        outcomes.drop_checkpoints(task.place)


def fine_tune(task: Task, greedy: Task, net: DBN) -> Outcome:
    """Runs a member's up-down on a net of greedy learning and counts the errors of both nets."""
    before, training = (dbn_fine_tuning.count(task, net, d) for d in (task.held_out, task.data))
    outcome = Outcome(seconds=0.0, greedy_validation_errors=before, greedy_training_errors=training)
    try:
        selected = dbn_fine_tuning.fine_tune(task, net)
    except DivergenceError:
        pass
    else:
        outcome = outcome._replace(
            validation_errors=int(selected.errors),
            training_errors=dbn_fine_tuning.count(task, selected.best, task.data),
            epoch=int(selected.epoch),
        )
    spent = outcomes.seconds(greedy.place) + outcomes.seconds(task.place)
    return outcome._replace(seconds=spent)
