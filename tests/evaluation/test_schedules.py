"""Temperatures that rise from 0 to 1, and those that do not."""

import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import schedules
from dbnjax.models import path as path_lib
from dbnjax.models.rbm import RBM

PATH = path_lib.from_base_rates(machines.binary(1, 3, 2), jnp.full(3, 0.5), jnp.full(3, 0.25))


@pytest.mark.parametrize("make", [schedules.linear, schedules.piecewise])
@pytest.mark.parametrize("n_steps", [1, 3, 20_000])
def test_schedules_rise_from_0_to_1(make, n_steps):
    betas = make(n_steps)
    assert (betas.shape, betas.dtype) == ((n_steps + 1,), jnp.float32)
    schedules.check(PATH, betas)


def test_the_piecewise_schedule_is_that_of_the_paper():
    """500 temperatures up to 0.5, 4,000 up to 0.9 and 10,000 up to 1."""
    betas = np.float64(schedules.piecewise(14_500))
    parts = (np.linspace(0, 0.5, 501), np.linspace(0.5, 0.9, 4001), np.linspace(0.9, 1, 10_001))
    exact = np.concatenate([parts[0], parts[1][1:], parts[2][1:]])
    np.testing.assert_allclose(betas, exact, atol=1e-6)


@pytest.mark.parametrize("make", [schedules.linear, schedules.piecewise])
def test_no_temperatures_are_refused(make):
    with pytest.raises(InputError, match="temperatures: expected 1 or more, a whole number, got 0"):
        make(0)


@pytest.mark.parametrize(
    ("betas", "message"),
    [
        ([0.0], r"expected 2 temperatures or more in a row, got shape \(1,\)"),
        ([[0.0, 1.0]], r"expected 2 temperatures or more in a row, got shape \(1, 2\)"),
        ([0.1, 1.0], "expected temperatures from 0 to 1, got 0.1 to 1"),
        ([0.0, 0.5, 0.9], "expected temperatures from 0 to 1, got 0 to 0.9"),
        (
            [0.0, 0.5, 0.5, 0.4, 1.0],
            r"schedule: expected rising temperatures, got 2 steps that do not rise, the first at "
            r"\[1\]; they fall, or are equal in float32$",
        ),
        ([0.0, 0.5, 0.5 + 1e-9, 1.0], r"got 1 steps that do not rise, the first at \[1\]"),
        (
            [0.0, np.nan, 1.0],
            "^schedule: expected finite temperatures, got 1 NaN or infinite of 3; their spacing "
            "divides by zero somewhere$",
        ),
    ],
    ids=["one", "table", "start", "end", "fall", "float32", "nan"],
)
def test_a_schedule_that_cannot_be_is_one_line(betas, message):
    with pytest.raises(InputError, match=message) as caught:
        schedules.check(PATH, betas)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "betas", [schedules.linear(2), schedules.linear(20_000), schedules.piecewise(20_000)]
)
def test_a_machine_between_that_has_no_finite_z_is_refused(betas):
    """A variance that falls while the coupling grows: both ends are sound."""
    one = units.Gaussian.zeros(1)
    narrow = one.match(jnp.zeros(1), jnp.full(1, 0.01))
    target = RBM(narrow, one, jnp.full((1, 1), 9.0))
    path = path_lib.from_base_rates(target, jnp.zeros(1), jnp.ones(1))
    with pytest.raises(InputError, match=r"path at beta = 0\.\d+: this machine cannot be norm"):
        schedules.check(path, betas)
