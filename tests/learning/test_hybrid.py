"""The hybrid gradient: its two ends are its two parts, and the discriminative one is a slope."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import expit, log_softmax

from dbnjax.checks import InputError
from dbnjax.inference import classify
from dbnjax.learning import hybrid, passes, phases, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.up_down import up_down
from dbnjax.models import belief_net
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib

SIZES, N_LABELS, N_CASES = (6, 5, 4, 5), 3, 8
KEY = jax.random.key(3)
NET, STACK = machines.net(5, SIZES, N_LABELS), machines.stack(5, SIZES, N_LABELS)
BATCH = passes.Batch(
    visible=jax.random.uniform(jax.random.key(1), (N_CASES, 6)),
    labels=jax.nn.one_hot(jnp.arange(N_CASES) % N_LABELS, N_LABELS),
)
CONTRASTIVE, PRETRAINING = hybrid.contrastive(3), hybrid.pretraining(2, "mean", "sample")
FORMS = {"net": (CONTRASTIVE, NET), "stack": (PRETRAINING, STACK)}


def assert_close(got, expected, atol=2e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=atol), got, expected)


@partial(jax.jit, static_argnums=0)
def run(learner, key, hyper, state, batch):
    return learner.step(key, hyper, state, batch)


def update(learner, net, weight, batch=BATCH):
    """What one step from rest at a rate of 1 adds to the net, and what it tells."""
    state = learner.init(jax.random.key(0), net)
    moved, info = run(learner, KEY, hybrid.hyper(1.0, weight), state, batch)
    return jax.tree.map(jnp.subtract, moved.params, net), info


def log_likelihood(recognition, memory):
    """The mean of log p(label | v) in float64: means upwards, then sums over all top states."""
    x = np.float64(BATCH.visible)
    for layer in recognition:
        x = expit(x @ layer.weights + layer.unit.bias)
    features, labels = np.split(memory.weights, [x.shape[-1]])
    field = (x @ features)[:, None] + labels + memory.hidden.bias
    scores = np.logaddexp(0.0, field).sum(-1) + memory.visible.parts[1].bias
    return (np.float64(BATCH.labels) * log_softmax(scores, axis=-1)).sum(-1).mean()


def of_net(net):
    return log_likelihood(net.recognition, net.memory)


def of_stack(stack):
    return log_likelihood(stack_lib.recognition(stack), stack.rbms[-1])


def slope(value, net):
    """The gradient of a function of a net by central differences in float64, shaped like it."""
    leaves, structure = jax.tree.flatten(jax.tree.map(np.float64, net))
    gradients = [np.zeros_like(leaf) for leaf in leaves]
    for leaf, gradient in zip(leaves, gradients, strict=True):
        for i in np.ndindex(leaf.shape):
            at, ends = leaf[i], []
            for leaf[i] in (at + 1e-5, at - 1e-5):
                ends.append(value(jax.tree.unflatten(structure, leaves)))
            leaf[i] = at
            gradient[i] = (ends[0] - ends[1]) / 2e-5
    return jax.tree.unflatten(structure, gradients)


def test_at_weight_0_a_step_is_that_of_up_down():
    rest, plain = CONTRASTIVE.init(KEY, NET), up_down(3)
    hyper = hybrid.hyper(0.2, 0.0, momentum=0.5, decay=0.1)
    one, told = run(CONTRASTIVE, KEY, hyper, rest, BATCH)
    two, seen = run(plain, KEY, passes.hyper(0.2, 0.5, 0.1), plain.init(KEY, NET), BATCH)
    assert_close((one.params, one.velocity), tuple(two))
    np.testing.assert_allclose(told.reconstruction_error, seen.reconstruction_error, rtol=1e-6)
    # With momentum and decay as everywhere, from the velocity that it has.
    again, _ = run(CONTRASTIVE, jax.random.key(4), hyper, one, BATCH)
    expected, _ = run(plain, jax.random.key(4), passes.hyper(0.2, 0.5, 0.1), two, BATCH)
    assert_close(again.velocity, expected.velocity)


@pytest.mark.parametrize(("form", "value"), [("net", of_net), ("stack", of_stack)])
def test_at_weight_1_a_step_ascends_the_probability_of_the_labels(form, value):
    learner, params = FORMS[form]
    change, info = update(learner, params, 1.0)
    assert_close(change, slope(value, params))
    np.testing.assert_allclose(info.cross_entropy, -value(params), rtol=1e-5)


def test_what_only_generates_learns_nothing_from_the_labels():
    change, _ = update(CONTRASTIVE, NET, 1.0)
    assert not any(x.any() for x in jax.tree.leaves(change.generative))
    assert all(x.any() for x in jax.tree.leaves((change.recognition, change.memory.weights)))
    change, _ = update(PRETRAINING, STACK, 1.0)
    assert not any(x.any() for rbm in change.rbms[:-1] for x in jax.tree.leaves(rbm.visible))


@jax.jit
def steps_of_contrastive_divergence():
    """What CD-2 adds to every machine alone, and the lowest one's reconstruction error."""
    key_up, key_machines = jax.random.split(KEY)
    up = belief_net.propagate(key_up, stack_lib.recognition(STACK), BATCH.visible, "sample")
    data = (BATCH.visible, up[0], dbn_lib.join_labels(up[1], BATCH.labels))
    changes, errors = [], []
    for i, kind in enumerate(("mean", "sample", ("sample", "sample"))):
        learner, machine = contrastive_divergence(2, phases.Choices(visible=kind)), STACK.rbms[i]
        state, key = learner.init(KEY, machine), jax.random.fold_in(key_machines, i)
        moved, info = learner.step(key, updates.hyper(1.0), state, data[i])
        changes.append(jax.tree.map(jnp.subtract, moved.params, machine))
        errors.append(info.reconstruction_error)
    return tuple(changes), errors[0]


def test_at_weight_0_every_machine_of_a_stack_learns_by_contrastive_divergence():
    change, info = update(PRETRAINING, STACK, 0.0)
    expected, error = steps_of_contrastive_divergence()
    assert_close(change.rbms, expected)
    np.testing.assert_allclose(info.reconstruction_error, error, rtol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_between_its_ends_a_step_is_their_average(form):
    zero, some, one = (update(*FORMS[form], weight)[0] for weight in (0.0, 0.3, 1.0))
    assert_close(some, jax.tree.map(lambda a, b: 0.7 * a + 0.3 * b, zero, one), 4e-6)


def test_what_it_tells_is_of_the_read_out_before_the_step():
    log_p = jax.jit(classify.deterministic)(NET, BATCH.visible)
    _, info = update(CONTRASTIVE, NET, 0.5)
    np.testing.assert_allclose(
        info.cross_entropy, -(log_p * BATCH.labels).sum(-1).mean(), rtol=1e-5
    )
    assert info.error == (log_p.argmax(-1) != BATCH.labels.argmax(-1)).mean() > 0


@pytest.mark.parametrize("form", FORMS)
def test_a_single_machine_with_labels_will_do(form):
    stack = machines.stack(2, (6, 4), N_LABELS)
    learner, params = FORMS[form][0], dbn_lib.untie(stack) if form == "net" else stack
    state = learner.init(KEY, params)
    moved, _ = jax.eval_shape(learner.step, KEY, hybrid.hyper(1.0, 0.5), state, BATCH)
    assert jax.tree.structure(moved) == jax.tree.structure(state)


def test_what_cannot_be_meant_is_one_line():
    for weight in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=rf"weight: expected 0 to 1, got {weight}"):
            hybrid.hyper(0.1, weight)
    with pytest.raises(InputError, match="no label units"):
        update(CONTRASTIVE, machines.net(5, SIZES), 0.5)
    with pytest.raises(InputError, match="labels: expected one-of-K states beside the images"):
        update(CONTRASTIVE, NET, 0.5, passes.Batch(BATCH.visible))
    with pytest.raises(InputError, match="n_steps: expected 1 or more"):
        hybrid.contrastive(0)
    with pytest.raises(InputError, match="features: expected 'sample' or 'mean'"):
        hybrid.pretraining(features="both")
