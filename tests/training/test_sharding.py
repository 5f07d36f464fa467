"""Meshes of simulated devices: the same draws, the same update, one reduction, any checkpoint."""

import functools
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from dbnjax import checks, numerics
from dbnjax.learning import contrastive_divergence, passes, persistent, up_down, updates
from dbnjax.models import dbn, stack
from dbnjax.models.belief_net import Layer
from dbnjax.training import checkpoint, greedy, loop, sharding
from dbnjax.types import Learner, PyTree

N_PIXELS, BATCH, N_CHAINS, N_MEMBERS = 24, 40, 16, 4
KEY = jax.random.key(0)
BOTH = "data:2,ensemble:4"
ROUNDING = 1e-6  # of a tree's norm: some ten float32 roundings


class Job(NamedTuple):
    """What an epoch is compiled from and takes."""

    learner: Learner
    prepare: loop.Prepare
    params: PyTree
    context: PyTree
    hyper: PyTree


LOWER = greedy.layer(KEY, N_PIXELS, 12)
TOP = greedy.layer(KEY, 12, 20, 10)
JOBS = {
    "cd": Job(
        contrastive_divergence.contrastive_divergence(1),
        greedy.layer_data("mean", "mean", 0),
        LOWER,
        (),
        updates.hyper(0.1, 0.5, 1e-3),
    ),
    "pcd": Job(
        persistent.persistent_contrastive_divergence(N_CHAINS),
        greedy.layer_data("mean", "sample", 10),
        TOP,
        (Layer(unit=LOWER.hidden, weights=LOWER.weights),),
        updates.hyper(0.1, 0.5, 1e-3),
    ),
    "up-down": Job(
        up_down.up_down(2),
        greedy.net_data("mean", 10),
        dbn.untie(stack.create((LOWER, TOP))),
        None,
        passes.hyper(0.1, 0.5, 1e-3),
    ),
}


def cases() -> loop.Data:
    """Two minibatches: XLA would not make a loop of one."""
    n = 2 * BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (n, N_PIXELS), dtype=np.uint8)
    return loop.put(pixels, np.arange(n) % 10, 10, BATCH, balanced=True)


def stacked(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jnp.stack([x] * N_MEMBERS), tree)


def prepared(name: str, members: bool):
    """An epoch's program and its arguments, not yet on any mesh."""
    job = JOBS[name]
    state = jax.tree.map(jnp.copy, job.learner.init(KEY, job.params))
    make = loop.ensemble_program if members else loop.epoch_program
    own = (job.hyper, state, job.context)
    return make(job.learner, job.prepare, BATCH), (stacked(own) if members else own)


def on_mesh(state: PyTree, members: bool) -> PyTree:
    return (sharding.place_members if members else sharding.place)(jax.device_put(state, P()))


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


def collectives(text: str) -> tuple[list[str], list[str]]:
    """The collectives of a compiled epoch: inside its loops, and outside of them."""
    inside, outside, entry = [], [], False
    names = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter|send|recv"
    for line in text.splitlines():
        if line.endswith("{") and not line.startswith(" "):
            entry = line.startswith("ENTRY")
        found = re.search(rf" ({names})(?:-start)?\(", line)
        if found:
            (outside if entry else inside).append(found[1])
    return inside, outside


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


@pytest.mark.parametrize("mesh", ["data:8", BOTH])
def test_uniforms_and_minibatches_do_not_depend_on_the_mesh(mesh):
    @jax.jit
    def draw(key, data):
        uniforms = sharding.constrain(numerics.uniform(key, (16, 5)), sharding.DATA)
        return uniforms, loop.minibatches(key, data, BATCH)

    expected = draw(KEY, cases())
    with sharding.using(mesh):
        uniforms, rows = draw(KEY, cases())
        assert not uniforms.sharding.is_fully_replicated
    np.testing.assert_array_equal(uniforms, expected[0])
    np.testing.assert_array_equal(rows, expected[1])


@pytest.mark.parametrize(
    ("written", "read"),
    [("", "data:8"), ("data:8", "data:2"), ("data:4", ""), (BOTH, "ensemble:2")],
)
def test_a_checkpoint_of_one_mesh_is_read_on_another(tmp_path, written, read):
    members = "ensemble" in written
    _, (_, state, _) = prepared("pcd", members)
    with sharding.using(written):
        checkpoint.save(tmp_path, 1, on_mesh(state, members) if written else state, {})
    with sharding.using(read):
        target = jax.tree.map(jnp.zeros_like, state)
        target = on_mesh(target, members) if read else target
        _, restored = checkpoint.restore(tmp_path, target, {})
    for a, b, t in zip(*map(jax.tree.leaves, (restored, state, target)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.sharding == t.sharding
    assert restored.chains.sharding.is_fully_replicated == (read == "")


def test_a_function_of_a_member_is_mapped_over_all_on_their_own_devices():
    members, shift = {"x": jnp.arange(8.0).reshape(4, 2)}, jnp.float32(3.0)
    expected = members["x"].sum(1) + 3.0
    for mesh in ("", "ensemble:2", "ensemble:4,data:2", "ensemble:3"):
        with sharding.using(mesh):
            mapped = jax.jit(sharding.map_members(lambda tree: tree["x"].sum() + shift))
            placed = sharding.place_members(members)
            assert collectives(mapped.lower(placed).compile().as_text()) == ([], [])
            found = sharding.gather(mapped(placed))
        np.testing.assert_array_equal(found, expected)
        assert found.sharding.is_fully_replicated


BAD = [
    ("rows:2", r"--mesh=rows:2: expected axis:devices,axis:devices of ensemble, data, each once"),
    ("data:2,data:4", "each once, got 'data:4'"),
    ("data", r"--mesh=data: data: expected 1 device or more, got ''"),
    ("data:0", "data: expected 1 device or more, got '0'"),
    ("data:-1", "got '-1'"),
    ("data:two", "got 'two'"),
    ("data:3,ensemble:3", "expected at most 8 devices in all, .* got 9"),
]


@pytest.mark.parametrize(("mesh", "message"), BAD)
def test_a_mesh_that_cannot_be_is_one_line(mesh, message):
    with pytest.raises(checks.InputError, match=message) as caught, sharding.using(mesh):
        pass
    assert "\n" not in str(caught.value)


def test_an_axis_that_the_caller_has_no_work_for_is_refused():
    with pytest.raises(checks.InputError, match="axis:devices of data, each once, got 'ensemble:2"):
        sharding.parse("ensemble:2", ("data",))


@pytest.mark.parametrize("mesh", ["", "data:4"])
def test_several_processes_share_out_all_their_devices(monkeypatch, mesh):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(checks.InputError, match="expected 8 devices in all, those of 2 process"):
        sharding.using(mesh).__enter__()


def test_what_does_not_divide_is_named():
    with sharding.using("data:4"):
        sharding.check_divides("--batch_size", 8, "data")
        sharding.check_divides("members", 3, "ensemble")
        with pytest.raises(checks.InputError, match="--batch_size: expected a multiple of 4, the"):
            sharding.check_divides("--batch_size", 10, "data")
    sharding.check_divides("--batch_size", 7, "data")
