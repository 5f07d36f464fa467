"""What public functions say to what they cannot use: one line, from a table of calls.

A new door is a row: a call, and words that its line must hold.
"""

import re
from functools import partial

import cases
import feedforward_nets
import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import optax
import pytest

from dbnjax import checks, units
from dbnjax.checks import InputError
from dbnjax.inference import classify, complete, features, generate
from dbnjax.learning import (
    autoencoder,
    averaging,
    backprop,
    conditional,
    conjugate_gradient,
    contrastive_divergence,
    gibbs_posterior,
    hybrid,
    missing_labels,
    passes,
    persistent,
    tempered,
    up_down,
    updates,
    wake_sleep,
)
from dbnjax.learning import helmholtz as helmholtz_learning
from dbnjax.models import belief_net, dbn, feedforward, path, rbm, stack
from dbnjax.models import conditional as conditional_lib
from dbnjax.sampling import gibbs, ladder, tempering
from dbnjax.training import easy_cases, evaluate, greedy, loop, stages, translations

KEY = jax.random.key(0)
N = 3  # as many cases as labels: where shapes alone tell nothing
TWO, FOUR = units.Bernoulli.zeros(2), units.Bernoulli.zeros(4)
GAUSSIAN = rbm.init(KEY, units.Gaussian.zeros(2), TWO)
COUNTS = rbm.init(KEY, units.Poisson.zeros(2), TWO)
MACHINE, NET = machines.binary(1, 4, 2), machines.net(2, (4, 2, 2), N)
STACK, PLAIN = machines.stack(2, (4, 2, 2), N), machines.net(2, (4, 2, 2))
MEMORY = NET.memory
CAUSES = nets_of_causes.machine(2, 2, 4)
FORWARD = feedforward_nets.net(sizes=(4, 2))
CHAINS = generate.start_at_random(KEY, NET, N)
DRIVEN = conditional_lib.init(KEY, FOUR, TWO, N)
CONTEXT = conditional_lib.Context(jnp.eye(N))
V = jnp.full((N, 4), 0.5)
NUMBERS, ONE_HOT = jnp.arange(N), jnp.eye(N)
PIXELS = np.zeros((4, 2, 2), np.uint8)
CD = contrastive_divergence.contrastive_divergence()
SGD = optax.sgd(1.0)
nan = float("nan")


def taught(learner, params, hyper, batch):
    """A call of a learner's step on a batch, to be made."""
    return partial(learner.step, KEY, hyper, learner.init(KEY, params), batch)


def batch_of(states):
    return taught(CD, MACHINE, updates.hyper(0.1), states)


def put(labels, pixels=PIXELS, n_classes=2, batch_size=2, balanced=False):
    return partial(loop.put, pixels, labels, n_classes, batch_size, balanced)


BATCHES = {  # each learner, and how a batch of `cases` and `labels` is given to it
    "cd": (CD, MACHINE, updates.hyper(0.1), lambda v, labels: v),
    "pcd": (
        persistent.persistent_contrastive_divergence(2),
        MACHINE,
        updates.hyper(0.1),
        lambda v, labels: v,
    ),
    "fast pcd": (
        persistent.fast_persistent_contrastive_divergence(2),
        MACHINE,
        persistent.fast_hyper(updates.hyper(0.1)),
        lambda v, labels: v,
    ),
    "tempered": (
        tempered.parallel_tempering((1.0, 0.5), 2),
        MACHINE,
        updates.hyper(0.1),
        lambda v, labels: v,
    ),
    "averaged": (
        averaging.averaged(CD),
        MACHINE,
        averaging.hyper(updates.hyper(0.1), 0.5),
        lambda v, labels: v,
    ),
    "imputed": (
        missing_labels.imputed(CD),
        machines.labelled(3, 4, N, 2),
        updates.hyper(0.1),
        lambda v, labels: jnp.concatenate([v, labels], -1),
    ),
    "autoencoder": (
        autoencoder.autoencoder(SGD),
        MACHINE,
        autoencoder.hyper(0.1),
        lambda v, labels: v,
    ),
    "conditional": (
        conditional.contrastive_divergence(),
        DRIVEN,
        passes.hyper(0.1),
        lambda v, labels: conditional.Batch(v, conditional_lib.Context(labels)),
    ),
    "persistent conditional": (
        conditional.persistent_contrastive_divergence(CONTEXT),
        DRIVEN,
        passes.hyper(0.1),
        lambda v, labels: conditional.Batch(v, conditional_lib.Context(labels)),
    ),
    "up-down": (up_down.up_down(1), NET, passes.hyper(0.1), passes.Batch),
    "wake-sleep": (wake_sleep.wake_sleep(2, 1), NET, passes.hyper(0.1), passes.Batch),
    "wake-sleep of causes": (
        helmholtz_learning.wake_sleep(),
        CAUSES,
        passes.hyper(0.1),
        lambda v, labels: v,
    ),
    "gibbs posterior": (
        gibbs_posterior.gibbs_posterior(1),
        CAUSES.net,
        passes.hyper(0.1),
        lambda v, labels: v,
    ),
    "hybrid": (hybrid.contrastive(1), NET, hybrid.hyper(0.1, 0.5), passes.Batch),
    "hybrid of a stack": (hybrid.pretraining(), STACK, hybrid.hyper(0.1, 0.5), passes.Batch),
    "backprop": (backprop.backprop(SGD), FORWARD, backprop.hyper(0.1), backprop.Batch),
}
LABELLED = ("up-down", "wake-sleep", "hybrid", "hybrid of a stack", "backprop")


def lesson(name, visible, labels):
    learner, params, hyper, batch = BATCHES[name]
    return learner.step, (KEY, hyper, learner.init(KEY, params), batch(visible, labels))


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_of_no_cases_is_refused_while_a_step_is_traced(name):  # F27
    step, given = lesson(name, jnp.zeros((0, 4)), jnp.zeros((0, N)))
    with pytest.raises(InputError, match="visible states: expected one case or more"):
        jax.eval_shape(step, *given)


@pytest.mark.parametrize("name", BATCHES)
def test_a_step_that_is_not_compiled_refuses_nan(name):  # F16
    step, given = lesson(name, V.at[0, 0].set(nan), ONE_HOT)
    with pytest.raises(InputError, match="visible states: expected finite values, got 1 NaN"):
        step(*given)


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (NUMBERS, r"labels: expected one for each case, \(3, 3\), got shape \(3,\)"),
        (jnp.eye(N + 1)[:N], r"labels: expected one-of-K .*\[..., 3\], got shape \(3, 4\)"),
        (ONE_HOT[:1], r"labels: expected one for each case, \(3, 3\), got shape \(1, 3\)"),
        (NUMBERS[:, None], r"labels: expected one-of-K .*, got shape \(3, 1\)"),
    ],
)
def test_class_numbers_in_a_batch_are_refused_while_a_step_is_traced(name, labels, words):  # F2
    step, given = lesson(name, V, labels)
    with pytest.raises(InputError, match=words + r".*jax\.nn\.one_hot\(labels, 3\)"):
        jax.eval_shape(step, *given)


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize("labels", [2 * ONE_HOT, 0 * ONE_HOT, 1 - ONE_HOT, -ONE_HOT])
def test_labels_that_are_no_states_are_refused_where_they_can_be_seen(name, labels):
    step, given = lesson(name, V, labels)
    with pytest.raises(InputError, match=r"labels: expected one-of-K .* whose sum is 1"):
        step(*given)


def with_bias(bias):
    return partial(rbm.create, units.Bernoulli(bias), TWO, jnp.zeros((2, 2)))


STATES = {  # one-of-K states, inside models
    "film": (partial(generate.film, KEY, NET, CHAINS, 1, 1, NUMBERS), r"one_hot\(labels, 3\)"),
    "film, width": (
        lambda: generate.film(KEY, NET, CHAINS, 1, 1, jnp.eye(2)),
        r"labels: expected one-of-K states \[..., 3\], got shape \(2, 2\)",
    ),
    "film, other chains": (
        lambda: generate.film(KEY, NET, CHAINS, 1, 1, jnp.eye(N)[:2]),
        r"clamped values: expected one for each case, \[3\], got \[2\]",
    ),
    "clamp": (partial(generate.label_clamp, NET, NUMBERS), r"one_hot\(labels, 3\)"),
    "clamp, integers": (partial(generate.label_clamp, NET, 7), "expected an array"),
    "clamp, probabilities": (
        partial(generate.label_clamp, NET, jnp.full((2, N), 1 / N)),
        "labels: expected one-of-K states",
    ),
    "clamp, no labels": (partial(generate.label_clamp, PLAIN, ONE_HOT), "no label units"),
    "join": (partial(dbn.join_labels, V, NUMBERS), r"one_hot\(labels, n\)"),
    "join, a list": (partial(dbn.join_labels, V, [1, 0, 0]), "labels: expected an array"),
    "join, other cases": (
        partial(dbn.join_labels, V, jnp.eye(2)),
        r"labels: expected one for each case, \[3\], got \[2\]",
    ),
    "start": (partial(generate.start_at_images, KEY, NET, V, NUMBERS), r"one_hot\(labels, 3\)"),
    "start, none": (partial(generate.start_at_images, KEY, NET, V, None), "got none"),
    "start, no labels": (
        partial(generate.start_at_images, KEY, PLAIN, V, ONE_HOT),
        "no label units",
    ),
    "batch, none": (
        taught(up_down.up_down(1), NET, passes.hyper(0.1), passes.Batch(V)),
        "labels: expected one-of-K states beside the images",
    ),
    "batch, no labels": (
        taught(up_down.up_down(1), PLAIN, passes.hyper(0.1), passes.Batch(V, ONE_HOT)),
        "no label units",
    ),
    "fill": (
        partial(missing_labels.fill, KEY, MEMORY, jnp.full((2, 2 + N), 2.0)),
        r"one_hot\(labels, 3\)",
    ),
    "fill, width": (
        partial(missing_labels.fill, KEY, MEMORY, jnp.zeros((2, 9))),
        "visible states: expected 5 units",
    ),
}
CLASS_NUMBERS = {  # class numbers, on the host
    "one-of-K": (
        put(np.eye(2, dtype=int)[[0, 1, 1, 0]]),
        r"integers \[n\], got shape \(4, 2\); .*labels\.argmax\(-1\)",
    ),
    "column": (put(np.zeros((4, 1), int)), r"got shape \(4, 1\); .*labels\[:, 0\]"),
    "scalar": (put(3), r"labels: expected class numbers, integers \[n\], got shape \(\)"),
    "floats": (put(np.zeros(4)), "labels: expected integer labels, got 4 values of type float64"),
    "bools": (put(np.zeros(4, bool)), "expected integer labels, got 4 values of type bool"),
    "strings": (put(["a", "b", "c", "d"]), "labels: expected numbers"),
    "ragged": (put([[0], [0, 1]]), "labels: expected numbers"),
    "none": (put([]), "labels: expected integer labels, got 0"),
    "from 1": (put([1, 2, 1, 2]), "labels: expected labels from 0 to 1, got 1 to 2"),
    "other number": (put([0, 1]), "data: expected as many labels as cases, got 2 for 4"),
    "classes": (put([0, 1, 0, 1], n_classes="2"), r"number of classes: .*'2' \(str\)"),
    "batch size": (put([0, 1, 0, 1], batch_size=True), r"batch size: .* got True \(bool\)"),
    "one image": (put([0, 1], np.zeros(2, np.uint8)), r"pixels: expected \[n_cases"),
    "ragged images": (put([0, 1], [[1], [1, 2]]), "pixels: expected numbers"),
    "errors": (
        partial(
            evaluate.count_errors,
            evaluate.deterministic,
            KEY,
            NET,
            np.zeros((N, 4), np.uint8),
            np.eye(N, dtype=int),
        ),
        r"labels\.argmax\(-1\)",
    ),
}
COUNTS_OF = {  # each takes a static count
    "k": lambda n: contrastive_divergence.contrastive_divergence(n),
    "n_chains": lambda n: persistent.persistent_contrastive_divergence(n),
    "k of PCD": lambda n: persistent.persistent_contrastive_divergence(2, k=n),
    "k of tempering": lambda n: tempered.parallel_tempering((1.0, 0.5), 2, k=n),
    "n_steps": lambda n: up_down.up_down(n),
    "n_steps of wake-sleep": lambda n: wake_sleep.wake_sleep(2, n),
    "n_steps of the hybrid": lambda n: hybrid.contrastive(n),
    "k of the hybrid": lambda n: hybrid.pretraining(n),
    "line searches": lambda n: conjugate_gradient.conjugate_gradient(n),
    "sizes": lambda n: feedforward.init(KEY, (4, n), 2),
    "first size": lambda n: feedforward.init(KEY, (n, 4), 2),
    "units below": lambda n: feedforward.softmax_layer(KEY, n, 2),
    "layers": lambda n: stack.unroll(machines.binary(1, 2, 2), n),
    "samples": lambda n: belief_net.ancestral_sample(
        KEY, belief_net.BeliefNet(TWO, (belief_net.Layer(TWO, jnp.zeros((2, 2))),)), n
    ),
    "k, conditional": lambda n: conditional.contrastive_divergence(n),
    "k of conditional PCD": lambda n: conditional.persistent_contrastive_divergence(CONTEXT, n),
    "Bernoulli": units.Bernoulli.zeros,
    "Categorical": units.Categorical.zeros,
    "groups": lambda n: units.Categorical.zeros(2, n),
    "Gaussian": units.Gaussian.zeros,
    "Poisson": units.Poisson.zeros,
    "Relu": units.Relu.zeros,
    "NoisyRelu": units.NoisyRelu.zeros,
    "Rectifier": units.Rectifier.zeros,
    "labels": lambda n: missing_labels.with_labels(MACHINE, n),
    "chains": lambda n: generate.start_at_random(KEY, NET, n),
    "frames": lambda n: generate.film(KEY, NET, CHAINS, n, 1),
    "passes": lambda n: classify.averaged(KEY, NET, V, n),
    "iterations": lambda n: classify.gibbs(KEY, NET, V, n),
    "tempered chains": lambda n: tempering.init(
        KEY, path.from_base_rates(MACHINE, jnp.full(4, 0.5), jnp.full(4, 0.25)), jnp.ones(1), n
    ),
    "batch": lambda n: loop.epoch_program(CD, greedy.layer_data("mean", "mean", 0), n),
    "ensemble's batch": lambda n: loop.ensemble_program(CD, lambda *_: None, n),
    "easy batch": lambda n: easy_cases.epoch_program(CD, lambda *_: None, n),
    "cases": lambda n: easy_cases.start(None, n),
    "hidden units": lambda n: greedy.learn_stack(KEY, 4, (n,), 0, lambda *_: MACHINE),
    "visible units": lambda n: greedy.layer(KEY, n, 2),
    "saved": lambda n: stages.run(
        stages.Stage("a", 1, lambda i, s: (s, True, {})), None, {}, stages.Place(None, save_every=n)
    ),
    "image height": lambda n: translations.translating(lambda *_: None, (n, 4), 0),
}
FROM_NONE = {  # 0 is a number of these
    "Gibbs steps": lambda n: gibbs.chain(KEY, MACHINE, gibbs.State(V, jnp.zeros((N, 2))), n),
    "rounds": lambda n: complete.complete_dbn(KEY, PLAIN, KNOWN, n, 1),
    "joined labels": lambda n: greedy.layer_data("mean", "mean", n),
    "net's labels": lambda n: greedy.net_data("mean", n),
}
KNOWN = gibbs.clamp(FOUR, [True, False, True, False], [1.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize("name", COUNTS_OF)
@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0$"), (-1, "-1$"), (True, r"True \(bool\)"), ("1", r"'1' \(str\)"), (2.0, "2.0")],
)
def test_what_is_no_count_is_refused_by_its_type(name, number, words):  # F11
    with pytest.raises(InputError, match=f"expected 1 or more, a whole number, got .*{words}"):
        COUNTS_OF[name](number)


@pytest.mark.parametrize("name", FROM_NONE)
@pytest.mark.parametrize(
    ("number", "words"), [(-1, "-1$"), (True, r"True \(bool\)"), ("1", r"'1' \(str\)")]
)
def test_what_is_no_count_from_none_is_refused_by_its_type(name, number, words):
    with pytest.raises(InputError, match=f"expected 0 or more, a whole number, got .*{words}"):
        FROM_NONE[name](number)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_whole_numbers_of_numpy_are_counts(kind):  # F11
    checks.check_count("k", kind(3), 1)
    checks.check_seed(kind(3))
    checks.check_batch_size(kind(3), 3)
    step, given = lesson("cd", V, ONE_HOT)
    learner = contrastive_divergence.contrastive_divergence(kind(1))
    jax.tree.map(np.testing.assert_array_equal, learner.step(*given), step(*given))
    assert units.Bernoulli.zeros(kind(3)).size == 3


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, "1", None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(InputError, match="seed: expected 0 to 4294967295"):
        checks.check_seed(seed)


RATES = {  # a number's name: a call with it, one below its range, and one above
    "rate": (updates.hyper, -0.1, None),
    "momentum": (partial(updates.hyper, 0.1), -0.1, 1.0),
    "decay": (partial(updates.hyper, 0.1, 0.5), -0.1, None),
    "sparsity_cost": (lambda x: updates.hyper(0.1, sparsity_cost=x), -0.1, None),
    "averaging": (lambda x: updates.hyper(0.1, averaging=x), 0.0, 1.1),
    "rate of a net": (passes.hyper, -0.1, None),
    "rate of the hybrid": (lambda x: hybrid.hyper(x, 0.5), -0.1, None),
    "weight": (lambda x: hybrid.hyper(0.1, x), -0.1, 1.1),
    "rate of backprop": (backprop.hyper, -0.1, None),
    "hidden": (lambda x: backprop.hyper(0.1, hidden=x), -0.1, 1.1),
    "drop_visible": (lambda x: backprop.hyper(0.1, drop_visible=x), -0.1, 1.0),
    "drop_hidden": (lambda x: backprop.hyper(0.1, drop_hidden=x), -0.1, 1.0),
    "max_norm": (lambda x: backprop.hyper(0.1, max_norm=x), 0.0, None),
    "rate of an autoencoder": (autoencoder.hyper, -0.1, None),
    "fast rate": (lambda x: persistent.fast_hyper(updates.hyper(0.1), x), -0.1, None),
    "retention": (lambda x: persistent.fast_hyper(updates.hyper(0.1), 0.1, x), -0.1, 1.1),
    "newest": (lambda x: averaging.hyper(updates.hyper(0.1), x), 0.0, 1.1),
    "scale": (lambda x: rbm.init(KEY, TWO, TWO, x), -0.1, None),
}


@pytest.mark.parametrize("name", RATES)
def test_numbers_of_learning_outside_their_range_are_refused(name):  # F16
    call, below, above = RATES[name]
    for wrong in (below, above, nan, "0.1", True):
        if wrong is not None:
            with pytest.raises(InputError, match=f"{name.split()[0]}.*: expected .*, got"):
                call(wrong)


def test_numbers_of_an_ensemble_are_checked_one_by_one_and_traced_ones_not():
    assert updates.hyper(jnp.array([0.1, 0.2])).rate.shape == (2,)
    with pytest.raises(InputError, match=r"rate: expected 0 or more, got -0\.2"):
        updates.hyper(jnp.array([0.1, -0.2]))
    jax.eval_shape(updates.hyper, jnp.float32(0.1))


MOMENTS = jnp.zeros(2), jnp.ones(2)
VALUES = {
    "0 to 255": (batch_of(255 * V), r"expected values in \[0, 1\].*division by 255"),
    "-1": (batch_of(-jnp.ones((2, 4))), r"expected values in \[0, 1\], got values from -1"),
    "NaN": (batch_of(V.at[1, 2].set(nan)), "expected finite values, got 1 NaN"),
    "counts": (
        taught(CD, COUNTS, updates.hyper(0.1), -jnp.ones((3, 2))),
        "visible states: expected 0 or more, got -1",
    ),
    "list": (batch_of([[0.0] * 4]), r"visible states: expected an array .*list"),
    "strings": (batch_of(np.array([["a"] * 4])), "visible states: expected an array"),
    "complex": (batch_of(1j * V), "visible states: expected an array of real numbers"),
    "scalar": (batch_of(jnp.ones(())), "visible states: expected 4 units.*a scalar"),
    "width": (batch_of(V[:, :3]), "visible states: expected 4 units in the last axis, got 3"),
    "free energy of a list": (partial(rbm.free_energy, MACHINE, [0.0] * 4), "jnp.asarray"),
    "layer of a list": (partial(classify.deterministic, NET, [[0.0] * 4]), "jnp.asarray"),
    "NaN bias": (with_bias(jnp.array([0.0, nan])), "visible.bias: expected finite values, got 1"),
    "list bias": (with_bias([0.0, 0.0]), r"visible\.bias\[0\]: expected an array"),
    "no units": (partial(rbm.create, 2, TWO, jnp.zeros((2, 2))), r"visible: .*got 2"),
    "no units, init": (partial(rbm.init, KEY, TWO, np.int64(2)), "hidden: expected units"),
    "weights, a list": (partial(rbm.create, TWO, TWO, [[0.0] * 2] * 2), "weights: expected an"),
    "stack of one": (partial(stack.create, MACHINE), "stack: expected a tuple of machines"),
    "variance": (  # F7
        partial(rbm.match_data, GAUSSIAN, jnp.zeros(2), jnp.array([1.0, 3300.0])),
        "expected 0.0026 to 380 for Gaussian units, got 3.3e.03 at units 1; standardise",
    ),
    "small variance": (
        partial(rbm.match_data, GAUSSIAN, jnp.zeros(2), jnp.full(2, 1e-5)),
        "got 1e-05, 1e-05 at units 0, 1; standardise",
    ),
    "variance of Relu": (partial(units.Relu.zeros(2).match, MOMENTS[1], 999 * MOMENTS[1]), "Relu"),
    "variance in a path": (
        partial(path.from_base_rates, GAUSSIAN, jnp.zeros(2), jnp.full(2, 1e4)),
        "standardise",
    ),
    "negative variance": (
        partial(rbm.match_data, GAUSSIAN, jnp.zeros(2), -jnp.ones(2)),
        "variance of the data: expected 0 or more, got -1",
    ),
    "NaN variance": (
        partial(rbm.match_data, GAUSSIAN, jnp.zeros(2), jnp.full(2, nan)),
        "variance of the data: expected 0 or more, got nan",
    ),
    "mean of pixels": (
        partial(rbm.match_data, MACHINE, jnp.full(4, 33.0), jnp.ones(4)),
        r"mean of the data: expected values in \[0, 1\]",
    ),
    "mean of counts": (
        partial(rbm.match_data, COUNTS, -jnp.ones(2), jnp.ones(2)),
        "mean of the data: expected 0 or more, got -1",
    ),
    "width of moments": (
        partial(rbm.match_data, GAUSSIAN, jnp.zeros(3), jnp.ones(3)),
        "mean of the data: expected 2 units",
    ),
    "weights of cases": (
        taught(backprop.backprop(SGD), FORWARD, backprop.hyper(0.1), backprop.Batch(V, ONE_HOT, V)),
        r"weights of the cases: expected shape \(3,\), got \(3, 4\)",
    ),
    "reach": (
        partial(translations.translating, lambda *_: None, (4, 4), True),
        r"translations: expected 0 to 3 pixels .*, got True \(bool\)",
    ),
    "mask of numbers": (
        partial(gibbs.clamp, FOUR, [0, 1, 2, 3], np.zeros(4)),
        "clamp mask: expected true or false",
    ),
    "mask of words": (
        partial(gibbs.clamp, FOUR, ["a"] * 4, np.zeros(4)),
        "clamp mask: expected numbers",
    ),
    "clamp of other chains": (
        partial(gibbs.apply_clamp, gibbs.clamp(FOUR, [True] * 4, np.zeros((2, 4))), V),
        r"clamped values: expected one for each case, \[3\], got \[2\]",
    ),
    "clamp of another layer": (
        partial(complete.complete_rbm, KEY, rbm.transpose(MACHINE), KNOWN, 1),
        "known values: expected 2 units",
    ),
    "sizes": (partial(feedforward.init, KEY, 5, 2), "sizes: expected a row of whole numbers"),
    "temperatures": (partial(ladder.check, "ab"), "betas: expected numbers"),
    "which unit": (
        lambda: generate.unit_effects(NET, 1, jnp.zeros((2, 2)), jnp.array([2])),
        "units: expected 0 to 1, got 2",
    ),
    "level": (partial(features.features, KEY, NET, V, True), r"\(the top\), got True \(bool\)"),
    "level of a unit": (
        lambda: generate.unit_effects(NET, "1", jnp.zeros((2, 2)), jnp.arange(1)),
        r"level: expected 1 \(the first\) to 2, got '1' \(str\)",
    ),
    "how": (partial(features.features, KEY, NET, V, 2, "smaple"), "how: expected 'sample' or"),
    "a batch of more than the data": (
        lambda: loop.minibatches(KEY, loop.put(PIXELS, [0, 1, 0, 1], 2, 2, False), 5),
        r"batch size: expected 1 to 4 \(the number of cases\), got 5",
    ),
}


def line_of(call):
    """What is said where a call is refused; nothing where it is not."""
    try:
        call()
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("table", [STATES, CLASS_NUMBERS, VALUES])
def test_doors_say_in_one_line_what_they_want(table):
    for name, (call, words) in table.items():
        said = line_of(call)
        assert re.search(words, said), f"{name}: {said!r}"
        assert "\n" not in said, name


def test_lists_that_the_host_reads_are_taken():
    assert loop.put(PIXELS, [0, 1, 0, 1], 2, 2, True).labels.tolist() == [0, 1, 0, 1]
    ladder.check([1, 0.5, 0])
    assert feedforward.init(KEY, [4, 2], 2).output.unit.size == 2


def test_a_constant_gets_the_least_variance_and_the_border_is_taken():
    mean, variance = jnp.array([1000.0, 0.1]), jnp.array([1e-7, 0.0])
    least = units.Gaussian.zeros(2).match(mean, variance).variance
    np.testing.assert_allclose(least, np.exp(-0.99 * 6.0), rtol=1e-4)
    cases.GAUSSIAN.check_moments(jnp.zeros(2), jnp.array([0.003, 370.0]))


def test_zeros_are_a_missing_label_where_there_is_a_place_for_one():
    v = dbn.join_labels(jnp.full((2, 2), 0.5), jnp.zeros((2, N)))
    assert missing_labels.fill(KEY, MEMORY, v)[:, 2:].sum() == 2.0
