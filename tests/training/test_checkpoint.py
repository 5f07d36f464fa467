import logging
import os
import shutil
import subprocess
import sys
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from dbnjax.checks import InputError
from dbnjax.training import checkpoint, digests

ARCHITECTURE = {"layers": (784, 500), "units": {"visible": "bernoulli"}}


class Pair(NamedTuple):
    first: Any
    second: Any


@struct.dataclass
class Machine:
    weights: Any
    name: str = struct.field(pytree_node=False, default="rbm")


def make_state(seed=0):
    key = jax.random.key(seed)
    return {
        "key": key,
        "chain keys": jax.random.split(key, 3),
        "pair": Pair(Machine(jax.random.normal(key, (30, 20))), None),
        "list": [jnp.int32(seed), jnp.zeros(2, bool), ()],
        "pixels": jnp.arange(5, dtype=jnp.uint8),
    }


def raw(leaf):
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def assert_identical(state, expected):
    assert jax.tree.structure(state) == jax.tree.structure(expected)
    for leaf, wanted in zip(jax.tree.leaves(state), jax.tree.leaves(expected), strict=True):
        assert leaf.dtype == wanted.dtype
        np.testing.assert_array_equal(raw(leaf), raw(wanted))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def saved(tmp_path):
    """A folder with checkpoints of the steps 1 and 2, made from the seeds 1 and 2."""
    for step in (1, 2):
        checkpoint.save(tmp_path / "run", step, make_state(step), ARCHITECTURE)
    return tmp_path / "run"


def test_a_state_comes_back_exactly_and_committed(saved):
    before = contents(saved)
    step, state = checkpoint.restore(saved, make_state(), ARCHITECTURE)
    assert step == checkpoint.latest_step(saved) == 2
    assert_identical(state, make_state(2))
    assert state["pair"].first.name == "rbm"
    for leaf in jax.tree.leaves(state):
        assert leaf.committed
        assert leaf.devices() == {jax.devices()[0]}
    assert contents(saved) == before


def test_a_target_may_be_shapes_alone(saved):
    _, state = checkpoint.restore(saved, jax.eval_shape(make_state), ARCHITECTURE)
    assert_identical(state, make_state(2))


def test_a_state_is_restored_with_the_sharding_of_its_target(tmp_path):
    devices = jax.devices()[:2]
    auto = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((2,), ("data",), axis_types=auto, devices=devices)
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    whole = {"weights": jnp.arange(12.0).reshape(4, 3)}
    split = jax.device_put(whole, sharding)
    for step, (state, target) in enumerate([(whole, split), (split, whole)]):
        checkpoint.save(tmp_path, step, state, {})
        _, restored = checkpoint.restore(tmp_path, target, {})
        assert restored["weights"].sharding == target["weights"].sharding
        assert_identical(restored, whole)


def test_a_restored_state_is_traced_and_compiled_once(saved):
    compiled = []

    def record(event, duration, **_):
        compiled.append(event)

    def step(state):
        return {**state, "list": [state["list"][0] + 1, *state["list"][1:]]}

    _, state = checkpoint.restore(saved, make_state(), ARCHITECTURE)
    jitted = jax.jit(step, donate_argnums=0)
    state = jax.block_until_ready(jitted(state))
    jax.monitoring.register_event_duration_secs_listener(record)
    state = jax.block_until_ready(jitted(state))
    compiled = [event for event in compiled if "compile" in event]
    assert int(state["list"][0]) == 4
    assert compiled == []


def test_a_donated_state_stays_whole_in_its_checkpoint(tmp_path):
    state = {"weights": jnp.arange(6.0)}
    checkpoint.save(tmp_path, 1, state, {})
    jax.block_until_ready(jax.jit(lambda s: jax.tree.map(jnp.negative, s), donate_argnums=0)(state))
    _, restored = checkpoint.restore(tmp_path, jax.eval_shape(lambda: state), {})
    np.testing.assert_array_equal(restored["weights"], np.arange(6.0))


def test_the_two_newest_checkpoints_are_kept(saved):
    checkpoint.save(saved, 5, make_state(5), ARCHITECTURE)
    assert sorted(entry.name for entry in saved.iterdir()) == ["2", "5"]


@pytest.mark.parametrize("step", [1, 2])
def test_a_step_that_is_not_later_is_refused(saved, step):
    before = contents(saved)
    with pytest.raises(InputError, match=f"expected a step later than 2, got {step}"):
        checkpoint.save(saved, step, make_state(), ARCHITECTURE)
    assert contents(saved) == before


@pytest.mark.parametrize("make", [False, True])
def test_no_checkpoint_is_said_and_nothing_is_made(tmp_path, make):
    folder = tmp_path / "none"
    if make:
        folder.mkdir()
    assert checkpoint.latest_step(folder) is None
    with pytest.raises(InputError, match="expected a checkpoint, got none"):
        checkpoint.restore(folder, make_state(), ARCHITECTURE)
    assert folder.exists() == make


def test_another_architecture_is_refused_by_name(saved):
    other = {"layers": (784, 600), "units": {"visible": "bernoulli"}, "labels": 10}
    with pytest.raises(InputError) as caught:
        checkpoint.restore(saved, make_state(), other)
    assert "labels: saved nothing, expected 10" in str(caught.value)
    assert "layers: saved [784, 500], expected [784, 600]" in str(caught.value)
    assert "units" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "leaf", "message"),
    [
        ("pixels", jnp.zeros(5), r"\['pixels'\]: saved uint8\[5\], expected float32\[5\]"),
        ("pixels", jnp.zeros(6, jnp.uint8), r"saved uint8\[5\], expected uint8\[6\]"),
        ("key", jax.random.key(0, impl="rbg"), r"saved key<fry>\[\], expected key<rbg>\[\]"),
        ("extra", jnp.zeros(2), r"\['extra'\]: saved nothing, expected float32\[2\]"),
        ("list", (), r"\['list'\]\[0\]: saved int32\[\], expected nothing"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(saved, name, leaf, message):
    with pytest.raises(InputError, match=message):
        checkpoint.restore(saved, {**make_state(), name: leaf}, ARCHITECTURE)


def test_long_lists_of_differences_are_cut(saved):
    many = {**make_state(), **{f"extra {i}": jnp.zeros(1) for i in range(7)}}
    with pytest.raises(InputError, match="and 4 more"):
        checkpoint.restore(saved, many, ARCHITECTURE)


def largest_file(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=os.path.getsize)


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut_in_half, flip_a_bit, os.remove])
@pytest.mark.parametrize(
    "pick",
    [
        largest_file,
        lambda folder: folder / "state" / "_METADATA",
        lambda folder: folder / "description" / "metadata",
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(saved, capfd, damage, pick):
    damage(pick(saved / "2"))
    before = contents(saved)
    with pytest.raises(InputError, match=r"run/2: expected a whole checkpoint"):
        checkpoint.restore(saved, make_state(), ARCHITECTURE)
    assert contents(saved) == before
    assert capfd.readouterr().err == ""
    shutil.rmtree(saved / "2")
    step, state = checkpoint.restore(saved, make_state(), ARCHITECTURE)
    assert step == 1
    assert_identical(state, make_state(1))


def test_a_folder_that_is_no_checkpoint_is_named(saved):
    (saved / "7").mkdir()
    with pytest.raises(InputError, match=r"run/7: expected a whole checkpoint"):
        checkpoint.restore(saved, make_state(), ARCHITECTURE)


def test_a_kill_before_the_digests_leaves_a_checkpoint_that_serves(saved):
    (saved / "2" / digests.NAME).unlink()
    step, state = checkpoint.restore(saved, make_state(), ARCHITECTURE)
    assert step == 2
    assert_identical(state, make_state(2))


KILLED = """
import os, signal, sys
import jax.numpy as jnp
from dbnjax.training import checkpoint, digests

def kill(event, arguments):
    if event == {event!r} and str(arguments[0]).endswith({suffix!r}):
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.save({folder!r}, 1, {{"weights": jnp.full(1000, 1.0)}}, {{}})
sys.addaudithook(kill)
checkpoint.save({folder!r}, 2, {{"weights": jnp.full(1000, 2.0)}}, {{}})
"""


@pytest.mark.parametrize(
    ("event", "suffix"),
    [("os.mkdir", "array_metadatas"), ("os.rename", "2.orbax-checkpoint-tmp")],
    ids=["while writing", "before the commit"],
)
def test_a_kill_in_mid_save_leaves_the_last_whole_step(tmp_path, event, suffix):
    program = KILLED.format(folder=str(tmp_path), event=event, suffix=suffix)
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert killed.returncode == -9
    assert (tmp_path / "2.orbax-checkpoint-tmp").is_dir()
    assert checkpoint.latest_step(tmp_path) == 1
    target = {"weights": jnp.zeros(1000)}
    step, state = checkpoint.restore(tmp_path, target, {})
    assert step == 1
    np.testing.assert_array_equal(state["weights"], np.full(1000, 1.0))
    checkpoint.save(tmp_path, 2, target, {})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1", "2"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="may not be writable"):
        checkpoint.save(tmp_path / "file" / "run", 1, make_state(), ARCHITECTURE)


def test_orbax_says_nothing_and_logging_is_left_as_it_was(tmp_path, caplog):
    absl_logger = logging.getLogger("absl")
    with caplog.at_level(logging.INFO, logger="absl"):
        checkpoint.save(tmp_path, 1, make_state(), ARCHITECTURE)
        checkpoint.restore(tmp_path, make_state(), ARCHITECTURE)
        assert absl_logger.level == logging.INFO
    assert caplog.records == []
