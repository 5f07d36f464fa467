"""Stacks of tied machines."""

import jax
import machines
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib


def test_layers_below_the_top_take_w_upwards_and_its_transpose_downwards():
    stack = machines.stack(1, (5, 4, 3, 2))
    up, down = stack_lib.recognition(stack), stack_lib.generative(stack)
    assert len(up) == len(down) == 2
    for rbm, upward, downward in zip(stack.rbms[:-1], up, down, strict=True):
        np.testing.assert_array_equal(upward.weights, rbm.weights)
        np.testing.assert_array_equal(upward.unit.bias, rbm.hidden.bias)
        np.testing.assert_array_equal(downward.weights, rbm.weights.T)
        np.testing.assert_array_equal(downward.unit.bias, rbm.visible.bias)


def test_the_top_machine_may_have_labels_beside_its_features():
    stack = machines.stack(1, (5, 4, 3), n_labels=3)
    assert stack.rbms[-1].visible.size == 4 + 3
    assert stack_lib.feature_unit(stack.rbms[-1]).size == 4
    assert stack_lib.feature_unit(stack.rbms[0]).size == 5


@pytest.mark.parametrize(
    "rbms",
    [
        (),
        (machines.binary(1, 5, 4), machines.binary(2, 3, 2)),
        (machines.binary(1, 5, 4), machines.labelled(2, 3, 2, 2)),
        (machines.binary(1, 5, 4), machines.labelled(2, 4, 2, 2), machines.binary(3, 2, 2)),
    ],
    ids=["none", "sizes", "features beside labels", "labels below the top"],
)
def test_what_does_not_fit_is_refused_in_one_line(rbms):
    with pytest.raises(InputError, match=r"^stack: .*expect") as caught:
        stack_lib.create(rbms)
    assert "\n" not in str(caught.value)


def test_unrolling_alternates_the_machine_and_its_transpose():
    rbm = machines.binary(1, 4, 3)
    rbms = stack_lib.unroll(rbm, 3).rbms
    assert jax.tree.map(np.shape, [r.weights for r in rbms]) == [(4, 3), (3, 4), (4, 3)]
    np.testing.assert_array_equal(rbms[1].weights, rbm.weights.T)
    np.testing.assert_array_equal(rbms[1].visible.bias, rbm.hidden.bias)
    with pytest.raises(InputError, match="layers to unroll: expected 1 or more"):
        stack_lib.unroll(rbm, 0)


def test_neighbours_share_one_layer_of_one_type():
    gaussian = rbm_lib.init(jax.random.key(0), units.Bernoulli.zeros(3), units.Gaussian.zeros(2))
    binary = rbm_lib.init(jax.random.key(0), units.Bernoulli.zeros(2), units.Bernoulli.zeros(2))
    with pytest.raises(InputError, match="level 0 has Gaussian hidden units"):
        stack_lib.create((gaussian, binary))


@pytest.mark.parametrize(
    ("visible", "has_labels"),
    [
        (units.Bernoulli.zeros(4), False),
        (units.Concat((units.Bernoulli.zeros(4), units.Categorical.zeros(3))), True),
        (units.Concat((units.Bernoulli.zeros(4), units.Categorical.zeros(3, n_groups=2))), False),
        (units.Concat((units.Bernoulli.zeros(4), units.Bernoulli.zeros(3))), False),
        (units.Concat((units.Bernoulli.zeros(4),) * 2 + (units.Categorical.zeros(3),)), False),
    ],
)
def test_labels_are_one_softmax_group_beside_one_part(visible, has_labels):
    memory = rbm_lib.init(jax.random.key(0), visible, units.Bernoulli.zeros(2))
    assert (stack_lib.label_group(memory) is not None) == has_labels
    assert stack_lib.feature_unit(memory).size == (4 if has_labels else visible.size)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_machine_with_labels_unrolls_to_any_depth(depth):
    machine = machines.labelled(2, 3, 2, 4)
    assert len(stack_lib.unroll(machine, depth).rbms) == depth
