"""log Z from below and from above in one call, against enumeration."""

import contextlib

import jax
import jax.numpy as jnp
import machines
import numpy as np

from dbnjax.evaluation import schedules
from dbnjax.models import path as path_lib
from dbnjax.scoring import both_sides, log_z, tempered_samples

MACHINE = machines.binary(3, 5, 4)
PATH = path_lib.from_base_rates(MACHINE, jnp.full(5, 0.4), jnp.full(5, 0.24))


def test_both_estimates_hold_log_z_and_every_part_is_surrounded(monkeypatch):
    monkeypatch.setattr(log_z, "CALL", 12)
    parts = {}

    @contextlib.contextmanager
    def part(title, n_calls, unit):
        calls = []
        yield calls.append
        parts[title] = (n_calls, len(calls), unit)

    betas = schedules.linear(30)
    found = both_sides.estimate(
        jax.random.key(0), PATH, 500, betas, n_betas=4, n_steps=25, part=part
    )
    truth = machines.joint(MACHINE).log_z
    for estimate in (found.forward, found.reverse):
        assert estimate.low < truth < estimate.high
    assert parts["forward"] == parts["reverse"] == (3, 3, "call of 12 temperatures")
    n_calls = tempered_samples.n_calls(25)
    assert parts["samples"] == (n_calls, n_calls, "call of 10 steps")
    assert list(parts) == ["forward", "samples", "reverse"]
    # The first of three keys, by which a run that needs no estimate from above goes on alone.
    key, *_ = jax.random.split(jax.random.key(0), 3)
    alone = log_z.forward(key, PATH, 500, betas)
    np.testing.assert_array_equal(alone.log_weights, found.forward.log_weights)
