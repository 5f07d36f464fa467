"""What the benchmark's parts count is what is done, and what stands for the library does as it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import dbn, gibbs, numerics, rbm
from dbnjax.evaluation import annealing
from dbnjax.inference import classify
from dbnjax.learning import contrastive_divergence, updates
from dbnjax.models import path
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import operations, peers, rows
from experiments.benchmark.jobs import DECAY, MOMENTUM, RATE, Sizes
from experiments.benchmark.operations import Product, Sampled
from experiments.benchmark.rows import PRODUCTS, STEPS, step_without

KEY, BATCH, N_LABELS = jax.random.key(0), 10, 10
WIDTHS, N_TOP = (16, 8, 6), 12
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 16), dtype=np.uint8)
LABELS = np.arange(40) % N_LABELS
SETTING = benchmark_jobs.setting(
    Sizes(layers=(*WIDTHS[1:], N_TOP), batch_size=BATCH), PIXELS, LABELS
)
FIRST, NET = SETTING.stack.rbms[0], dbn.untie(SETTING.stack)
CD = benchmark_jobs.divergence(FIRST, BATCH)
FIVE = 5 * BATCH * 16 * 8  # multiplications of CD-1
DRAWN = BATCH * 8


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
        # A binary unit's bits become a float; a label's are JAX's own, one word a category, beside
        # a single one for each group, which is not counted.
        becomes_float = equation.primitive.name == "convert_element_type"
        binary = becomes_float and equation.invars[0].aval.dtype == jnp.uint32
        binary = binary and equation.outvars[0].aval.shape[-1] > 1
        if binary or equation.primitive.name == "random_bits":
            draws += times * equation.outvars[0].aval.size
    return multiplications, draws


def counted(parts):
    """Multiplications and draws of parts, as `work` counts them."""
    multiplications = draws = 0
    for part, count in parts.items():
        if isinstance(part, Product):
            left, right = (jnp.zeros(shape) for shape in (part.left, part.right))
            multiplications += count * work(part.multiply, left, right)[0]
        else:
            draws += count * part.n_cases * part.n_units
    return multiplications, draws


def step(what, state):
    """A step of what learns, from a minibatch that it prepares."""
    batch = what.prepare(KEY, what.context, PIXELS[:BATCH], LABELS[:BATCH])
    return what.learner.step(KEY, what.hyper, state, batch)


# What learns, and what its step does more than is counted, which XLA drops or makes once: hidden
# states are drawn in both phases; the error of up-down asks again for a prediction.
LEARNED = {
    "CD-1": (CD, (0, DRAWN)),
    "PCD-1": (
        benchmark_jobs.persistently(CD)._replace(parts=operations.persistent(BATCH, 16, 8)),
        (0, DRAWN),
    ),
    "CD-1 of the memory": (benchmark_jobs.joint(SETTING), (0, BATCH * N_TOP)),
    "PCD-1 of the memory": (
        benchmark_jobs.persistently(benchmark_jobs.joint(SETTING)),
        (0, BATCH * N_TOP),
    ),
    "up-down": (benchmark_jobs.tuning(SETTING, NET, 1), (BATCH * 8 * 16, 0)),
    "up-down, 3 iterations": (benchmark_jobs.tuning(SETTING, NET, 3), (BATCH * 8 * 16, 0)),
    "backpropagation": (peers.tuned(SETTING), (0, 0)),
}


@pytest.mark.parametrize("name", LEARNED)
def test_the_parts_of_learning_are_what_a_step_does(name):
    what, more = LEARNED[name]
    multiplications, draws = counted(what.parts)
    done = work(lambda state: step(what, state), what.learner.init(KEY, what.params))
    assert done == (multiplications + more[0], draws + more[1])


def test_the_parts_of_classification_generation_and_annealing_are_what_they_do():
    done = work(classify.deterministic, NET, jnp.zeros((BATCH, 16)))
    assert done == counted(operations.classification(BATCH, WIDTHS, N_TOP))
    state = gibbs.State(jnp.zeros((4, 16)), jnp.zeros((4, N_TOP)))
    done = work(lambda key: gibbs.step(key, NET.memory, state), KEY)
    assert done == counted(operations.gibbs(4, 6, N_LABELS, N_TOP))
    line = path.from_base_rates(FIRST, jnp.full(16, 0.5), jnp.full(16, 0.25))
    chains = annealing.start(line, jnp.zeros((BATCH, 16)), 0.0)
    done = work(lambda key: annealing.anneal(key, line, jnp.ones(1), chains), KEY)
    parts = operations.annealing(BATCH, 16, 8)
    # The weight asks for the fields at both temperatures; XLA makes the one product for all.
    parts[operations.forward(BATCH, 16, 8)._replace(full=True)] += 2
    assert done == counted(parts)


def test_a_part_in_full_float32_is_one_whatever_is_asked_for(monkeypatch):
    seen = []
    look = lambda *_: seen.append(jax.config.jax_default_matmul_precision)  # noqa: E731
    monkeypatch.setattr(operations, "repeat", look)
    part = operations.forward(4, 5, 3)
    with jax.default_matmul_precision("high"):
        for one in (part, part._replace(full=True)):
            operations.runner(one, 2)()
    assert seen == ["high", "highest"]


@pytest.mark.parametrize(
    ("kind", "product"),
    [
        ("forward", lambda x, weights: x @ weights),
        ("backward", lambda y, weights: y @ weights.T),
        ("outer", lambda x, y: x.T @ y),
    ],
)
def test_a_repeated_product_feeds_on_its_last_result(kind, product):
    part = getattr(operations, kind)(4, 5, 3)
    rng = np.random.default_rng(0)
    left, right = rng.random(part.left), 0.1 * rng.random(part.right)
    got = operations.repeat(part.multiply, jnp.float32(left), jnp.float32(right), 3)
    for _ in range(3):
        expected = product(left, right)
        left[0, 0] = expected[0, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_repeated_draws_have_a_key_each_and_their_probabilities():
    key, fields = jax.random.key(4), jax.random.normal(jax.random.key(5), (3, 5))
    layer = lambda fields, key: rows.states(numerics.bernoulli, fields, key)  # noqa: E731
    got = operations.repeat(layer, fields, key, 3)
    for i in range(3):
        states = numerics.bernoulli(jax.random.fold_in(key, i), jax.nn.sigmoid(fields))
        fields = fields.at[0, 0].set(states[0, 0])
    np.testing.assert_array_equal(got, states)
    drawn = np.asarray(operations.runner(Sampled(200, 500), 2)())
    assert set(np.unique(drawn)) == {0.0, 1.0}
    # Probabilities are uniform: the mean of 100,000 draws has a standard error of 0.0016.
    assert abs(drawn.mean() - 0.5) < 0.008


HYPER = updates.hyper(0.1, momentum=0.5, decay=0.01, sparsity_cost=0.3)
CASES = np.random.default_rng(0).random((BATCH, 16), np.float32)


def first_state():
    return CD.learner.init(KEY, FIRST)


def test_the_step_by_hand_is_the_library_s():
    state, ours = first_state(), first_state()
    library, by_hand = jax.jit(CD.learner.step), jax.jit(step_without())
    for i in range(3):
        key = jax.random.key(i)
        state, expected = library(key, HYPER, state, CASES)
        ours, info = by_hand(key, HYPER, ours, CASES)
        for a, b in zip(*map(jax.tree.leaves, ((ours, info), (state, expected))), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert jax.tree.structure(ours) == jax.tree.structure(state)


@pytest.mark.parametrize("name", [*STEPS, "products alone"])
def test_a_step_lacks_what_is_left_out_and_nothing_else(name):
    left_out, before = STEPS.get(name, PRODUCTS), first_state()
    given = KEY, HYPER, before, CASES
    assert work(step_without(*left_out), *given) == (FIVE, 0 if "draws" in left_out else DRAWN)
    traced = jax.make_jaxpr(step_without(*left_out))(*given).jaxpr
    names = [equation.primitive.name for equation, _ in equations(traced)]
    assert names.count("logistic") == (0 if "sigmoid" in left_out else 3)
    after, info = step_without(*left_out)(*given)
    moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), after, before)
    others = (moved.params.visible, moved.params.hidden, moved.velocity.visible, moved.activity)
    assert set(jax.tree.leaves(others)) == {"biases and info" not in left_out}
    assert len(info) == (0 if "biases and info" in left_out else 2)
    assert moved.params.weights
    assert moved.velocity.weights == ("momentum and decay" not in left_out)


@pytest.mark.parametrize("name", rows.CANDIDATES)
def test_states_are_independent_and_have_their_probabilities(name):
    generator, draw = rows.CANDIDATES[name]
    p = np.linspace(0.0, 1.0, 41)  # an odd number of units
    probability = jnp.float32(np.tile(p, (4000, 1)))
    states = np.asarray(draw(jax.random.key(3, impl=generator), probability))
    assert set(np.unique(states)) == {0.0, 1.0}
    error = np.sqrt(p * (1 - p) / len(states))
    assert (np.abs(states.mean(0) - p) <= 5 * error).all()
    correlations = np.corrcoef(states[:, 10:30].T) - np.eye(20)
    assert np.abs(correlations).max() < 5 / np.sqrt(len(states))


def test_the_note_tells_the_bias_of_both_grids():
    steps = np.asarray(numerics.uniform(KEY, (10_000,)), np.float64) * 2**24
    np.testing.assert_array_equal(steps, np.round(steps))
    assert steps.max() > 2**24 - 2**14  # the largest of 10,000 lies below that once in 17,000 times
    middles = np.asarray(rows.middle(jnp.arange(2**16, dtype=jnp.uint16)))
    index = np.arange(0, 2**24, 16)  # every number would do no worse, and take ten times as long
    for bits, n_below, grid in (
        (24, index, np.float32(index * 2**-24)),
        (16, np.arange(2**16), middles),
    ):
        # A state is 1 where its uniform lies below p. The share of such uniforms is off the most
        # where p is one of them, or the float32 number after it.
        after = np.float64(np.nextafter(grid, np.float32(1)))
        at, past = n_below / 2**bits - grid, (n_below + 1) / 2**bits - after
        worst = max(np.abs(at).max(), np.abs(past).max())
        assert f"2^{np.log2(worst):.2f} with {bits} bits" in rows.BIAS


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_an_epoch_in_a_peer_runs(peer):
    pytest.importorskip(peer.module)
    (job,) = [job for job in peers.peers(SETTING) if job.name.endswith(f"in {peer.name}")]
    assert job.n_units == 4
    job.call()
    assert peer.distribution in peers.versions()


def test_the_pytorch_step_of_cd_is_the_library_s():
    torch = pytest.importorskip("torch")
    decided = jnp.where(jnp.arange(8) % 2 == 0, 40.0, -40.0)  # so that nothing is left to chance
    machine = rbm.create(FIRST.visible, type(FIRST.hidden)(bias=decided), FIRST.weights)
    learner = contrastive_divergence.contrastive_divergence()
    state, hyper = learner.init(KEY, machine), updates.hyper(RATE, MOMENTUM, DECAY)

    def leaves(machine):
        return machine.visible.bias, machine.hidden.bias, machine.weights

    tensors = [torch.tensor(np.array(leaf)) for leaf in leaves(machine)]
    params = peers.Parameters(*tensors)
    velocity = peers.Parameters(*map(torch.zeros_like, tensors))
    for _ in range(2):
        state, info = learner.step(KEY, hyper, state, CASES)
        error = peers.pytorch_step(torch, params, velocity, torch.tensor(CASES))
        np.testing.assert_allclose(float(error), info.reconstruction_error, rtol=1e-5)
    for ours, theirs in ((state.params, params), (state.velocity, velocity)):
        for leaf, tensor in zip(leaves(ours), theirs, strict=True):
            np.testing.assert_allclose(leaf, tensor.numpy(), atol=1e-5)


def test_the_pytorch_step_of_backpropagation_is_the_library_s():
    torch = pytest.importorskip("torch")
    ours, theirs = peers.backprop(SETTING)
    assert (ours.n_units, ours.parts, ours.images) == (theirs.n_units, theirs.parts, theirs.images)
    assert float(theirs.call()) > 0
    what = peers.tuned(SETTING)
    net = peers.sequential(torch, (*WIDTHS, N_TOP, N_LABELS))
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    v, labels = torch.from_numpy(PIXELS[:BATCH]).float().div_(255), torch.arange(BATCH)
    params = [torch.tensor(np.array(x)) for x in jax.tree.leaves(what.params)]
    with torch.no_grad():
        for bias, weights, module in zip(params[::2], params[1::2], net[::2], strict=True):
            module.bias.copy_(bias)
            module.weight.copy_(weights.T)
    state = what.learner.init(KEY, what.params)
    for _ in range(2):
        state, info = step(what, state)
        cost = peers.backprop_step(torch, net, optimizer, v, labels)
        np.testing.assert_allclose(float(cost), info.cross_entropy, rtol=1e-5)
    leaves = jax.tree.leaves(state.params)
    for bias, weights, module in zip(leaves[::2], leaves[1::2], net[::2], strict=True):
        np.testing.assert_allclose(bias, module.bias.detach().numpy(), atol=1e-6)
        np.testing.assert_allclose(weights, module.weight.detach().numpy().T, atol=1e-6)
