"""How each method learns, stage by stage, and what net is judged on the way.

A method is a generator: it yields a stage and is sent the parameters that were learned in it.
"""

import dataclasses
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import jax

from dbnjax.learning import helmholtz as helmholtz_learning
from dbnjax.learning import passes, phases, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.up_down import up_down
from dbnjax.learning.wake_sleep import wake_sleep
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import helmholtz
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.helmholtz import Helmholtz
from dbnjax.models.rbm import RBM
from dbnjax.training import greedy
from dbnjax.types import Array, Draw, Key, Learner, PyTree
from dbnjax.units import Bernoulli
from experiments.belief_net_digits.config import Config

CD = contrastive_divergence(1, phases.Choices(visible="sample"))  # as binary data are
CAUSES = helmholtz_learning.wake_sleep()


@dataclasses.dataclass(frozen=True)
class Stage:
    """A piece of learning.

    Attributes:
      name: of the stage.
      n_epochs: its length.
      learner: what learns.
      start: the parameters before it.
      hyper: the learner's numbers.
      prepare: as of `loop.epoch_program`.
      net: makes the net that is judged of the parameters.
      context: what `prepare` needs, the layers below.
    """

    name: str
    n_epochs: int
    learner: Learner
    start: PyTree
    hyper: PyTree
    prepare: Any
    net: Callable[[Any], DBN]
    context: PyTree = ()


Method: TypeAlias = Generator[Stage, Any, None]


def drawn(config: Config) -> Draw:
    """Returns how a step takes pixels: only resampled ones are drawn in it."""
    return "sample" if config.binarisation == "resampled" else "mean"


def of_layer(config: Config) -> Any:
    """Returns what prepares the features of the layers below, which are sampled."""
    return greedy.layer_data(drawn(config), "sample", 0)


def visible(key: Key, config: Config, pixels: Array) -> Bernoulli:
    """Returns visible units with the means of the pixels."""
    unit: Bernoulli = greedy.matched_layer(key, 1, (), pixels).visible
    return unit


def rbms(key: Key, config: Config, pixels: Array) -> Generator[Stage, RBM, tuple[RBM, ...]]:
    """Learns RBMs one above the other by CD-1."""
    learned: tuple[RBM, ...] = ()
    for i, n_hidden in enumerate(config.layers):
        lower, below = learned, greedy.layers_of(learned)
        first = greedy.matched_layer(jax.random.fold_in(key, i), n_hidden, below, pixels)

        def whole(rbm: RBM, lower: tuple[RBM, ...] = lower) -> DBN:
            return dbn_lib.untie(stack_lib.create((*lower, rbm)))

        hyper = updates.hyper(config.cd_rate, config.momentum)
        rbm = yield Stage(
            f"RBM {i + 1}", config.layer_epochs, CD, first, hyper, of_layer(config), whole, below
        )
        learned = (*learned, rbm)
    return learned


def greedily(key: Key, config: Config, pixels: Array) -> Method:
    """RBMs, then up-down."""
    learned = yield from rbms(key, config, pixels)
    start = dbn_lib.untie(stack_lib.create(learned))
    yield _whole(config, "up-down", config.tune_epochs, up_down(config.iterations), start, True)


def random_net(key: Key, config: Config, pixels: Array) -> DBN:
    """Makes a net of small weights with a memory, its visible biases from the pixels."""
    first = [visible(key, config, pixels), *map(Bernoulli.zeros, config.layers)]
    small = helmholtz.init(key, first[:-1])
    memory = greedy.layer(jax.random.fold_in(key, 1), *config.layers[-2:])
    return DBN(small.recognition, tuple(reversed(small.net.layers)), memory)


def by_wake_sleep(key: Key, config: Config, pixels: Array) -> Method:
    """Wake-sleep with a memory from random weights."""
    start, learner = random_net(key, config, pixels), wake_sleep(config.batch_size, n_steps=1)
    yield _whole(config, "wake-sleep", config.epochs, learner, start, False)


def by_up_down(key: Key, config: Config, pixels: Array) -> Method:
    """Up-down from random weights."""
    start, learner = random_net(key, config, pixels), up_down(config.iterations)
    yield _whole(config, "up-down", config.epochs, learner, start, False)


def _whole(
    config: Config, name: str, n_epochs: int, learner: Learner, start: DBN, tunes: bool
) -> Stage:
    hyper = passes.hyper(config.tune_rate if tunes else config.rate, config.momentum)
    prepare = greedy.net_data(drawn(config), 0)
    return Stage(name, n_epochs, learner, start, hyper, prepare, lambda net: net)


def causes(key: Key, config: Config, pixels: Array) -> Method:
    """Wake-sleep with independent top units from random weights."""
    start = helmholtz.init(
        key, [visible(key, config, pixels), *map(Bernoulli.zeros, config.layers)]
    )
    yield _directed(config, "wake-sleep", config.epochs, config.rate, start)


def modules(key: Key, config: Config, pixels: Array) -> Method:
    """Directed modules one above the other, then wake-sleep of the whole."""
    learned: tuple[Helmholtz, ...] = ()
    for i, n_hidden in enumerate(config.layers):
        below = tuple(module.recognition[0] for module in learned)
        first = greedy.matched_layer(jax.random.fold_in(key, i), n_hidden, below, pixels)
        start = helmholtz.init(jax.random.fold_in(key, i), [first.visible, first.hidden])

        def whole(module: Helmholtz, lower: tuple[Helmholtz, ...] = learned) -> DBN:
            return helmholtz.as_dbn(helmholtz.stack((*lower, module)))

        stage = _directed(config, f"module {i + 1}", config.layer_epochs, config.rate, start)
        module = yield dataclasses.replace(stage, net=whole, context=below)
        learned = (*learned, module)
    yield _directed(
        config, "wake-sleep", config.tune_epochs, config.tune_rate, helmholtz.stack(learned)
    )


def _directed(config: Config, name: str, n_epochs: int, rate: float, start: Helmholtz) -> Stage:
    hyper = passes.hyper(rate, config.momentum)
    return Stage(name, n_epochs, CAUSES, start, hyper, of_layer(config), helmholtz.as_dbn)


METHODS: dict[str, Callable[[Key, Config, Array], Method]] = {
    "greedy": greedily,
    "wake_sleep": by_wake_sleep,
    "up_down": by_up_down,
    "causes": causes,
    "modules": modules,
}
