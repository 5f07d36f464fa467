"""Learning by one method, judged on the way by the bound and by a nearest neighbour."""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import schedules
from dbnjax.inference import features, neighbours
from dbnjax.models.dbn import DBN
from dbnjax.scoring import mean_log_p
from dbnjax.training import loop
from dbnjax.training.stages import DivergenceError
from dbnjax.types import Array, Key, PyTree
from experiments.belief_net_digits.config import INTERVAL, Config
from experiments.belief_net_digits.methods import METHODS, Stage


@dataclasses.dataclass(frozen=True)
class Task:
    """What all methods share.

    Attributes:
      config: the run's options.
      data: training cases on the device.
      seen: `[n, n_pixels]` the same as states.
      judged: `[m, n_pixels]` states that nothing is learned from.
      labels: of `judged`, `[m]`.
    """

    config: Config
    data: loop.Data
    seen: Array
    judged: Array
    labels: np.ndarray


def learn(task: Task, name: str) -> dict[str, Any]:
    """Learns by one method, and returns its record."""
    key = jax.random.key(task.config.seed)
    key_first, key_epochs, key_judge = jax.random.split(key, 3)
    method, looks, told = METHODS[name](key_first, task.config, task.data.pixels), [], None
    n, seconds = 0, 0.0
    while True:
        try:
            stage = method.send(told)
        except StopIteration:
            break
        told, found, seconds = _stage(
            task, stage, jax.random.fold_in(key_epochs, n), key_judge, seconds
        )
        looks += found
        n += 1
    columns = {column: [look[column] for look in looks] for column in looks[0]}
    return {"method": name, **columns}


def _stage(
    task: Task, stage: Stage, key: Key, key_judge: Key, seconds: float
) -> tuple[PyTree, list[dict[str, Any]], float]:
    """Learns one stage; returns the parameters, what was judged, and the seconds of learning."""
    config, looks = task.config, []
    program: Any = loop.epoch_program(stage.learner, stage.prepare, config.batch_size)
    state = stage.learner.init(key, stage.start)
    args = stage.hyper, state, stage.context, task.data
    compiled = program.lower(key, *args).compile()  # before the clock starts
    for i in range(stage.n_epochs):
        began = time.perf_counter()
        state, report = compiled(
            jax.random.fold_in(key, i), stage.hyper, state, stage.context, task.data
        )
        sound = bool(report.finite)  # waits until the epoch is over
        seconds += time.perf_counter() - began
        if not sound:
            raise DivergenceError(
                f"{stage.name}: a parameter stopped being finite in epoch {i + 1}; a smaller rate "
                "may help"
            )
        if i + 1 in points(config, stage.n_epochs):
            net = stage.net(state.params)
            about = {"stage": stage.name, "epoch": i + 1, "seconds": seconds}
            looks.append(about | judge(task, key_judge, net))
    return state.params, looks, seconds


def points(config: Config, n_epochs: int) -> set[int]:
    """Returns the epochs of a stage after which a net is judged, the last one among them."""
    return {round(x) for x in np.linspace(n_epochs, 0, config.points, endpoint=False).tolist()}


def judge(task: Task, key: Key, net: DBN) -> dict[str, Any]:
    """Returns the bound on log p with its interval, and the errors of a nearest neighbour."""
    config = task.config
    key_bound, key_features = jax.random.split(key)
    found = mean_log_p.estimate(
        key_bound, net, task.seen, task.judged, config.n_samples, config.ais_chains,
        schedules.linear(config.n_temperatures),
    ).below  # fmt: skip
    level = top_level(net)

    @jax.jit
    def see(v: Array) -> Array:
        means = features.features(key_features, net, v, level)
        return jnp.round(255.0 * means).astype(jnp.uint8)

    nearest = neighbours.nearest(see(task.seen), see(task.judged), power=2)
    guessed = np.asarray(task.data.labels)[np.asarray(nearest)]
    numbers: dict[str, Any] = dict(zip(INTERVAL, found.interval, strict=True))
    return numbers | {"errors": int((guessed != task.labels).sum())}


def top_level(net: DBN) -> int:
    """Returns the level of the top hidden layer: a memory without hidden units has none."""
    return len(net.recognition) + (net.memory.hidden.size > 0)
