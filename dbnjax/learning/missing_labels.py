"""Cases without a label, for any learner of a memory that joins features and labels.

Read `phases` and `models.dbn` first. Where the label y is not known, what is made likely is the
rest of the case, x, with y summed out (eq. 3.1 for the marginal):

    log p(x) = log sum_y exp(-F(x, y)) - log Z
    dlog p(x)/dtheta = sum_y p(y | x) <-dE/dtheta>_{p(h | x, y)} - <-dE/dtheta>_model

The second term is the negative phase of any case. The first is the positive phase of (x, y) under
the machine's own p(y | x), which is exact for one softmax group (`dbn.log_joint`). No single
visible state has that sum for its statistics, since the hidden means are not linear in the label;
one drawn from p(y | x) has it for their expectation. So a label is drawn, always, and drawn anew
each time; the learner then sees whole cases, and its hidden states start a chain as before. The
step is as biased as the learner's own, no more.

A missing label is a group of zeros, which no one-of-K state is: what `jax.nn.one_hot` makes of -1.
"""

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.learning import phases
from dbnjax.models import dbn, rbm
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, Learner, PyTree, cast, floating_type
from dbnjax.units import Categorical, Concat


def with_labels(machine: RBM, n_labels: int) -> RBM:
    """Puts label units without any weights beside the visible units of a machine.

    It is the same distribution over features, with even labels that depend on nothing: where a
    machine that learned without labels begins to learn with some.

    Args:
      machine: without label units.
      n_labels: categories of the softmax group.

    Raises:
      InputError: the number is none.
    """
    checks.check_count("n_labels", n_labels, 1)
    dtype = floating_type(machine)
    visible = Concat((machine.visible, cast(Categorical.zeros(n_labels), dtype)))
    none = jnp.zeros((n_labels, machine.hidden.size), dtype)
    return rbm.create(visible, machine.hidden, jnp.concatenate([machine.weights, none]))


def fill(key: Key, memory: RBM, visible: Array) -> Array:
    """Draws the labels that are missing from p(label | features), exact under the memory.

    Args:
      key: a PRNG key.
      memory: a machine whose visible layer is features and one softmax group.
      visible: `[..., n_features + n_labels]`, the labels one-of-K or all zeros where missing.

    Returns:
      The states with every label; those that were known are as they were.

    Raises:
      InputError: the memory has no label units, the width is wrong, or labels are neither states
        nor zeros.
    """
    unit = dbn.label_unit(memory)
    checks.check_width("visible states", visible, memory.visible.size)
    visible = jnp.asarray(visible, floating_type(memory))
    features, labels = memory.visible.split(visible)
    checks.check_label_states("labels", labels, unit.size, missing=True)
    # Its own biases are in the joint; what is drawn from is a group without any.
    none = cast(unit.zeros(unit.size), visible.dtype)
    drawn = none.sample(key, dbn.log_joint(memory, features))
    known = labels.any(-1, keepdims=True)
    return dbn.join_labels(features, jnp.where(known, labels, drawn))


def imputed(learner: Learner) -> Learner:
    """Makes a learner of a memory that takes cases with and without labels.

    Args:
      learner: whose state has `params`, a machine with label units, and whose batch is visible
        states: contrastive divergence or persistent chains, for example.

    Example:
      >>> from dbnjax import contrastive_divergence, rbm, units, updates
      >>> joint = units.Concat((units.Bernoulli.zeros(6), units.Categorical.zeros(3)))
      >>> machine = rbm.init(jax.random.key(0), joint, units.Bernoulli.zeros(4))
      >>> learner = imputed(contrastive_divergence.contrastive_divergence())
      >>> state = learner.init(jax.random.key(1), machine)
      >>> labels = jax.nn.one_hot(jnp.array([2, -1, -1, 0]), 3)  # two of them are missing
      >>> batch = dbn.join_labels(jnp.ones((4, 6)), labels)
      >>> state, info = learner.step(jax.random.key(2), updates.hyper(0.1), state, batch)
      >>> info.activity.shape
      ()
    """

    def step(key: Key, hyper: PyTree, state: PyTree, batch: Array) -> tuple[PyTree, PyTree]:
        phases.check_cases(batch, state.params.visible.size)
        key_labels, key_step = jax.random.split(key)
        whole = fill(key_labels, state.params, batch)
        taken: tuple[PyTree, PyTree] = learner.step(key_step, hyper, state, whole)
        return taken

    return Learner(init=learner.init, step=step)
