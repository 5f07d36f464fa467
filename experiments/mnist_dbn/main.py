"""What `python -m experiments.mnist_dbn` runs."""

import dataclasses
from typing import Any

from dbnjax import files
from dbnjax.data import preparation
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import metrics, sharding, stages
from dbnjax.weights import io
from experiments.common import arithmetic, cases, devices, net_records, workdir
from experiments.mnist_dbn import all_cases, figures, fine_tuning, judge
from experiments.mnist_dbn import stages as dbn_stages
from experiments.mnist_dbn import stream as dbn_stream
from experiments.mnist_dbn.config import Config


def run(config: Config) -> dict[str, Any]:
    """Trains, evaluates and writes a net, or goes on with an unfinished run.

    Returns:
      The summary that is also the last record of `metrics.jsonl`.

    Raises:
      InputError: an option, the devices, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    where = devices.taken(config.platform, config.mesh, (sharding.DATA,))
    with where, arithmetic.precision(config.precision):
        return run_here(config)


def run_here(config: Config) -> dict[str, Any]:
    """Does what `run` does, on the devices in use."""
    config.check_options()
    sharding.check_divides("--batch_size", config.batch_size, sharding.DATA)
    if config.memory_rule == "pcd":
        sharding.check_divides("--memory_chains", config.memory_chains, sharding.DATA)
    source, splits = cases.read(config, config.side)
    splits, stream = dbn_stream.take(config, source, splits)
    balanced = stream is None and cases.balanced(config.batch_size, source)
    data = cases.put(splits.train, source.n_classes, config.batch_size, balanced)
    held_out = cases.put(splits.validation, source.n_classes, 1, balanced=False)
    everything = preparation.all_but_test(source, splits) if config.all_epochs else None
    learned_from = {
        "data_dir": (splits, everything),
        "stream": dbn_stream.named(config.stream),
    }
    folder = workdir.begin(config, learned_from)
    place = stages.Place(folder, save_every=config.save_every)
    done = [r for r in metrics.read(place.metrics) if r.get("stage") == "summary"]
    if done:
        print(f"{folder}: this run is finished; its results:")
        print(workdir.laid_out(place.metrics, done[-1], judge.table))
        return done[-1]
    workdir.note_commit(folder)
    task = dbn_stages.Task(
        config=config,
        key=arithmetic.key(config.seed, config.draws),
        n_labels=source.n_classes if config.labels else 0,
        data=data,
        held_out=held_out,
        everything=everything
        and cases.put(everything, source.n_classes, config.batch_size, balanced=False),
        place=place,
        stream=stream,
        about=net_records.about(source.classes, splits.train),
    )
    if config.tensorboard:
        with metrics.tensorboard_writer(folder / "events") as log:
            place = dataclasses.replace(place, log=log)
            return finish(dataclasses.replace(task, place=place), splits)
    return finish(task, splits)


def learn(task: dbn_stages.Task) -> tuple[dict[str, DBN], dict[str, Any]]:
    """Runs the stages.

    Returns:
      The nets by stage, and for the summary which epoch of up-down was chosen and how far learning
      from all cases got.
    """
    config = task.config
    nets = {"greedy": dbn.untie(dbn_stages.learn_stack(task))}
    if not config.up_down_epochs:
        return nets, {}
    selected = fine_tuning.fine_tune(task, nets["greedy"])
    nets["up-down"] = selected.best
    wrong = fine_tuning.count(task, selected.best, task.data)
    told: dict[str, Any] = {"chosen": {"epoch": int(selected.epoch), "training_errors": wrong}}
    if task.everything is None:
        return nets, told
    most = all_cases.most_errors(wrong, task.data, task.everything)
    continued = all_cases.go_on(task, task.everything, selected.best, most)
    nets["all cases"] = continued.learner.params
    told["target"] = {"most": most, "errors": int(continued.errors)}
    if config.tail_epochs:
        last = all_cases.tail(task, task.everything, nets["all cases"])
        nets["tail"] = last.learner.params
    return nets, told


def finish(task: dbn_stages.Task, splits: preparation.Splits) -> dict[str, Any]:
    """Runs the stages and writes the net, the summary, the result and the figures."""
    folder = task.place.workdir
    nets, told = learn(task)
    *_, final = nets.values()
    summary = judge.summarise(task, nets, splits) | told
    result = judge.result(task, summary)
    for stage, net in nets.items():
        name = "net" if net is final else stage.replace(" ", "_")
        about = {"stage": stage, "summary": result, **task.about}
        io.save(folder / f"{name}.safetensors", net, about)
    files.write_json(folder / "result.json", result)
    metrics.append(task.place.metrics, summary)
    figures.draw(task, final, splits.test)
    print(judge.table(summary))
    print(f"\nnet, figures and metrics: {folder}")
    return summary
