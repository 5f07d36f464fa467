"""The nets of `mnist_dbn`'s stages, read from the checkpoints of a finished run."""

from pathlib import Path

import jax
import jax.numpy as jnp

from dbnjax.learning import up_down
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import checkpoint, greedy, pretraining, stages
from dbnjax.training.selection import ByErrors
from dbnjax.types import PyTree
from dbnjax.weights import io
from experiments.mnist_dbn import train
from experiments.mnist_dbn.config import Config

N_PIXELS, N_LABELS = 784, 10
KEY = jax.random.key(0)


def last(config: Config, stage: str, target: PyTree, model) -> PyTree:
    folder = stages.Place(Path(config.workdir)).checkpoints(stage)
    return checkpoint.restore(folder, target, io.describe(model))[1]


def greedy_net(config: Config) -> DBN:
    """The net after greedy learning."""

    def learned(level, machine, below):
        n_labels = N_LABELS if level == len(config.layers) - 1 else 0
        learner, _ = pretraining.layer_learning(train.stack_plan(config), level, n_labels)
        target = jax.eval_shape(learner.init, KEY, machine)
        return last(config, f"rbm_{level + 1}", target, machine).params

    return dbn.untie(greedy.learn_stack(KEY, N_PIXELS, config.layers, N_LABELS, learned))


def chosen_net(config: Config) -> DBN:
    """The net that up-down's last phase chose."""
    net = greedy_net(config)
    state = up_down.up_down(1).init(KEY, net)
    selected = ByErrors(state, net, jnp.int32(0), jnp.int32(0))
    return last(config, f"up_down_{len(config.up_down_epochs)}", selected, net).best
