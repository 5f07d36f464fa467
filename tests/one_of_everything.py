"""One of everything that learns, samples or estimates, as functions of a key and parameters.

What each gives back is all floating arrays of the parameters' type, whatever type the data, the
hyper-parameters and the temperatures have; `tests/test_types.py` asks for it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dbnjax import checks, types, units
from dbnjax.evaluation import (
    ais,
    annealing,
    belief_nets,
    bounds,
    exact,
    exact_nets,
    overfitting,
    raise_bound,
    schedules,
)
from dbnjax.inference import classify, complete, features, generate
from dbnjax.learning import (
    autoencoder,
    averaging,
    backprop,
    conditional,
    hybrid,
    missing_labels,
    passes,
    persistent,
    updates,
)
from dbnjax.learning import helmholtz as helmholtz_learning
from dbnjax.learning.conjugate_gradient import conjugate_gradient
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.gibbs_posterior import gibbs_posterior
from dbnjax.learning.tempered import parallel_tempering
from dbnjax.learning.up_down import up_down
from dbnjax.learning.wake_sleep import wake_sleep
from dbnjax.models import belief_net, complementary_prior, dbn, feedforward, helmholtz, rbm, stack
from dbnjax.models import conditional as conditional_lib
from dbnjax.models import path as path_lib
from dbnjax.sampling import belief_net_gibbs, belief_net_mean_field, gibbs, tempering
from dbnjax.training import easy_cases, evaluate, greedy, loop, translations
from dbnjax.types import Learner, PyTree

N, N_VISIBLE, N_HIDDEN, N_LABELS, N_CHAINS = 6, 4, 3, 2, 5
BETAS = (1.0, 0.6, 0.0)
KEY = jax.random.key(0)


class Learning(NamedTuple):
    """A learner with what it takes: parameters in JAX's default type, numbers, prepared cases."""

    learner: Learner
    params: Callable[[], PyTree]
    hyper: Callable[[], PyTree]
    batch: Callable[[], PyTree]
    compares_energies: bool = False


def binary():
    return rbm.init(KEY, units.Bernoulli.zeros(N_VISIBLE), units.Bernoulli.zeros(N_HIDDEN), 0.5)


def of(visible, hidden):
    return lambda: rbm.init(KEY, visible.zeros(N_VISIBLE), hidden.zeros(N_HIDDEN))


def causes():
    sizes = (N_VISIBLE, N_HIDDEN, 2)
    return helmholtz.init(KEY, [units.Bernoulli.zeros(n) for n in sizes], 0.5)


def joint():
    parts = units.Bernoulli.zeros(N_VISIBLE), units.Categorical.zeros(N_LABELS)
    return rbm.init(KEY, units.Concat(parts), units.Bernoulli.zeros(N_HIDDEN), 0.5)


def machines():
    below = rbm.init(KEY, units.Bernoulli.zeros(N_VISIBLE), units.Bernoulli.zeros(N_VISIBLE))
    return stack.create((below, joint()))


def net():
    return dbn.untie(machines())


def forward():
    return feedforward.unroll(KEY, machines(), N_LABELS)


def rectified():
    return feedforward.init(KEY, (N_VISIBLE, N_HIDDEN), N_LABELS, units.Rectifier)


def pixels():
    return np.arange(N * N_VISIBLE, dtype=np.uint8).reshape(N, N_VISIBLE) * 9


def visible():
    return greedy.intensities(KEY, jnp.asarray(pixels()), "mean")


def states():
    return jnp.asarray(pixels() % 2, float)


def labels():
    return jax.nn.one_hot(jnp.arange(N) % N_LABELS, N_LABELS)


def cases():
    return passes.Batch(visible(), labels())


def weighted_cases():
    return backprop.Batch(visible(), labels(), jnp.linspace(0.5, 2.0, N))


def partly_labelled():
    return jnp.concatenate([visible(), labels().at[0].set(0.0)], axis=1)


def driven():
    pairs = units.Categorical.zeros(2, n_groups=N_VISIBLE // 2)
    return conditional_lib.init(KEY, pairs, units.Bernoulli.zeros(N_HIDDEN), N_LABELS)


def contexts():
    some = np.arange(N * N_VISIBLE // 2).reshape(N, -1) % 3 > 0
    return conditional_lib.Context(labels(), some)


def given_cases():
    state = jnp.tile(labels(), (1, N_VISIBLE // N_LABELS))
    return conditional.Batch(state, contexts())


def plain():
    return updates.hyper(0.1, momentum=0.5, decay=0.01, sparsity_cost=0.1)


def fine():
    return passes.hyper(0.1, momentum=0.5, decay=0.01)


def mixed():
    return hybrid.hyper(0.1, weight=0.3, momentum=0.5, decay=0.01)


def tuning():
    return backprop.hyper(0.1, decay=0.01)


def by(optimiser, **options):
    return Learning(backprop.backprop(optimiser, **options), forward, tuning, weighted_cases)


MOMENTUM = optax.sgd(1.0, momentum=0.9)
CD_2 = contrastive_divergence(k=2)
LEARNING = {
    "cd": Learning(contrastive_divergence(), binary, plain, visible),
    "cd-2": Learning(CD_2, binary, plain, visible),
    "centred cd-2": Learning(contrastive_divergence(k=2, centred=True), binary, plain, visible),
    "cd-2, gaussian and relu": Learning(CD_2, of(units.Gaussian, units.Relu), plain, visible),
    "cd-2, noisy relu": Learning(CD_2, of(units.Bernoulli, units.NoisyRelu), plain, visible),
    "cd-2, counts": Learning(CD_2, of(units.Poisson, units.Bernoulli), plain, visible),
    "cd-2, labels": Learning(CD_2, joint, plain, partly_labelled),
    "cd by adam": Learning(
        contrastive_divergence(centred=True, optimiser=optax.adam(1.0)), binary, plain, visible
    ),
    "pcd": Learning(
        persistent.persistent_contrastive_divergence(N_CHAINS, k=2), binary, plain, visible
    ),
    "fast pcd": Learning(
        persistent.fast_persistent_contrastive_divergence(N_CHAINS),
        binary,
        lambda: persistent.fast_hyper(plain()),
        visible,
    ),
    "tempered": Learning(
        parallel_tempering(BETAS, N_CHAINS, k=2, centred=True), binary, plain, visible, True
    ),
    "averaged": Learning(
        averaging.averaged(CD_2), binary, lambda: averaging.hyper(plain(), 0.01), visible
    ),
    "missing labels": Learning(missing_labels.imputed(CD_2), joint, plain, partly_labelled),
    "up-down": Learning(up_down(n_steps=2), net, fine, cases),
    "up-down by adam": Learning(up_down(2, optimiser=optax.adam(1.0)), net, fine, cases),
    "wake-sleep": Learning(wake_sleep(N_CHAINS, n_steps=2), net, fine, cases),
    "wake-sleep of causes": Learning(helmholtz_learning.wake_sleep(), causes, fine, visible),
    "gibbs posterior": Learning(gibbs_posterior(n_sweeps=2), lambda: causes().net, fine, visible),
    "hybrid": Learning(hybrid.contrastive(n_steps=2), net, mixed, cases),
    "hybrid of a stack": Learning(hybrid.pretraining(features="sample"), machines, mixed, cases),
    "conditional": Learning(conditional.contrastive_divergence(k=2), driven, fine, given_cases),
    "persistent conditional": Learning(
        conditional.persistent_contrastive_divergence(contexts()), driven, fine, given_cases
    ),
    "backprop": by(MOMENTUM),
    "dropout and max-norm": by(MOMENTUM, dropout=True, max_norm=True),
    "adam": by(optax.adam(1.0)),
    "conjugate gradient": by(conjugate_gradient()),
    "l-bfgs": by(optax.lbfgs()),
    "rectified units": Learning(backprop.backprop(MOMENTUM), rectified, tuning, weighted_cases),
    "autoencoder": Learning(
        autoencoder.autoencoder(MOMENTUM), binary, lambda: autoencoder.hyper(0.1), visible
    ),
    "untied autoencoder": Learning(
        autoencoder.autoencoder(MOMENTUM, "squared"),
        lambda: autoencoder.untie(binary()),
        lambda: autoencoder.hyper(0.1),
        visible,
    ),
}


class Asking(NamedTuple):
    """What is asked of parameters: `ask(key, params)`."""

    params: Callable[[], PyTree]
    ask: Callable[..., PyTree]
    compares_energies: bool = True


def base_rates(machine):
    v = visible()
    return path_lib.from_base_rates(machine, v.mean(0), v.var(0))


def tempered_chains(key, machine):
    path, betas = base_rates(machine), jnp.asarray(BETAS)
    state = tempering.init(key, path, betas, N_CHAINS)
    return tempering.chain(key, path, betas, state, 2)


def forward_ais(key, machine):
    path = base_rates(machine)
    state = annealing.anneal(key, path, schedules.linear(4)[1:], ais.start(key, path, N_CHAINS))
    return state, ais.forward(path_lib.log_z_uncoupled(path.base), state)


def reverse_ais(key, machine):
    path = base_rates(machine)
    state = annealing.start(path, states(), 1.0)
    state = annealing.anneal(key, path, schedules.piecewise(4)[::-1][1:], state)
    return state, ais.reverse(1.5, state)


def bridge_ais(key, machine):
    bridge = path_lib.bridge(machine, rbm.init(key, machine.visible, machine.hidden))
    state = annealing.start(bridge.path, states(), 0.0)
    return annealing.anneal(key, bridge.path, np.array([0.5, 1.0]), state), bridge.shift


def raised(key, machine):
    path = base_rates(machine)
    state = raise_bound.start(key, path, states(), N_CHAINS)
    state = annealing.anneal(key, path, schedules.linear(4)[::-1][1:], state)
    return state, raise_bound.estimate(path, states(), np.float64(1.5), state)


def exact_answers(key, machine):
    v = states()
    asked = exact.log_z(machine), exact.marginals(machine), exact.sample(key, machine, 4)
    return *asked, exact.log_prob(machine, v), exact.gradient(machine, v)


def bounded(key, dbn):
    log_weights = bounds.log_weights(key, dbn, states(), np.float64(1.5), 3, labels())
    own = bounds.variational(log_weights), bounds.importance_weighted(log_weights)
    return log_weights, own


def net_answers(key, dbn):
    v = states()
    asked = exact_nets.log_prob(dbn, v), exact_nets.bound(dbn, v, labels())
    return *asked, exact_nets.posterior(dbn, v)


def gibbs_chain(key, machine):
    start = gibbs.start(key, machine, states())
    held = gibbs.clamp(machine.visible, np.arange(N_VISIBLE) < 2, np.ones(N_VISIBLE))
    chain = gibbs.chain(key, machine, start, 2, clamp_visible=held)
    return chain, complete.complete_rbm(key, machine, held, 2)


def from_elsewhere(key, machine):
    """States of another type: whole numbers."""
    v, h = jnp.ones((3, N_VISIBLE), jnp.int32), jnp.ones((3, N_HIDDEN), jnp.int8)
    energies = rbm.energy(machine, v, h), rbm.free_energy(machine, v)
    matched = rbm.match_data(machine, states().mean(0), states().var(0))
    return energies, rbm.hidden_free_energy(machine, h), gibbs.start(key, machine, v), matched


def read_outs(key, dbn):
    v = visible()
    every = evaluate.read_outs(n_gibbs=2, n_passes=2).values()
    held = gibbs.clamp(dbn.generative[0].unit, np.arange(N_VISIBLE) < 2, np.ones(N_VISIBLE))
    return (
        [read_out(key, dbn, v) for read_out in every],
        [evaluate.scores(read_out, key, dbn, jnp.asarray(pixels())) for read_out in every],
        [features.features(key, dbn, v, level, "sample") for level in (0, 1, 2)],
        features.reconstruct(key, dbn, v, 2),
        complete.complete_dbn(key, dbn, held, n_rounds=2, n_steps=2),
        classify.product(jnp.stack([classify.deterministic(dbn, v)] * 2)),
        evaluate.memory_states(dbn, cases()),
        evaluate.reconstruction_error(dbn, v),
    )


def imagined(key, dbn):
    start = generate.start_at_random(key, dbn, N)
    again = generate.start_at_images(key, dbn, visible(), labels())
    return [generate.film(key, dbn, state, 2, 2, labels()) for state in (start, again)]


def explained(key, machine):
    whole, v = machine.net, states()
    drawn = belief_net.ancestral_sample(key, whole, 3)
    start = belief_net_gibbs.start(key, whole, v)
    sampled = helmholtz.up_pass(key, machine, v), belief_net_gibbs.chain(key, whole, start, 2)
    return drawn, sampled, belief_net.log_joint(whole, drawn)


def causes_answers(key, machine):
    v, whole = states(), machine.net
    asked = belief_nets.log_prob(whole, v), belief_nets.posterior(whole, v)
    own = belief_nets.gradient(whole, v), belief_nets.bound(machine, v)
    found = belief_net_mean_field.fit(whole, v, 3)
    return *asked, *own, found.means, found.bound, belief_nets.log_weights(key, machine, v, 3)


def complemented(key, machine):
    likelihood = complementary_prior.Likelihood((machine.weights,), machine.visible.bias)
    alpha = [np.zeros(N_HIDDEN)]
    prior = complementary_prior.log_prior(likelihood, alpha)
    factors = complementary_prior.log_posterior_factors(likelihood, alpha)
    return complementary_prior.log_likelihood(likelihood), prior, factors


def made(key, stack):
    """What is made of machines is of their type."""
    whole = missing_labels.with_labels(stack.rbms[0], N_LABELS)
    return feedforward.unroll(key, stack, N_LABELS), whole, rbm.init(key, *_layers(stack.rbms[0]))


def _layers(machine):
    return machine.visible, machine.hidden


def overfitted(key, machine):
    return overfitting.free_energy_gap(machine, visible(), states())


ASKING = {
    "gibbs": Asking(binary, gibbs_chain, False),
    "other states": Asking(binary, from_elsewhere, False),
    "tempering": Asking(binary, tempered_chains),
    "ais": Asking(binary, forward_ais),
    "ais, gaussian": Asking(of(units.Gaussian, units.Bernoulli), forward_ais),
    "reverse ais": Asking(binary, reverse_ais),
    "bridge": Asking(binary, bridge_ais),
    "raise": Asking(binary, raised),
    "exact": Asking(binary, exact_answers),
    "exact, gaussian": Asking(of(units.Gaussian, units.Gaussian), exact_answers),
    "exact, lattice": Asking(
        lambda: rbm.init(KEY, units.Gaussian.zeros(1), units.Relu.zeros(N_HIDDEN)),
        lambda key, machine: (exact.log_z(machine), exact.sample(key, machine, 4)),
    ),
    "pseudo-likelihood": Asking(
        binary, lambda key, machine: bounds.pseudo_log_likelihood(machine, states())
    ),
    "bounds": Asking(net, bounded),
    "exact nets": Asking(net, net_answers),
    "read-outs": Asking(net, read_outs, False),
    "film": Asking(net, imagined, False),
    "belief net": Asking(causes, explained, False),
    "exact belief net": Asking(causes, causes_answers),
    "complementary prior": Asking(binary, complemented, False),
    "made of machines": Asking(machines, made, False),
    "overfitting": Asking(binary, overfitted, False),
    "softmax": Asking(forward, lambda key, net: evaluate.softmax(key, net, visible()), False),
}


def epoch(case: Learning, dtype) -> PyTree:
    """Learns for two epochs of the data on the device; the parameters are not given away."""
    params = types.cast(case.params(), dtype)
    data = loop.put(pixels(), np.arange(N) % N_LABELS, N_LABELS, 2, balanced=True)
    prepare = greedy.layer_data("sample", "mean", n_labels=0)
    program = loop.epoch_program(case.learner, translations.translating(prepare, (2, 2), 1), 2)
    state = case.learner.init(KEY, params)
    for i in range(2):
        state, report = program(jax.random.key(i), case.hyper(), state, (), data)
    return state, report.info, params


def easy_epoch(dtype) -> PyTree:
    """Learns for two epochs that spend little on easy cases."""
    learner = backprop.backprop(MOMENTUM)
    data = loop.put(pixels(), np.arange(N) % N_LABELS, N_LABELS, 2, balanced=False)

    def prepare(key, context, pixels, labels):
        return backprop.Batch(*greedy.net_data("mean", N_LABELS)(key, context, pixels, labels))

    program = easy_cases.epoch_program(learner, prepare, 2)
    state = easy_cases.start(learner.init(KEY, types.cast(forward(), dtype)), N)
    for i in range(2):
        state, report = program(jax.random.key(i), tuning(), state, None, data, jnp.float32(0.1))
    return state, report.info


def refuses(case: Learning | Asking, dtype) -> bool:
    """Whether a type is too narrow for what a case does."""
    return case.compares_energies and jnp.dtype(dtype).name not in checks.ENERGY_TYPES
