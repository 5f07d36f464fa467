"""What the main job learns, stage by stage: its options as the plans of `dbnjax.training`."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import fine_tuning, keys, loop, pretraining
from dbnjax.training.plans import LayerPlan, StackPlan, UpDownPlan
from dbnjax.training.task import Task
from experiments.mnist_dbn.config import Config


@dataclasses.dataclass(frozen=True)
class Job:
    """A run of the main job.

    Attributes:
      config: the experiment's options.
      task: what all stages share.
      everything: all cases that are not test cases, on the device; None if no stage learns from
        them.
      folder: where the run writes.
      about: what a saved net tells of its images (`common.nets`).
    """

    config: Config
    task: Task
    everything: loop.Data | None
    folder: Path
    about: Mapping[str, Any]


def stack_plan(config: Config) -> StackPlan:
    """Returns how the stack learns; the top RBM, the memory, has options of its own."""
    shared: dict[str, Any] = {
        "k": config.k,
        "n_chains": config.memory_chains,
        "schedule": config.schedule,
        "early_momentum": config.early_momentum,
        "decay": config.decay,
    }
    *lower, top = config.layers
    layers = [
        LayerPlan(
            n_hidden=n_hidden,
            n_epochs=config.greedy_epochs,
            rate=config.greedy_rate,
            rule="cd",
            features=config.greedy_features,
            momentum=config.greedy_momentum,
            **shared,
        )
        for n_hidden in lower
    ]
    memory = LayerPlan(
        n_hidden=top,
        n_epochs=config.memory_epochs,
        rate=config.memory_rate,
        rule=config.memory_rule,
        features=config.memory_features,
        momentum=config.memory_momentum,
        **shared,
    )
    return StackPlan((*layers, memory), config.batch_size, config.pixels, config.data_biases)


def up_down_plan(config: Config) -> UpDownPlan:
    """Returns how the phases of up-down learn."""
    return UpDownPlan(
        n_epochs=config.up_down_epochs,
        n_steps=config.up_down_steps,
        rate=config.up_down_rate,
        schedule=config.up_down_schedule,
        momentum=config.up_down_momentum,
        decay=config.up_down_decay,
        labels=config.up_down_labels,
        statistics=config.up_down_statistics,
        batch_size=config.batch_size,
        pixels=config.pixels,
    )


def all_cases_plan(config: Config) -> UpDownPlan:
    """Returns how learning goes on with all cases, with the last phase's Gibbs iterations."""
    return dataclasses.replace(
        up_down_plan(config),
        n_epochs=(config.all_epochs,),
        n_steps=config.up_down_steps[-1:],
        rate=config.all_rate,
        schedule=config.all_schedule,
        momentum=config.all_momentum,
    )


def tail_plan(config: Config) -> UpDownPlan:
    """Returns how it goes on for long at a very small, constant rate (footnote 9)."""
    return dataclasses.replace(
        all_cases_plan(config),
        n_epochs=(config.tail_epochs,),
        rate=config.tail_rate,
        schedule="constant",
    )


def learn(job: Job) -> tuple[dict[str, DBN], dict[str, Any]]:
    """Runs the stages.

    Returns:
      The nets by stage, and for the record which epoch of up-down was chosen and how far learning
      from all cases got.
    """
    config, task, everything = job.config, job.task, job.everything
    nets = {"greedy": dbn.untie(pretraining.learn_stack(task, stack_plan(config)))}
    if not config.up_down_epochs:
        return nets, {}
    selected = fine_tuning.fine_tune(task, up_down_plan(config), nets["greedy"])
    nets["up-down"] = selected.best
    wrong = fine_tuning.count(task, selected.best, task.data)
    told: dict[str, Any] = {"chosen": {"epoch": int(selected.epoch), "training_errors": wrong}}
    if everything is None:
        return nets, told
    most = fine_tuning.most_errors(wrong, task.data, everything)
    continued = fine_tuning.go_on(
        task, all_cases_plan(config), selected.best, everything, most=most
    )
    nets["all cases"] = continued.learner.params
    told["target"] = {"most": most, "errors": int(continued.errors)}
    if config.tail_epochs:
        last = fine_tuning.go_on(
            task, tail_plan(config), nets["all cases"], everything, "tail", keys.TAIL
        )
        nets["tail"] = last.learner.params
    return nets, told
