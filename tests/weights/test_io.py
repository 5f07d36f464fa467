import json
import os

import cases
import feedforward_nets
import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from flax import struct
from safetensors import safe_open
from safetensors.numpy import save_file

from dbnjax import dbn, rbm, stack, units
from dbnjax.checks import InputError
from dbnjax.models.belief_net import Layer
from dbnjax.models.feedforward import Feedforward
from dbnjax.weights import io


def joined(unit, seed=0):
    """A machine of this unit type below and three binary units above, with small weights."""
    weights = 0.1 * jax.random.normal(jax.random.key(seed), (unit.size, 3))
    return rbm.create(unit, cases.BERNOULLI, weights)


NETS = {
    **{f"rbm of {name}": joined(unit) for name, unit in cases.ALL.items()},
    "rbm above relu": rbm.transpose(joined(cases.RELU)),
    "stack": machines.stack(0, (6, 5, 4)),
    "stack with labels": machines.stack(1, (6, 5, 4), n_labels=3),
    "dbn": machines.net(2, (6, 5, 4)),
    "dbn with labels": machines.net(3, (6, 5, 4, 3), n_labels=2),
    "only a memory": dbn.untie(machines.stack(4, (6, 4), n_labels=3)),
    "feedforward": feedforward_nets.net("logistic"),
    "feedforward, rectified": feedforward_nets.net("rectified"),
    "softmax regression": feedforward_nets.net(sizes=(4,)),
}


def assert_same(got, expected):
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert isinstance(mine, jax.Array)
        assert mine.dtype == jnp.float32
        assert not mine.weak_type
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_a_net_comes_back_exactly(tmp_path, net):
    path = tmp_path / "new" / "net.safetensors"
    io.save(path, net, {"epochs": 3, "image_shape": [2, 3]})
    loaded, metadata = io.load(path, expect=io.describe(net))
    assert_same(loaded, net)
    assert metadata == {"epochs": 3, "image_shape": [2, 3]}
    assert [file.name for file in path.parent.iterdir()] == ["net.safetensors"]


def test_float16_rounds_and_halves(tmp_path):
    net = joined(units.Bernoulli(jax.random.normal(jax.random.key(1), (2000,))))
    for dtype in ("float32", "float16"):
        io.save(tmp_path / dtype, net, dtype=dtype)
    rounded = jax.tree.map(lambda x: x.astype(jnp.float16).astype(jnp.float32), net)
    loaded, _ = io.load(tmp_path / "float16", expect=io.describe(net))
    assert_same(loaded, rounded)
    assert not np.array_equal(loaded.weights, net.weights)
    sizes = [(tmp_path / dtype).stat().st_size for dtype in ("float16", "float32")]
    assert 2000 * 4 * 2 < sizes[0] < 0.6 * sizes[1]


def test_arrays_in_fortran_order_keep_their_values(tmp_path):
    net = machines.binary(0, 5, 3)
    turned = net.replace(weights=np.asfortranarray(net.weights))
    io.save(tmp_path / "net", turned)
    assert_same(io.load(tmp_path / "net")[0], net)


def test_metadata_may_hold_numpy_and_jax_numbers(tmp_path):
    given = {"rate": np.float32(0.5), "errors": jnp.arange(2), "n": np.int64(7)}
    io.save(tmp_path / "net", NETS["stack"], given)
    assert io.load(tmp_path / "net")[1] == {"rate": 0.5, "errors": [0, 1], "n": 7}


def test_a_description_is_plain_and_complete():
    net = stack.Stack((joined(units.Concat((cases.BERNOULLI, cases.GROUPS))),))
    expected = {
        "model": "Stack",
        "model.rbms": 1,
        "model.rbms.0": "RBM",
        "model.rbms.0.visible": "Concat",
        "model.rbms.0.visible.parts": 2,
        "model.rbms.0.visible.parts.0": "Bernoulli",
        "model.rbms.0.visible.parts.0.bias": "float32[3]",
        "model.rbms.0.visible.parts.1": "Categorical",
        "model.rbms.0.visible.parts.1.bias": "float32[9]",
        "model.rbms.0.visible.parts.1.n_categories": 3,
        "model.rbms.0.hidden": "Bernoulli",
        "model.rbms.0.hidden.bias": "float32[3]",
        "model.rbms.0.weights": "float32[12, 3]",
    }
    assert io.describe(net) == json.loads(json.dumps(expected))
    assert io.describe(jax.eval_shape(lambda: net)) == expected


@struct.dataclass
class OwnUnit(units.Bernoulli):
    """A unit type that the library does not know."""


def refuse_to_save(path, message, *args, **kwargs):
    io.save(path, NETS["stack"])
    before = path.read_bytes()
    with pytest.raises(InputError, match=message) as caught:
        io.save(path, *args, **kwargs)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_what_cannot_be_saved_leaves_the_file_as_it_was(tmp_path):
    path, net = tmp_path / "net", machines.binary(0, 5, 3)
    diverged = net.replace(weights=net.weights.at[0, 0].set(jnp.nan))
    ensemble = jax.tree.map(lambda x: jnp.stack([x, x]), net)
    refuse_to_save(path, r"model\.weights: expected finite values, got 1 NaN", diverged)
    refuse_to_save(path, "bias: .* more axes belong to an ensemble", ensemble)
    scalar = net.replace(hidden=units.Bernoulli(jnp.float32(0.5)))
    refuse_to_save(path, r"model\.hidden: bias: expected one axis of units.*shape \(\)", scalar)
    partless = rbm.RBM(units.Concat(()), cases.BERNOULLI, jnp.zeros((0, 3)))
    refuse_to_save(path, r"model\.visible: expected one part or more, got none", partless)
    refuse_to_save(path, "do not fit the weights", net.replace(weights=net.weights.T))
    refuse_to_save(path, r"model\.hidden: .*got OwnUnit", net.replace(hidden=OwnUnit(jnp.ones(3))))
    refuse_to_save(path, "expected a net made of .*, got dict", {"weights": jnp.ones(3)})
    refuse_to_save(path, "dtype: expected float32 or float16", net, dtype="bfloat16")
    refuse_to_save(path, "metadata: expected numbers", net, {"path": tmp_path})


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="expected a place to write"):
        io.save(tmp_path / "file" / "net", NETS["stack"])


def refuse_to_load(path, message, **kwargs):
    with pytest.raises(InputError, match=message) as caught:
        io.load(path, **kwargs)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_saved_net_is_refused(tmp_path):
    path = tmp_path / "net"
    refuse_to_load(path, "No such file")
    path.mkdir()
    refuse_to_load(path, "expected a safetensors file")
    path.rmdir()
    for content in (b"", b"net", b"PK" * 200, b"\x80\x04" * 50):
        path.write_bytes(content)
        refuse_to_load(path, "expected a safetensors file")
    save_file({"weights": np.zeros(3, np.float32)}, path)
    refuse_to_load(path, "expected a net of the format 'dbnjax 1', got None")


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = tmp_path / "net"
    io.save(path, NETS["dbn with labels"])
    whole = path.read_bytes()
    for length in [*range(0, len(whole) - 1, 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        refuse_to_load(path, "expected a safetensors file")


def test_a_flipped_bit_is_found_wherever_it_is(tmp_path):
    path = tmp_path / "net"
    io.save(path, NETS["stack with labels"], {"seed": 0})
    whole = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(0, 8 * len(whole), 600):
        flipped = whole.copy()
        flipped[place // 8] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        refuse_to_load(path, "expected")


def rewrite(path, architecture=None, tensors=None, header=None, drop=()):
    """Changes entries of a saved net as another program could."""
    with safe_open(path, framework="numpy") as file:
        changed = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        written = file.metadata()
    described = json.loads(written["architecture"]) | (architecture or {})
    for name in drop:
        described.pop(name, None)
        changed.pop(name, None)
    written["architecture"] = json.dumps(described)
    save_file(changed | (tensors or {}), path, written | (header or {}))


ONES = np.ones(3, np.float32)
WRONG = {
    "missing tensor": ({"architecture": {"model.rbms": 3}}, r"model\.rbms\.2: .* got None"),
    "nothing at a path": ({"drop": ["model.rbms.0.weights"]}, r"no array of this name"),
    "left over": ({"tensors": {"more": ONES}}, r"more is float32\[3\], expected nothing"),
    "left out": ({"architecture": {"model.rbms": 1}}, r"model\.rbms\.1 is missing, expected RBM"),
    "another shape": (
        {"tensors": {"model.rbms.0.hidden.bias": ONES}},
        r"model\.rbms\.0\.hidden\.bias is float32\[3\], expected float32\[5\]",
    ),
    "another type": (
        {"architecture": {"model.rbms.0.hidden.bias": "float16[5]"}},
        r"bias is float32\[5\], expected float16\[5\]",
    ),
    "a type that is not stored": (
        {"tensors": {"model.rbms.0.hidden.bias": np.ones(5)}},
        "expected arrays of float32 or float16, got .*F64",
    ),
    "unknown class": ({"architecture": {"model.rbms.0": "os.system"}}, "got 'os.system'"),
    "class in a wrong place": ({"architecture": {"model.rbms.0.hidden": "RBM"}}, "got 'RBM'"),
    "no model": ({"architecture": {"model": "Bernoulli"}}, "got 'Bernoulli'"),
    "negative count": ({"architecture": {"model.rbms": -1}}, r"model\.rbms is 0, expected -1"),
    "count that is none": (
        {"architecture": {"model.rbms": "2"}},
        "expected a whole number, got '2'",
    ),
    "unhashable class": ({"architecture": {"model.rbms.0": []}}, r"got \[\]"),
    "missing static field": (
        {"drop": ["model.rbms.1.visible.parts.1.n_categories"]},
        r"n_categories: expected a whole number, got None",
    ),
    "groups that do not fit": (
        {"architecture": {"model.rbms.1.visible.parts.1.n_categories": 2}},
        "expected whole softmax groups of 2, got 3 units",
    ),
    "groups of none": (
        {"architecture": {"model.rbms.1.visible.parts.1.n_categories": 0}},
        "expected whole softmax groups of 0",
    ),
    "sizes that do not fit": (
        {
            "architecture": {"model.rbms.0.hidden.bias": "float32[3]"},
            "tensors": {"model.rbms.0.hidden.bias": ONES},
        },
        r"model\.rbms\.0: weights: expected shape \(6, 3\) for these units, got \(6, 5\)",
    ),
    "NaN": (
        {"tensors": {"model.rbms.0.hidden.bias": np.full(5, np.nan, np.float32)}},
        r"model\.rbms\.0\.hidden\.bias: expected finite values, got 5 NaN",
    ),
    "another weight": (
        {"tensors": {"model.rbms.0.hidden.bias": np.zeros(5, np.float32)}},
        "contents that differ from what was written",
    ),
    "other metadata": ({"header": {"metadata": '{"seed": 1}'}}, "contents that differ"),
    "no digest": ({"header": {"digest": ""}}, "contents that differ"),
    "later format": ({"header": {"format": "dbnjax 2"}}, "got 'dbnjax 2'"),
    "no JSON": ({"header": {"architecture": "{"}}, "a header without one"),
    "JSON of another kind": ({"header": {"architecture": "[1]"}}, "a header without one"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_a_header_that_does_not_fit_its_tensors_is_refused(tmp_path, change, message):
    path = tmp_path / "net"
    io.save(path, NETS["stack with labels"], {"seed": 0})
    rewrite(path)
    io.load(path)
    rewrite(path, **change)
    refuse_to_load(path, message)


def counts(sign):
    """A machine of counts on both sides: without a finite Z if any weight is positive."""
    return rbm.RBM(units.Poisson.zeros(2), units.Poisson.zeros(3), sign * jnp.ones((2, 3)))


HOLDERS = {
    "rbm": (lambda top: top, "model"),
    "stack": (lambda top: stack.Stack((top,)), r"model\.rbms\.0"),
    "memory": (lambda top: dbn.DBN((), (), top), r"model\.memory"),
}


@pytest.mark.parametrize(("hold", "name"), HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_machine_that_cannot_be_normalised_is_refused(tmp_path, monkeypatch, hold, name, dtype):
    path, message = tmp_path / "net", f"{name}: this machine cannot be normalised: 6 couplings"
    io.save(path, hold(counts(-1.0)), dtype=dtype)
    assert_same(io.load(path)[0], hold(counts(-1.0)))
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        io.save(path, hold(counts(1.0)), dtype=dtype)
    assert path.read_bytes() == before
    with monkeypatch.context() as another_program:
        another_program.setattr(io, "_check", lambda *_: None)
        io.save(path, hold(counts(1.0)), dtype=dtype)
    refuse_to_load(path, message)


def test_layers_that_do_not_follow_each_other_are_refused(tmp_path):
    net = machines.net(0, (6, 5, 4))
    with pytest.raises(InputError, match="as many recognition as generative layers, got 1 and 0"):
        io.save(tmp_path / "net", net.replace(generative=()))
    longer = machines.net(0, (6, 5, 4, 3))
    with pytest.raises(InputError, match="level 1 expects 4 units below it"):
        io.save(tmp_path / "net", net.replace(memory=longer.memory))
    swapped = net.replace(generative=net.recognition)
    with pytest.raises(InputError, match="do not fit the weights"):
        io.save(tmp_path / "net", swapped)
    assert os.listdir(tmp_path) == []


NET = feedforward_nets.net()  # 4-3-2 and 3 classes


def with_first(**changes):
    first, second = NET.hidden
    return NET.replace(hidden=(first.replace(**changes), second))


MISFITS = {
    "skipped": (NET.replace(hidden=NET.hidden[:1]), r"level 2: expected weights of shape \(3, 3\)"),
    "turned": (with_first(weights=NET.hidden[0].weights.T), r"level 1: .* \(3, 3\), got \(3, 4\)"),
    "no softmax": (
        NET.replace(output=Layer(units.Bernoulli.zeros(3), NET.output.weights)),
        "output: expected one softmax group, got Bernoulli units",
    ),
    "groups": (
        Feedforward((), Layer(units.Categorical.zeros(2, n_groups=2), jnp.ones((4, 4)))),
        "output: expected one softmax group",
    ),
    "NaN": (with_first(weights=NET.hidden[0].weights.at[0, 0].set(jnp.nan)), "got 1 NaN"),
    "one axis": (with_first(weights=jnp.ones(4)), r"hidden\.0: weights: expected .* shape \(4,\)"),
    "three axes": (with_first(weights=jnp.ones((2, 4, 3))), r"hidden\.0: weights: .* \(2, 4, 3\)"),
    "ensemble": (jax.tree.map(lambda x: jnp.stack([x, x]), NET), "more axes belong to an ensemble"),
}


@pytest.mark.parametrize(("net", "message"), MISFITS.values(), ids=MISFITS)
def test_a_feedforward_net_that_does_not_fit_is_refused(tmp_path, monkeypatch, net, message):
    refuse_to_save(tmp_path / "net", message, net)
    with monkeypatch.context() as another_program:
        another_program.setattr(io, "_check", lambda *_: None)
        io.save(tmp_path / "net", net)
    refuse_to_load(tmp_path / "net", message)


def test_a_feedforward_net_is_described_by_its_layers():
    expected = {
        "model": "Feedforward",
        "model.hidden": 1,
        "model.hidden.0": "Layer",
        "model.hidden.0.unit": "Rectifier",
        "model.hidden.0.unit.bias": "float32[3]",
        "model.hidden.0.weights": "float32[4, 3]",
        "model.output": "Layer",
        "model.output.unit": "Categorical",
        "model.output.unit.bias": "float32[5]",
        "model.output.unit.n_categories": 5,
        "model.output.weights": "float32[3, 5]",
    }
    assert io.describe(feedforward_nets.net("rectified", (4, 3), 5)) == expected


def test_another_architecture_than_the_expected_one_is_refused(tmp_path):
    path = tmp_path / "net"
    io.save(path, machines.stack(0, (6, 5, 4)), dtype="float16")
    refuse_to_load(
        path,
        r"rbms\.1\.hidden\.bias is float32\[4\], expected float32\[3\]; .*weights is",
        expect=io.describe(machines.stack(0, (6, 5, 3))),
    )
    refuse_to_load(path, "and [0-9]+ more", expect=io.describe(machines.net(0, (6, 5, 4))))
