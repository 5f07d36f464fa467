"""Contrastive divergence for RBMs under a context, CD-k and PCD-k.

Read `phases`, `passes.Hyper` and `models.conditional` first. The mean of log p(v | x) over cases
has the gradient of any machine, case by case (2006 paper, eq. 3.1): for parameters theta of the
units that `given(x)` makes,

    dlog p(v | x)/dtheta = <-dE/dtheta>_{p(h | v, x)} - <-dE/dtheta>_{p(v, h | x)}

These statistics belong to their case's own context. What the model's parameters make of them is the
chain rule through `given`, whatever it does with a context: for weights A from the context to the
visible units it is the mean of x^T (<v>_data - <v>_model), for a bias the mean over cases, for W
the mean of v h. By reverse differentiation any pytree with a method `given(context)` is learned
here, from contexts of any type: lengths, classes and rows of a table stay whole numbers.

CD-k starts each case's chain at its data, and runs it under its context. A persistent chain carries
the context under which it is drawn, for which alone it is a sample, and its statistics go with that
one. Contexts have to come and go as the data's do, or A and B would learn the few that the chains
have: in each step the cases of the batch begin new chains, in the place of the oldest ones. A chain
lives for n_chains / n_cases steps, so take several times as many chains as cases. (A chain for each
case of a large set, "no longer anywhere near its stationary distribution" when the case comes
again, is what Hinton, "Where do features come from?", section 9, advises against.)
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.learning import passes, phases, updates
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, Learner, PyTree, as_type, cast, floating_type

CHOICES = phases.Choices(positive="mean", visible="mean", negative="mean")
PERSISTENT_CHOICES = phases.Choices(positive="mean", visible="sample", negative="mean")


class Batch(NamedTuple):
    """Cases with their contexts.

    Attributes:
      visible: `[n_cases, n_visible]`. Values of units that the context says are absent are not
        read.
      context: what `given` takes, each array `[n_cases, ...]`.
    """

    visible: Array
    context: PyTree


class Chains(NamedTuple):
    """Persistent chains, the newest first.

    Attributes:
      hidden: `[n_chains, n_hidden]` hidden states.
      context: the contexts under which they are drawn, each array `[n_chains, ...]`.
    """

    hidden: Array
    context: PyTree


class State(NamedTuple):
    """What both learners carry.

    Attributes:
      params: the model.
      velocity: a pytree like it, or the memory of the learner's optimiser.
      chains: persistent ones, None for CD-k.
    """

    params: Any
    velocity: Any
    chains: Chains | None


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      activity: mean hidden activity on the data.
      chain_activity: the same at the end of the chains.
      reconstruction_error: squared difference between the data and the end of the chain, summed
        over visible units, mean over cases; None for persistent chains, which reconstruct nothing.
    """

    activity: Array
    chain_activity: Array
    reconstruction_error: Array | None


def mean_statistics(phase: phases.Phase) -> RBM:
    """Returns each case's share in the mean of a phase's statistics, and the mean of v h.

    Args:
      phase: of n cases.

    Returns:
      Statistics shaped like the machine `given` the cases' contexts: units `[n_cases, n]`, weights
      `[n_visible, n_hidden]`.
    """
    n = len(phase.visible)
    unit = (phase.visible_statistics, phase.hidden_statistics)
    visible, hidden = jax.tree.map(lambda x: x / n, unit)
    return RBM(visible=visible, hidden=hidden, weights=phase.visible.T @ phase.hidden / n)


def gradient(params: Any, context: PyTree, statistics: RBM) -> Any:
    """Returns what statistics say about a model's own parameters: the chain rule through `given`.

    Args:
      params: the model.
      context: of the cases.
      statistics: as `mean_statistics`, or a difference of two.

    Returns:
      A pytree like the model.
    """
    _, pull_back = jax.vjp(lambda model: model.given(context), params)
    pulled: tuple[Any] = pull_back(statistics)
    return pulled[0]


def contrastive_divergence(
    k: int = 1,
    choices: phases.Choices = CHOICES,
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a CD-k learner of a model under a context.

    `step(key, hyper, state, batch)` takes a `passes.Hyper` and a `Batch`.

    Args:
      k: full Gibbs steps, static; the most of them where the hyper-parameters have a number of
        their own.
      choices: what is sampled and what is averaged.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.

    Example:
      >>> from dbnjax import units
      >>> from dbnjax.models import conditional
      >>> six, four = units.Bernoulli.zeros(6), units.Bernoulli.zeros(4)
      >>> machine = conditional.init(jax.random.key(0), six, four, n_inputs=3)
      >>> learner = contrastive_divergence(k=1)
      >>> state = learner.init(jax.random.key(1), machine)
      >>> batch = Batch(jnp.ones((5, 6)), conditional.Context(jnp.ones((5, 3))))
      >>> state, info = learner.step(jax.random.key(2), passes.hyper(0.1), state, batch)
      >>> info.activity.shape
      ()
    """
    checks.check_count("k", k, 1)
    phases.check_choices(choices)

    def init(key: Key, params: Any) -> State:
        del key
        return State(params, updates.at_rest(params, optimiser), None)

    def step(key: Key, hyper: passes.Hyper, state: State, batch: Batch) -> tuple[State, Info]:
        key_hidden, key_chain = jax.random.split(key)
        rbm, cases = _cases(state.params, batch)
        positive = phases.positive_phase(key_hidden, rbm, cases, choices)
        negative = phases.negative_phase(
            key_chain, rbm, positive.hidden_state, k, choices, hyper.n_steps
        )
        both = mean_statistics(positive), mean_statistics(negative)
        uphill = gradient(state.params, batch.context, jax.tree.map(jnp.subtract, *both))
        error = ((positive.visible - negative.visible) ** 2).sum(-1).mean()
        moved = passes.ascend(hyper, state.params, state.velocity, uphill, optimiser)
        info = Info(positive.hidden.mean(), negative.hidden.mean(), error)
        return State(*moved, None), info

    return updates.learner(init, step, _take)


def persistent_contrastive_divergence(
    contexts: PyTree,
    k: int = 1,
    choices: phases.Choices = PERSISTENT_CHOICES,
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a PCD-k learner of a model under a context.

    `step(key, hyper, state, batch)` takes a `passes.Hyper` and a `Batch` of at most as many cases
    as there are chains.

    Args:
      contexts: under which the first chains run, one for each, such as those of some training
        cases: each array `[n_chains, ...]`. They are a part of the first state and of no program.
      k: full Gibbs steps between updates, static; the most of them where the hyper-parameters have
        a number of their own.
      choices: what is sampled and what is averaged; the visible units must be sampled.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.

    Raises:
      InputError: there are no contexts, or `choices.visible` is not "sample".
    """
    n_chains = _length("contexts", contexts)
    checks.check_count("n_chains", n_chains, 1)
    checks.check_count("k", k, 1)
    phases.check_persistent_choices(choices)

    def init(key: Key, params: Any) -> State:
        context = jax.tree.map(jnp.asarray, cast(contexts, floating_type(params)))
        # Chains start where the hidden units are without a field.
        unit = params.given(context).hidden
        chains = Chains(unit.sample(key, unit.no_field(n_chains)), context)
        return State(params, updates.at_rest(params, optimiser), chains)

    def step(key: Key, hyper: passes.Hyper, state: State, batch: Batch) -> tuple[State, Info]:
        key_hidden, key_chain = jax.random.split(key)
        params, chains = state.params, state.chains
        assert chains is not None
        rbm, cases = _cases(params, batch)
        _check_successors(batch.context, chains.context)
        positive = phases.positive_phase(key_hidden, rbm, cases, choices)
        chained = params.given(chains.context)
        negative = phases.negative_phase(
            key_chain, chained, chains.hidden, k, choices, hyper.n_steps
        )
        data = gradient(params, batch.context, mean_statistics(positive))
        model = gradient(params, chains.context, mean_statistics(negative))
        uphill = jax.tree.map(jnp.subtract, data, model)
        moved = passes.ascend(hyper, params, state.velocity, uphill, optimiser)
        begun = _begin(
            Chains(positive.hidden_state, batch.context),
            Chains(negative.hidden_state, chains.context),
        )
        info = Info(positive.hidden.mean(), negative.hidden.mean(), None)
        return State(*moved, begun), info

    return updates.learner(init, step, _take)


def _take(batch: Any, dtype: Any) -> Batch:
    """Returns a batch with its states in a type, and contexts if they are real numbers."""
    checks.require(
        isinstance(batch, Batch),
        f"batch: expected conditional.Batch(visible, context), got {checks.in_words(batch)}",
    )
    return Batch(
        as_type(batch.visible, dtype), jax.tree.map(jnp.asarray, cast(batch.context, dtype))
    )


def _check_successors(new: PyTree, old: PyTree) -> None:
    """Raises `InputError` unless contexts can take the place of some of the chains'."""
    n_cases, n_chains = _length("context", new), _length("contexts", old)
    checks.require(
        n_cases <= n_chains,
        f"batch: expected at most as many cases as chains, {n_chains}, got {n_cases}; each case "
        "begins a chain, so take several times as many contexts for the first ones",
    )
    got, wanted = ([str(x.dtype) for x in jax.tree.leaves(tree)] for tree in (new, old))
    checks.require(
        got == wanted, f"context: expected the types of the chains' contexts, {wanted}, got {got}"
    )


def _begin(new: Chains, old: Chains) -> Chains:
    """Puts new chains in the place of as many of the oldest."""
    n_chains = len(old.hidden)
    begun: Chains = jax.tree.map(lambda a, b: jnp.concatenate([a, b])[:n_chains], new, old)
    return begun


def _cases(params: Any, batch: Batch) -> tuple[RBM, Array]:
    """Returns the machine of a batch's cases and their visible states, checked.

    Raises:
      InputError: as `phases.check_cases` and `given`, or there is not one context for each case.
    """
    n_cases, n_contexts = batch.visible.shape[:1], _length("context", batch.context)
    checks.require(
        len(batch.visible.shape) == 2 and n_cases == (n_contexts,),
        f"batch: expected visible states [n_cases, n_visible] and a context for each, got shape "
        f"{batch.visible.shape} and {n_contexts} contexts",
    )
    rbm: RBM = params.given(batch.context)
    checks.check_width("visible states", batch.visible, rbm.visible.size)
    visible = rbm.visible.only_present(batch.visible)
    return rbm, phases.as_cases(rbm.visible, visible)


def _length(name: str, context: PyTree) -> int:
    """Returns how many contexts there are.

    Raises:
      InputError: there is no array, or they are not of one length.
    """
    lengths = {leaf.shape[:1] for leaf in jax.tree.leaves(context)}
    checks.require(
        len(lengths) == 1 and () not in lengths,
        f"{name}: expected arrays with one leading axis of cases, got "
        f"{checks.in_words(context) if not lengths else sorted(lengths)}",
    )
    (length,) = lengths.pop()
    return int(length)
