"""The nets that `hybrid` starts from: read, tied if that is asked, and asked which cases they saw.

The cases are divided as for the run of `mnist_dbn` that a net comes from, which its record tells.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from dbnjax import checks
from dbnjax.data import preparation, sources
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from experiments.common import cases, nets
from experiments.common.groups import Reduced
from experiments.hybrid.config import Config

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


def read(config: Config) -> Starts:
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
    first = _read(config.net, config.form)
    stage = first.made.get("stage")
    checks.require(
        stage in FROM_TRAINING,
        f"{config.net}: expected a net that learned from training cases alone (stage "
        f"{' or '.join(FROM_TRAINING)}), got one of the stage {stage!r}, which may have seen the "
        f"validation cases. {ADVICE}",
    )
    if not config.all_net:
        return Starts(first, None)
    second = _read(config.all_net, config.form)
    checks.require(
        second.split == first.split,
        f"{config.all_net}: expected a net whose cases were divided as those of {config.net}, "
        f"{first.split}, got {second.split}; it may have seen the test cases",
    )
    return Starts(first, second)


def _read(path: str, form: str) -> Start:
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
    return Start(
        params=tie(path, net.dbn) if form == "pretraining" else net.dbn,
        shape=net.shape,
        split=split,
        made=nets.origin(net.metadata),
    )


def tie(path: str, net: DBN) -> Stack:
    """Makes the stack again that a net was untied from.

    Raises:
      InputError: the net has learned since: its two directions differ.
    """
    layers = list(zip(net.recognition, net.generative, strict=True))
    checks.require(
        all(np.array_equal(up.weights, down.weights.T) for up, down in layers),
        f"{path}: expected a tied net for --form=pretraining, got one whose recognition weights "
        f"are not its generative ones. {ADVICE}",
    )
    lower = (RBM(visible=down.unit, hidden=up.unit, weights=up.weights) for up, down in layers)
    return stack_lib.create((*lower, net.memory))


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
