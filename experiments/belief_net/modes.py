"""Which modes recognition knows after wake-sleep, and after its contrastive form."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import exact, exact_nets
from dbnjax.learning import passes
from dbnjax.learning.up_down import up_down
from dbnjax.learning.wake_sleep import wake_sleep
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import Layer, conditional
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.types import Array
from dbnjax.units import Bernoulli
from experiments.belief_net.config import Config

N_PIXELS = 3
# In equilibrium each explanation is on alone in one state of four, none in half of them, and both
# in one of 10^6. From one to the other takes Gibbs sampling some hundred iterations.
MEMORY = RBM(
    visible=Bernoulli(jnp.full(2, -14.69)),
    hidden=Bernoulli(jnp.full(2, -6.0)),
    weights=20.0 * jnp.array([[1.0, -1.0], [-1.0, 1.0]]),
)
DOWN = Layer(Bernoulli(jnp.full(N_PIXELS, -6.0)), jnp.full((2, N_PIXELS), 12.0))
# The logits of the first explanation and of the second one given the image: 3 and -3.
UP = Layer(Bernoulli(jnp.full(2, -3.0)), jnp.tile(jnp.array([2.0, 0.0]), (N_PIXELS, 1)))
NET = DBN(recognition=(UP,), generative=(DOWN,), memory=MEMORY)
IMAGES = jnp.stack([jnp.ones(N_PIXELS), jnp.zeros(N_PIXELS)])
LEARNS = ("recognition", "everything")


class Learnt(NamedTuple):
    """The state of learning that remembers nothing else."""

    params: DBN


def rules(config: Config) -> dict[str, int | None]:
    """Returns the Gibbs iterations of each rule's dreams, None for the equilibrium."""
    contrastive: dict[str, int | None] = {f"up-down, k = {n}": n for n in config.iterations}
    return {"wake-sleep": None} | contrastive


def judge(net: DBN) -> tuple[Array, Array, Array]:
    """Returns what is exactly so of a net.

    Returns:
      log p and the bound with recognition, in nats, mean over the two images; and the probability
      that recognition names neither the one explanation of the image nor the other, but none or
      both.
    """
    found = exact_nets.bound(net, IMAGES)
    first, second = conditional(net.recognition[0], IMAGES[0]).mean()
    log_p = (found.bound + found.gap).mean()
    return log_p, found.bound.mean(), first * second + (1 - first) * (1 - second)


def dreamt(net: DBN, n_steps: int | None) -> Array:
    """Returns the law of the penultimate states from which a down-pass starts, `[4]`, exactly.

    Args:
      net: with a memory without labels.
      n_steps: Gibbs iterations from what recognition says of the images; None for the equilibrium.
    """
    states = exact.binary_states(2)
    if n_steps is None:
        return jnp.exp(exact.log_prob(net.memory, states))
    given = conditional(net.recognition[0], IMAGES)
    law = jnp.exp(jax.vmap(given.log_prob, out_axes=1)(jnp.repeat(states[:, None], 2, 1))).mean(0)
    up = jnp.exp(_table(rbm_lib.hidden_given_visible(net.memory, states[:, None]), states))
    down = jnp.exp(_table(rbm_lib.visible_given_hidden(net.memory, states[:, None]), states))
    return law @ jnp.linalg.matrix_power(up @ down, n_steps)


def _table(given: Any, states: Array) -> Array:
    """Returns log p of each state given each one, `[given, states]`."""
    log_p: Array = given.log_prob(states[None])
    return log_p


def sleep(net: DBN, n_steps: int | None) -> Layer:
    """Returns the expected gradient of recognition in the sleep phase, by enumeration."""
    causes, images = exact.binary_states(2), exact.binary_states(N_PIXELS)
    images_of = jnp.exp(_table(conditional(net.generative[0], causes[:, None]), images))
    weight = (dreamt(net, n_steps)[:, None] * images_of).T

    def recognised(layer: Layer) -> Array:
        return (weight * _table(conditional(layer, images[:, None]), causes)).sum()

    slope: Layer = jax.grad(recognised)(net.recognition[0])
    return slope


def learn(config: Config, rule: str, learns: str) -> dict[str, Any]:
    """Learns by one rule, and returns the record of its curve.

    Args:
      config: the run's options.
      rule: one of `rules`.
      learns: "recognition", by the exact expectation of the sleep phase, or "everything", by the
        library's learner from drawn states.
    """
    make = _recognition if learns == "recognition" else _everything
    state, step = make(config, rules(config)[rule])
    looks = looks_at(config.mode_updates, config.points)

    @partial(jax.jit, static_argnums=1)
    def go_on(state: Any, n_updates: int, first: Array) -> Any:
        body = partial(step, jax.random.key(config.seed))
        return jax.lax.scan(body, state, first + jnp.arange(n_updates))[0]

    seen, found, judged = 0, [], jax.jit(judge)
    for updates in looks:
        state, seen = go_on(state, updates - seen, jnp.int32(seen)), updates
        found.append([float(x) for x in judged(state.params)])
    columns = np.array(found).T.tolist()
    names = ("log_p", "bound", "neither")
    return {"rule": rule, "learns": learns, "updates": looks} | dict(
        zip(names, columns, strict=True)
    )


def _everything(config: Config, n_steps: int | None) -> tuple[Any, Any]:
    """Returns the first state of the library's learner, and its step as the body of a scan."""
    n = config.mode_cases
    learner = wake_sleep(n, n_steps=1) if n_steps is None else up_down(n_steps)
    batch = passes.Batch(jnp.repeat(IMAGES, np.array([n - n // 2, n // 2]), axis=0))
    hyper = passes.hyper(config.mode_rate)

    def body(key: Array, state: Any, i: Array) -> tuple[Any, None]:
        return learner.step(jax.random.fold_in(key, i), hyper, state, batch)[0], None

    state = learner.init(jax.random.key(config.seed), NET)
    if n_steps is None:  # as long persistent chains would have it
        top = jnp.exp(exact.log_prob(rbm_lib.transpose(MEMORY), exact.binary_states(2)))
        chosen = jax.random.choice(jax.random.key(config.seed), 4, (n,), p=top)
        state = state._replace(chains=exact.binary_states(2)[chosen])
    return state, body


def _recognition(config: Config, n_steps: int | None) -> tuple[Any, Any]:
    """As `_everything`, for recognition alone and without noise."""

    def body(key: Array, state: Any, i: Array) -> tuple[Any, None]:
        net = state.params
        slope = sleep(net, n_steps)
        moved = jax.tree.map(lambda p, g: p + config.mode_rate * g, net.recognition[0], slope)
        return state._replace(params=net.replace(recognition=(moved,))), None

    return Learnt(NET), body


def looks_at(n_updates: int, points: int) -> list[int]:
    """Returns after how many updates learning is looked at, the start among them."""
    return sorted({round(x) for x in np.linspace(0, n_updates, points + 1).tolist()})
