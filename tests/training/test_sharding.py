"""Epochs on meshes of simulated devices: the same updates, one reduction, nothing moves."""

import functools
from typing import NamedTuple

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from sharded_jobs import BOTH, JOBS, N_MEMBERS, cases, collectives, on_mesh, prepared

from dbnjax.training import sharding
from dbnjax.types import PyTree

ROUNDING = 1e-6  # of a tree's norm: some ten float32 roundings


class Epoch(NamedTuple):
    """The text of a compiled epoch, and the state before (where it lay) and after."""

    text: str
    shardings: PyTree
    state: PyTree


@functools.cache
def learned(name: str, mesh: str, members: bool = False) -> Epoch:
    """Compiles an epoch on a mesh and runs it."""
    program, (hyper, state, context) = prepared(name, members)
    key, data = jax.random.key(1), cases()
    with sharding.using(mesh):
        if mesh:
            state = on_mesh(state, members)
            key, hyper, context, data = jax.device_put((key, hyper, context, data), P())
        where = jax.tree.map(lambda x: x.sharding, state)
        lowered = program.lower(key, hyper, state, context, data)
        compiled = lowered.compile({"xla_backend_optimization_level": "0"})
        return Epoch(compiled.as_text(), where, compiled(key, hyper, state, context, data)[0])


@pytest.mark.parametrize("name", JOBS)
def test_an_update_makes_one_reduction_and_exchanges_nothing_else(name):
    inside, outside = collectives(learned(name, "data:8").text)
    assert inside == ["all-reduce"]
    assert len(outside) <= 1  # whether every chain is finite


@pytest.mark.parametrize("name", ["pcd", "up-down"])
def test_members_reduce_only_what_is_their_own(name):
    text = learned(name, BOTH, members=True).text
    assert collectives(text)[0] == ["all-reduce"]
    (reduction,) = (line for line in text.splitlines() if " all-reduce(" in line and "f32" in line)
    assert f"f32[{N_MEMBERS}," not in reduction  # the statistics of one member
    assert "f32[1," in reduction


def numbers(state: PyTree) -> np.ndarray:
    """Parameters, velocity and running means as one vector, without the chains."""
    leaves = jax.tree.leaves(getattr(state, "machine", state))
    return np.concatenate([np.asarray(x, np.float64).ravel() for x in leaves])


def assert_same_up_to_rounding(state: PyTree, expected: PyTree) -> None:
    """Two updates; after one, a draw of the next could differ once in ten million."""
    difference = numbers(state) - numbers(expected)
    assert np.linalg.norm(difference) <= ROUNDING * np.linalg.norm(numbers(expected))
    if hasattr(expected, "chains"):
        np.testing.assert_array_equal(state.chains, expected.chains)  # draws


def assert_stays(epoch: Epoch) -> None:
    """A state that moved would compile the second epoch anew, and could not be donated."""
    for x, sharded in zip(*map(jax.tree.leaves, (epoch.state, epoch.shardings)), strict=True):
        assert x.sharding.is_equivalent_to(sharded, x.ndim)


@pytest.mark.parametrize("name", JOBS)
def test_updates_are_the_same_up_to_rounding_and_the_state_stays_where_it_lies(name):
    epoch = learned(name, "data:8")
    assert_same_up_to_rounding(epoch.state, learned(name, "").state)
    assert_stays(epoch)
    if hasattr(epoch.state, "chains"):
        assert not epoch.state.chains.sharding.is_fully_replicated


@pytest.mark.parametrize("name", ["pcd", "up-down"])
def test_members_on_a_mesh_learn_what_one_would_alone(name):
    epoch = learned(name, BOTH, members=True)
    assert_stays(epoch)
    assert {x.addressable_data(0).shape[0] for x in jax.tree.leaves(epoch.state)} == {1}
    for i in range(N_MEMBERS):
        member = jax.tree.map(lambda x, i=i: np.asarray(x)[i], epoch.state)
        assert_same_up_to_rounding(member, learned(name, "").state)


def test_without_a_mesh_the_program_names_none():
    program, (hyper, state, context) = prepared("cd", members=False)
    given = (jax.random.key(1), hyper, state, context, cases())
    assert '"data"=' not in program.lower(*given).as_text()
    with sharding.using("data:8"):
        assert '"data"=8' in program.lower(*given).as_text()
