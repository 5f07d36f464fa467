"""What `python -m experiments.hybrid` runs: it reads its nets and cases, tunes, measures, saves.

The nets that it starts from are tied if that is asked, and asked which cases they saw. The cases
are divided as for the run of `mnist_dbn` that a net comes from, which its record tells.
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax

from dbnjax import checks
from dbnjax.data import preparation, sources
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.training import hybrid_tuning, loop, metrics, stages
from dbnjax.training.selection import ByErrorsThenCost
from dbnjax.weights import io
from experiments.common import cases, nets, resumable, workdir
from experiments.common.groups import Reduced
from experiments.common.records import ALL, CHOSEN
from experiments.hybrid import report, train
from experiments.hybrid.config import CHOOSING, PRETRAINING, Config
from experiments.hybrid.report import ALL_START, START, Record

# What decides which cases a net has seen, and what it is without a word about it.
SPLIT = {k: v for k, v in dataclasses.asdict(Reduced()).items() if k != "data_dir"}
FROM_TRAINING = ("greedy", "up-down")  # stages that learn from training cases alone
ADVICE = (
    "experiments.mnist_dbn leaves such nets: greedy.safetensors, and up-down.safetensors, or "
    "net.safetensors where up-down was its last stage"
)


class Start(NamedTuple):
    """A net to start from.

    Attributes:
      params: a net for contrastive wake-sleep, a stack for CD.
      shape: height and width of its images.
      split: how the cases of its run were divided, by the names of the flags.
      made: what its record tells of how it was made.
    """

    params: DBN | Stack
    shape: tuple[int, int]
    split: dict[str, Any]
    made: dict[str, Any]


class Starts(NamedTuple):
    """What both stages start from.

    Attributes:
      net: learned from training cases alone.
      all_net: goes on with all cases; None for the one that is chosen.
    """

    net: Start
    all_net: Start | None


def run(config: Config) -> dict[str, Any]:
    """Tunes, judges and writes a net, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, a net, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    starts = read_starts(config)
    source, splits = read_cases(config, starts.net)
    n_classes = source.n_classes
    checks.check_batch_size(config.batch_size, len(splits.train.pixels))
    balanced = cases.balanced(config.batch_size, source)
    everything = preparation.all_but_test(source, splits)

    def learn(folder: Path) -> tuple[Record, resumable.Makers]:
        task = train.Task(
            config=config,
            key=jax.random.key(config.seed),
            n_labels=n_classes,
            data=cases.put(splits.train, n_classes, config.batch_size, balanced),
            held_out=cases.put(splits.validation, n_classes, 1, balanced=False),
            everything=cases.put(everything, n_classes, config.batch_size, balanced=False),
            place=stages.Place(folder, save_every=config.save_every),
            about=nets.about(source.classes, splits.train),
        )
        return finish(task, starts, cases.put(splits.test, n_classes, 1, balanced=False)), {}

    learned_from = {
        "data_dir": (splits, everything),
        "net": starts.net.params,
        "all_net": starts.all_net and starts.all_net.params,
    }
    return resumable.run(config, report.REPORT, learned_from, learn)


def finish(task: train.Task, starts: Starts, test: loop.Data) -> Record:
    """Runs both stages, writes the nets and returns the record."""
    plan = train.plan(task.config)
    selected = hybrid_tuning.tune(task, plan, starts.net.params, CHOOSING)
    begin = selected.best if starts.all_net is None else starts.all_net.params
    last = hybrid_tuning.go_on(task, plan, begin, task.everything, int(selected.epoch))
    record = result(task, starts, selected, last, test)
    for name, stage, net in (("chosen", "hybrid", selected.best), ("net", "all cases", last)):
        about = {"stage": stage, "summary": record, **task.about}
        io.save(task.place.workdir / f"{name}.safetensors", net, about)
    return record


def result(
    task: train.Task,
    starts: Starts,
    selected: ByErrorsThenCost,
    last: DBN | Stack,
    test: loop.Data,
) -> Record:
    """Judges the nets, the test cases for the first time, and returns all that RESULTS.md needs.

    Args:
      task: what both stages share.
      starts: what they started from.
      selected: what validation chose.
      last: the net after all cases.
      test: test cases.
    """
    config, chosen = task.config, int(selected.epoch)
    parts = {"train": task.data, "validation": task.held_out, "all": task.everything, "test": test}
    judged = {START: (starts.net.params, "validation"), CHOSEN: (selected.best, "validation")}
    if starts.all_net is not None:
        judged[ALL_START] = (starts.all_net.params, "all")
    judged[ALL] = (last, "all")
    wrong = {
        name: {split: hybrid_tuning.measure(net, parts[split]).wrong for split in (on, "test")}
        for name, (net, on) in judged.items()
    }
    # Of all nets at once: their names are the keys of the record's types.
    counts: Any = {name: len(data.labels) for name, data in parts.items()}
    errors: Any = {
        name: {split: len(found) for split, found in splits.items()}
        for name, splits in wrong.items()
    }
    epochs = [record for record in metrics.read(task.place.metrics) if "epoch" in record]
    made = workdir.described(task.place.workdir, config)
    return {
        **made,
        "config": made["config"] | starts.net.split,
        "seed": config.seed,
        "starts": {name: start.made for name, start in starts._asdict().items() if start},
        "cases": counts,
        "errors": errors,
        "wrong": {name: splits["test"].tolist() for name, splits in wrong.items()},
        "chosen": {"weight": config.weight(chosen - 1) if chosen else None, "epoch": chosen},
        "epochs": epochs,
        "seconds": workdir.seconds(epochs),
    }


def read_starts(config: Config) -> Starts:
    """Reads the nets of `--net` and `--all_net`.

    Raises:
      InputError: a net is missing, damaged or without labels or a record; the first has learned
        from other than training cases, or the second from another division of the cases; or one
        that has to be tied is not.
    """
    checks.require(
        bool(config.net),
        "--net: expected a net that learned from training cases alone, got none; the one that "
        f"comes with dbnjax has seen the validation cases too. {ADVICE}",
    )
    first = _read_start(config.net, config.form)
    stage = first.made.get("stage")
    checks.require(
        stage in FROM_TRAINING,
        f"{config.net}: expected a net that learned from training cases alone (stage "
        f"{' or '.join(FROM_TRAINING)}), got one of the stage {stage!r}, which may have seen the "
        f"validation cases. {ADVICE}",
    )
    if not config.all_net:
        return Starts(first, None)
    second = _read_start(config.all_net, config.form)
    checks.require(
        second.split == first.split,
        f"{config.all_net}: expected a net whose cases were divided as those of {config.net}, "
        f"{first.split}, got {second.split}; it may have seen the test cases",
    )
    return Starts(first, second)


def _read_start(path: str, form: str) -> Start:
    net = nets.read_net(path)
    checks.require(
        stack_lib.label_group(net.dbn.memory) is not None,
        f"{path}: expected a net with label units, got one without; it has no read-out of a class",
    )
    config = nets.told(net.metadata, "summary", "config")
    checks.require(
        isinstance(config, dict),
        f"{path}: expected a net with the record of its run, got one without; it does not tell "
        f"which cases it has seen. {ADVICE}",
    )
    split = {name: config.get(name, default) for name, default in SPLIT.items()}
    checks.require(
        all(type(value) is type(SPLIT[name]) for name, value in split.items()),
        f"{path}: expected a net whose record says how its cases were divided, got {split}; it was "
        f"written by another program. {ADVICE}",
    )
    checks.require(
        form != PRETRAINING or dbn_lib.is_tied(net.dbn),
        f"{path}: expected a tied net for --form=pretraining, got one whose recognition weights "
        f"are not its generative ones. {ADVICE}",
    )
    return Start(
        params=dbn_lib.tie(net.dbn) if form == PRETRAINING else net.dbn,
        shape=net.shape,
        split=split,
        made=nets.origin(net.metadata),
    )


def read_cases(config: Config, start: Start) -> tuple[sources.Source, preparation.Splits]:
    """Reads the images and divides them as for the net's own run.

    Raises:
      InputError: there are none, or fewer than there were, or they do not fit the net.
    """
    own = Reduced(**start.split, data_dir=config.data_dir)
    source, splits = cases.read(own, own.side)
    shape = splits.train.pixels.shape[1:]
    checks.require(
        shape == start.shape,
        f"{config.net}: expected a net for images of {shape[0]} x {shape[1]} pixels, got one for "
        f"{start.shape[0]} x {start.shape[1]}; it was learned from another set",
    )
    net = start.params
    memory = net.memory if isinstance(net, DBN) else net.rbms[-1]
    n_labels = dbn_lib.label_unit(memory).size
    checks.require(
        n_labels == source.n_classes,
        f"{config.net}: expected a net with {source.n_classes} labels, got {n_labels}; it was "
        "learned from another set",
    )
    return source, splits
