"""What a mesh is: the same draws whatever it is, any checkpoint, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sharded_jobs import BATCH, BOTH, KEY, cases, collectives, on_mesh, prepared

from dbnjax import checks, numerics
from dbnjax.training import checkpoint, loop, sharding


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


def test_what_the_first_process_cannot_use_none_can(monkeypatch):
    acted, told = [], []
    line = "no room: " + "é" * sharding.LONGEST  # cut in the middle of a letter

    def act():
        acted.append(jax.process_index())
        if len(acted) == 1:
            raise checks.InputError(line)

    def broadcast(words):
        told.extend([words] if jax.process_index() == 0 else [])
        return told[-1]

    monkeypatch.setattr(sharding.multihost_utils, "broadcast_one_to_all", broadcast)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    for index in (0, 1):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        with pytest.raises(checks.InputError, match=r"^no room: éé") as caught:
            sharding.by_first(act)
        assert line.startswith(str(caught.value).removesuffix(" ..."))
    for index in (0, 1):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        sharding.by_first(act)
    assert acted == [0, 0]
