"""The nets of the main job's stages, read from the checkpoints of a finished run."""

from pathlib import Path

import jax
import jax.numpy as jnp

from dbnjax.learning import up_down
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import checkpoint, greedy, stages
from dbnjax.types import PyTree
from dbnjax.weights import io
from experiments.mnist_dbn import fine_tuning as dbn_fine_tuning
from experiments.mnist_dbn import stages as dbn_stages
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
        learner, _ = dbn_stages.layer_learning(config, level, n_labels)
        target = jax.eval_shape(learner.init, KEY, machine)
        return last(config, f"rbm_{level + 1}", target, machine).params

    return dbn.untie(greedy.learn_stack(KEY, N_PIXELS, config.layers, N_LABELS, learned))


def chosen_net(config: Config) -> DBN:
    """The net that up-down's last phase chose."""
    net = greedy_net(config)
    state = up_down.up_down(1).init(KEY, net)
    selected = dbn_fine_tuning.Selected(state, net, jnp.int32(0), jnp.int32(0))
    return last(config, f"up_down_{len(config.up_down_epochs)}", selected, net).best
