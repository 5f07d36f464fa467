import importlib
import json
import os
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import dbn, gibbs, passes, rbm
from dbnjax.checks import InputError
from dbnjax.inference import classify
from dbnjax.learning import contrastive_divergence, up_down, updates
from dbnjax.training import greedy
from experiments import benchmark, benchmark_parts, benchmark_peers, benchmark_timing
from experiments.benchmark_parts import Product, Sampled
from experiments.benchmark_rows import DECAY, MOMENTUM, RATE, Sizes

SIZES = Sizes(layers=(8, 6, 12), batch_size=10, up_down_steps=(2,), n_chains=(4,))
WIDTHS, N_LABELS, N_TOP = (16, 8, 6), 10, 12  # small images below the same layers
ROWS = (
    "CD-1 epoch, 784-8",
    "CD-1 epoch of the memory, 16-12",
    "up-down epoch, 2 iterations",
    "classification, deterministic",
    "clamped generation, 4 chains",
    "CD-1 epoch in scikit-learn",
    "CD-1 epoch in PyTorch",
)


def without_pytorch(module):
    if module == "torch":
        raise ModuleNotFoundError("No module named 'torch'")
    return importlib.import_module(module)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run without PyTorch, and the file that it wrote."""
    output = tmp_path_factory.mktemp("benchmark") / "new" / "benchmark.json"
    with pytest.MonkeyPatch.context() as patch:
        # SciPy looks for torch in sys.modules, so that it cannot be blocked there.
        importer = types.SimpleNamespace(import_module=without_pytorch)
        patch.setattr(benchmark_peers, "importlib", importer)
        config = benchmark.Config(steps=3, rounds=2, output=str(output))
        return benchmark.run(config, SIZES), output


def cells(result, name):
    (row,) = [row for row in result["rows"] if row[0] == name]
    return dict(zip(result["columns"], row, strict=True))


def test_every_row_is_there_and_the_file_holds_them(finished):
    result, output = finished
    assert tuple(row[0] for row in result["rows"]) == ROWS
    assert json.loads(output.read_text()) == result
    assert result["command"] == "python -m experiments.benchmark --steps=3 --rounds=2"
    assert "torch" not in result["versions"]
    assert "scikit-learn" in result["versions"]
    assert "Median of 2 rounds" in result["note"]


@pytest.mark.parametrize("name", ROWS[:-1])
def test_ratios_are_those_of_their_parts(finished, name):
    row = cells(finished[0], name)
    ms, products, draws = row["ms a unit"], row["products, ms"], row["draws, ms"]
    assert ms > 0
    assert products > 0
    # Four digits are kept of each number, so that a quotient is off by less than 0.2 %.
    np.testing.assert_allclose(row["units a second"], 1000 / ms, rtol=2e-3)
    np.testing.assert_allclose(row["time / products"], ms / products, rtol=2e-3)
    total = products + draws
    np.testing.assert_allclose(row["time / (products + draws)"], ms / total, rtol=2e-3)


def test_products_are_summed_one_by_one(finished):
    parts, row = finished[0]["parts"], cells(finished[0], "CD-1 epoch, 784-8")
    five = 2 * parts["forward 10x784, 784x8"] + parts["backward 10x8, 784x8"]
    five += 2 * parts["outer 10x784, 10x8"]
    np.testing.assert_allclose(row["products, ms"], five, rtol=2e-3)
    assert row["draws, ms"] == parts["draws 10x8"]
    assert cells(finished[0], ROWS[3])["draws, ms"] == 0


def test_a_second_run_compiles_nothing(finished):
    anew = [row[-1] for row in finished[0]["rows"]]
    assert anew == [0] * 5 + [None] * 2


def test_what_is_not_installed_has_a_row_that_says_so(finished):
    result = finished[0]
    assert result["rows"][-1] == [ROWS[-1], "not installed", *[None] * 7]
    lines = benchmark.report(result).splitlines()
    assert lines[0].split() == " ".join(benchmark.COLUMNS).split()
    assert lines[7].split() == [*ROWS[-1].split(), "not", "installed"]


def test_columns_are_aligned():
    text = benchmark.table(["name", "n"], [["a", 1.5], ["long name", None], ["b", 20]])
    assert text.split("\n") == [
        "name         n",
        "a          1.5",
        "long name",
        "b           20",
    ]


def equations(jaxpr, times=1):
    """Every equation and how often it is run, those of inner programs included."""
    for equation in jaxpr.eqns:
        yield equation, times
        inner = (
            times * equation.params.get("length", 1) if equation.primitive.name == "scan" else times
        )
        for value in equation.params.values():
            if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
                yield from equations(getattr(value, "jaxpr", value), inner)


def work(function, *arguments):
    """Multiplications in matrix products, and draws, of a traced function."""
    multiplications = draws = 0
    for equation, times in equations(jax.make_jaxpr(function)(*arguments).jaxpr):
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval
            depth = left.shape[contracted[0]]
            multiplications += times * depth * equation.outvars[0].aval.size
        # A binary unit's bits become a float; a label's are JAX's own, one word a category.
        becomes_float = equation.primitive.name == "convert_element_type"
        binary = becomes_float and equation.invars[0].aval.dtype == jnp.uint32
        if binary or equation.primitive.name == "random_bits":
            draws += times * equation.outvars[0].aval.size
    return multiplications, draws


def counted(parts):
    """The same of parts."""
    multiplications = draws = 0
    for part, count in parts.items():
        if isinstance(part, Product):
            left, right = (jnp.zeros(shape) for shape in (part.left, part.right))
            multiplications += count * work(part.multiply, left, right)[0]
        else:
            draws += count * part.n_cases * part.n_units
    return multiplications, draws


def small_net():
    stack = greedy.learn_stack(
        jax.random.key(0), 16, SIZES.layers, N_LABELS, lambda level, machine, below: machine
    )
    return dbn.untie(stack)


PIXELS, LABELS = np.zeros((10, 16), np.uint8), np.arange(10)


def test_the_parts_of_contrastive_divergence_are_what_a_step_does():
    learner = contrastive_divergence.contrastive_divergence()
    state = learner.init(jax.random.key(0), greedy.layer(jax.random.key(0), 16, 8))
    done = work(learner.step, jax.random.key(0), updates.hyper(0.1), state, jnp.zeros((10, 16)))
    multiplications, draws = counted(benchmark_parts.contrastive_divergence(10, 16, 8))
    # The states at the end of the chain are drawn for CD-k's sake; XLA drops what nothing uses.
    assert done == (multiplications, 2 * draws)


def test_the_parts_of_the_joint_layer_are_what_a_step_does():
    net = small_net()
    learner = contrastive_divergence.contrastive_divergence(
        choices=greedy.choices("sample", N_LABELS)
    )
    state = learner.init(jax.random.key(0), net.memory)
    prepare = greedy.layer_data("sample", "sample", N_LABELS)

    def step(key, pixels, labels):
        batch = prepare(key, net.recognition, pixels, labels)
        return learner.step(key, updates.hyper(0.1), state, batch)

    done = work(step, jax.random.key(0), PIXELS, LABELS)
    multiplications, draws = counted(benchmark_parts.joint_layer(10, WIDTHS, N_LABELS, N_TOP))
    assert done == (multiplications, draws + 10 * N_TOP)  # and the states at the end, as above


@pytest.mark.parametrize("n_steps", [1, 3])
def test_the_parts_of_up_down_are_what_a_step_does(n_steps):
    learner = up_down.up_down(n_steps)
    state = learner.init(jax.random.key(0), small_net())
    prepare = greedy.net_data("sample", N_LABELS)

    def step(key, pixels, labels):
        return learner.step(key, passes.hyper(0.1), state, prepare(key, None, pixels, labels))

    done = work(step, jax.random.key(0), PIXELS, LABELS)
    parts = benchmark_parts.up_down(10, WIDTHS, N_LABELS, N_TOP, n_steps)
    # The reconstruction error asks again for a prediction that XLA makes once.
    parts[benchmark_parts.forward(10, 8, 16)] += 1
    assert done == counted(parts)


def test_the_parts_of_classification_and_generation_are_what_they_do():
    net = small_net()
    done = work(classify.deterministic, net, jnp.zeros((10, 16)))
    assert done == counted(benchmark_parts.classification(10, WIDTHS, N_TOP))
    state = gibbs.State(jnp.zeros((4, 16)), jnp.zeros((4, N_TOP)))
    done = work(lambda key: gibbs.step(key, net.memory, state), jax.random.key(0))
    assert done == counted(benchmark_parts.gibbs(4, 6, N_LABELS, N_TOP))


@pytest.mark.parametrize(
    ("kind", "product"),
    [
        ("forward", lambda x, weights: x @ weights),
        ("backward", lambda y, weights: y @ weights.T),
        ("outer", lambda x, y: x.T @ y),
    ],
)
def test_a_repeated_product_feeds_on_its_last_result(kind, product):
    part = getattr(benchmark_parts, kind)(4, 5, 3)
    rng = np.random.default_rng(0)
    left, right = rng.random(part.left), 0.1 * rng.random(part.right)
    got = benchmark_parts.multiply(part.multiply, jnp.float32(left), jnp.float32(right), 3)
    for _ in range(3):
        expected = product(left, right)
        left[0, 0] = expected[0, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_repeated_draws_have_their_probabilities():
    drawn = np.asarray(benchmark_parts.runner(Sampled(200, 500), 2)())
    assert set(np.unique(drawn)) == {0.0, 1.0}
    # Probabilities are uniform: the mean of 100,000 draws has a standard error of 0.0016.
    assert abs(drawn.mean() - 0.5) < 0.008


def test_timings_are_taken_in_rounds_and_the_median_counts(monkeypatch):
    now, order = [0.0], []
    clock = types.SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr(benchmark_timing, "time", clock)
    # The first two calls of each compile and count; a slow round does not move the median.
    spent = {"a": iter([9, 9, 1, 50, 2]), "b": iter([9, 9, 3, 60, 5])}

    def call(name):
        order.append(name)
        now[0] += next(spent[name])

    calls = {name: lambda name=name: call(name) for name in "ab"}
    seconds, compiled = benchmark_timing.measure(calls, 3)
    assert "".join(order) == "aabb" + "ab" * 3
    assert seconds == {"a": 2, "b": 5}
    assert compiled == {"a": 0, "b": 0}


def test_compilations_are_counted_while_it_is_asked():
    double = jax.jit(lambda x: x * 2.5)
    numbers = jnp.arange(3.0), jnp.arange(4.0)
    with benchmark_timing.counted_compilations() as events:
        double(numbers[0])
        double(numbers[0])
    assert len(events) == 1
    double(numbers[1])
    assert len(events) == 1


def test_real_images_are_as_many_as_asked_for(idx_folder):
    config = benchmark.Config(steps=3, data_dir=str(idx_folder))
    pixels, labels = benchmark.cases(config, SIZES)
    assert pixels.shape == (30, 784)
    assert pixels.dtype == np.uint8
    assert labels.shape == (30,)
    with pytest.raises(InputError, match="expected 50 images for 5 minibatches, got 40"):
        benchmark.cases(benchmark.Config(steps=5, data_dir=str(idx_folder)), SIZES)


def test_the_pytorch_step_is_the_library_s():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    v = rng.random((10, 16), np.float32)
    machine = greedy.layer(jax.random.key(0), 16, 8)
    decided = jnp.where(jnp.arange(8) % 2 == 0, 40.0, -40.0)  # so that nothing is left to chance
    hidden = type(machine.hidden)(bias=decided)
    machine = rbm.create(machine.visible, hidden, machine.weights)
    learner = contrastive_divergence.contrastive_divergence()
    state, hyper = learner.init(jax.random.key(0), machine), updates.hyper(RATE, MOMENTUM, DECAY)

    def leaves(machine):
        return machine.visible.bias, machine.hidden.bias, machine.weights

    tensors = [torch.tensor(np.array(leaf)) for leaf in leaves(machine)]
    params = benchmark_peers.Parameters(*tensors)
    velocity = benchmark_peers.Parameters(*map(torch.zeros_like, tensors))
    for _ in range(2):
        state, info = learner.step(jax.random.key(1), hyper, state, jnp.asarray(v))
        error = benchmark_peers.pytorch_step(torch, params, velocity, torch.tensor(v))
        np.testing.assert_allclose(float(error), info.reconstruction_error, rtol=1e-5)
    for ours, theirs in ((state.params, params), (state.velocity, velocity)):
        for leaf, tensor in zip(leaves(ours), theirs, strict=True):
            np.testing.assert_allclose(leaf, tensor.numpy(), atol=1e-5)


def test_a_mistake_is_one_line():
    command = [sys.executable, "-m", "experiments.benchmark", "--steps=1"]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: --steps: expected 2 or more, a whole number, got 1\n"
