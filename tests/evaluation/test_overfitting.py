"""The gap between what a machine learned from and what it has not seen."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.evaluation import overfitting
from dbnjax.models import rbm as rbm_lib

MACHINE = machines.binary(1, 4, 3)
STATES = jnp.asarray(machines.states(MACHINE.visible), jnp.float32)


def test_the_gap_is_what_the_two_differ_by_in_log_p():
    joint = machines.joint(MACHINE)
    log_p = np.log(joint.visible_marginal)
    order = np.argsort(log_p)
    unlikely, likely = order[:4], order[-5:]
    gap, error = jax.jit(overfitting.free_energy_gap)(MACHINE, STATES[likely], STATES[unlikely])
    np.testing.assert_allclose(gap, log_p[likely].mean() - log_p[unlikely].mean(), rtol=1e-5)
    hidden = rbm_lib.hidden_given_visible(MACHINE, STATES[unlikely]).mean()
    again = rbm_lib.visible_given_hidden(MACHINE, hidden).mean()
    np.testing.assert_allclose(error, ((STATES[unlikely] - again) ** 2).sum(-1).mean(), rtol=1e-5)


def test_cases_of_another_width_are_refused():
    for cases in ((STATES, STATES[:, :3]), (STATES[:, :3], STATES)):
        with pytest.raises(InputError, match="visible states: expected 4 units in the last axis"):
            overfitting.free_energy_gap(MACHINE, *cases)
