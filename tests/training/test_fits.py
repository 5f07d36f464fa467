"""One call fits a model to arrays, to the same weights as the stages that it is composed of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import exact
from dbnjax.inference import classify
from dbnjax.learning import updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.persistent import persistent_contrastive_divergence
from dbnjax.models import dbn, feedforward
from dbnjax.training import fine_tuning, fits, loop, pretraining, stages
from dbnjax.training.plans import LayerPlan, StackPlan, UpDownPlan
from dbnjax.training.task import Task

V = np.random.default_rng(0).random((20, 6)).astype(np.float32)
LABELS = np.arange(20) % 3
SMALL = {"layers": (5, 4), "layer_epochs": 1, "batch_size": 10, "progress": False}


@pytest.fixture(scope="module")
def digits():
    """Scikit-learn's 8x8 digits in [0, 1], four fifths to learn from."""
    v, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(v))
    v, labels = (v[order] / 16).astype(np.float32), labels[order]
    return (v[:1437], labels[:1437]), (v[1437:], labels[1437:])


def assert_same(got, expected):
    jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_an_rbm_is_what_its_epochs_would_make_of_it_one_by_one():
    fitted = fits.fit_rbm(V, units.Bernoulli, 4, n_epochs=3, batch_size=10, progress=False)
    learner, data = contrastive_divergence(), loop.put_cases(V, 10)
    program = loop.epoch_program(learner, lambda key, context, cases, labels: cases, 10)
    first = fits.fit_rbm(V, units.Bernoulli, 4, n_epochs=0, batch_size=10, progress=False).model
    np.testing.assert_allclose(jax.nn.sigmoid(first.visible.bias), V.mean(0), rtol=1e-4)
    key_init, key_epochs = jax.random.split(jax.random.key(0))
    state = learner.init(key_init, first)
    for i, rate in enumerate((0.05, 0.05 * 2 / 3, 0.05 / 3)):
        hyper = updates.hyper(rate, 0.5, 1e-4)
        state, report = program(jax.random.fold_in(key_epochs, i), hyper, state, None, data)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), fitted.model, state[0])
    told = fitted.history[-1]
    assert [record["epoch"] for record in fitted.history] == [1, 2, 3]
    assert told["reconstruction_error"] == pytest.approx(float(report.info.reconstruction_error))
    assert told["mean_size_of_weights"] == pytest.approx(
        float(np.abs(fitted.model.weights).mean()), rel=1e-5
    )
    other = fits.fit_rbm(V, units.Bernoulli, 4, n_epochs=3, batch_size=10, seed=1, progress=False)
    assert (other.model.weights != fitted.model.weights).any()


def test_every_epoch_is_told_with_its_state_and_the_bar_can_be_turned_off(capfd):
    seen = []

    def after(name, epoch, state, numbers):
        seen.append((name, epoch, np.array(state.params.weights), dict(numbers)))

    options = {"n_epochs": 2, "batch_size": 10, "validation": V[:5], "after": after}
    fitted = fits.fit_rbm(V, units.Bernoulli, 4, progress=False, **options)
    assert capfd.readouterr().err == ""
    assert [told[:2] for told in seen] == [("RBM", 1), ("RBM", 2)]
    assert (seen[0][2] != seen[1][2]).any()
    np.testing.assert_array_equal(seen[1][2], fitted.model.weights)
    names = {"reconstruction_error", "activity", "mean_size_of_weights", "free_energy_gap"}
    assert set(seen[1][3]) == names == set(fitted.history[1]) - {"stage", "epoch"}
    fits.fit_rbm(V, units.Bernoulli, 4, progress=True, **options)
    assert "RBM: 2/2" in capfd.readouterr().err


def test_any_learner_fits_any_cases_and_goes_on_from_its_place(tmp_path):
    pcd = persistent_contrastive_divergence(5)
    start = fits.fit_rbm(V, units.Bernoulli, 4, n_epochs=0, progress=False).model
    cases = {"a": V[:, :3], "b": V[:, 3:]}

    def learn(n_epochs, place):
        return fits.learn(
            pcd, start, cases, lambda i: updates.hyper(0.1), n_epochs, batch_size=10,
            prepare=lambda key, context, cases, labels: jnp.concatenate([*cases.values()], -1),
            progress=False, place=place,
        )  # fmt: skip

    place = stages.Place(tmp_path / "run")
    learn(2, place)
    resumed, whole = learn(3, place), learn(3, None)
    assert_same(resumed.model, whole.model)
    assert [record["epoch"] for record in resumed.history] == [3]
    assert "chain_activity" in whole.history[0]


@pytest.mark.parametrize("validated", [False, True])
def test_a_net_is_what_its_stages_make_of_it(validated):
    validation = (V[:6], LABELS[:6]) if validated else None
    net, history = fits.fit_dbn(
        V, LABELS, up_down_epochs=(1, 2), validation=validation, seed=3, **SMALL
    )
    data = loop.put_cases(V, 10, LABELS, 3)
    held_out = loop.put_cases(V[:6], 1, LABELS[:6], 3) if validated else data
    task = Task(jax.random.key(3), 3, data, held_out, listener=stages.Listener(progress=False))
    common = {"schedule": "linear", "decay": 2e-4}
    plan = StackPlan(
        (LayerPlan(5, 1, 0.1, **common), LayerPlan(4, 2, 0.1, **common)), 10, data_biases=True
    )
    stack = pretraining.learn_stack(task, plan)
    up_down = UpDownPlan((1, 2), (3, 6), 0.02, "linear", batch_size=10)
    selected = fine_tuning.fine_tune(task, up_down, dbn.untie(stack))
    assert_same(net, selected.best if validated else selected.learner.params)
    stages_told = [record["stage"] for record in history]
    by_validation = {"validation_error", "free_energy_gap"}
    assert all(by_validation.isdisjoint(record) for record in history) != validated
    assert stages_told == ["rbm_1", "rbm_2", "rbm_2", "up_down_1", "up_down_2", "up_down_2"]


def test_pixels_of_bytes_and_their_intensities_give_the_same_net():
    pixels = (255 * V).astype(np.uint8)
    one, _ = fits.fit_dbn(pixels.reshape(-1, 2, 3), LABELS, up_down_epochs=(1,), **SMALL)
    two, _ = fits.fit_dbn(pixels / np.float32(255), LABELS, up_down_epochs=(1,), **SMALL)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), one, two)


def test_a_classifier_learns_digits_that_it_has_not_seen(digits):
    (v, labels), (unseen, truth) = digits
    net, history = fits.fit_classifier(
        v, labels, (100,), layer_epochs=5, tune_epochs=15, progress=False
    )
    guesses = feedforward.log_probabilities(net, jnp.asarray(unseen)).argmax(-1)
    assert (guesses == truth).mean() > 0.94
    assert history[-1]["training_cost"] < history[5]["training_cost"]
    chosen, told = fits.fit_classifier(
        v, labels, (100,), layer_epochs=0, tune_epochs=3, progress=False,
        validation=(unseen, truth),
    )  # fmt: skip
    wrong = feedforward.log_probabilities(chosen, jnp.asarray(unseen)).argmax(-1) != truth
    best = min(r["validation_error"] for r in told if "validation_error" in r)
    assert 100 * wrong.mean() == pytest.approx(best)


def test_a_net_learns_digits_with_their_labels(digits):
    (v, labels), (unseen, truth) = digits
    net, _ = fits.fit_dbn(
        v, labels, (300,), layer_epochs=15, up_down_epochs=(), batch_size=20, progress=False
    )
    guesses = jax.jit(classify.deterministic)(net, unseen).argmax(-1)
    assert (guesses == truth).mean() > 0.93


def gaussian_log_p(train, x):
    """log p under the Gaussian with the mean and the whole covariance of the training cases."""
    away, covariance = x - train.mean(0), np.cov(train.T, bias=True)
    square = (away * np.linalg.solve(covariance, away.T).T).sum(1)
    return -0.5 * (np.linalg.slogdet(2 * np.pi * covariance)[1] + square)


def test_real_values_are_more_probable_under_a_fitted_rbm_than_under_a_full_gaussian():
    """Five standardised principal components of digits; validation chooses the hidden units."""
    v = load_digits().data
    train, held_out, unseen = np.split(
        v[np.random.default_rng(0).permutation(len(v))], [1200, 1500]
    )
    components = PCA(5, whiten=True).fit(train)
    train, held_out, unseen = map(components.transform, (train, held_out, unseen))
    machines = [
        fits.fit_rbm(
            train,
            units.Gaussian,
            n_hidden,
            n_epochs=150,
            batch_size=50,
            rate=0.02,
            progress=False,
        ).model
        for n_hidden in (6, 12)
    ]
    chosen = max(
        machines, key=lambda machine: exact.log_prob(machine, jnp.asarray(held_out)).mean()
    )
    gain = exact.log_prob(chosen, jnp.asarray(unseen)) - gaussian_log_p(train, unseen)
    assert gain.mean() > 3.0 * gain.std() / np.sqrt(len(gain))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": 255 * V}, r"cases: expected values in \[0, 1\], got values from"),
        ({"v": V[0]}, r"cases: expected \[n_cases, n_visible\], got shape \(6,\)"),
        ({"v": np.where(V > 0.5, np.nan, V)}, "cases: expected finite values, got"),
        ({"v": np.array([["a"]])}, "cases: expected numbers"),
        ({"v": V[:0]}, r"cases: expected \[n_cases, n_visible\]"),
        ({"labels": np.eye(3)[LABELS]}, "labels: expected class numbers"),
        ({"labels": LABELS * 2}, "labels: expected every class from 0 to 4, got none of 1, 3"),
        ({"labels": LABELS * 0}, "labels: expected two classes or more"),
        ({"labels": LABELS - 1}, "labels: expected labels from 0"),
        ({"labels": LABELS / 2}, "labels: expected integer labels"),
        ({"labels": LABELS[:7]}, "as many labels as cases"),
        ({"validation": V}, r"validation: expected \(cases, labels\)"),
        ({"validation": (V[:, :4], LABELS)}, "validation: expected 6 units in the last axis"),
        ({"validation": (V[:2], np.array([0, 3]))}, "labels from 0 to 2, got 0 to 3"),
        ({"v": (V > 0.5).astype(np.uint8)}, "expected pixels from 0 to 255 of type uint8, got 0"),
        ({"up_down_epochs": (1.5,)}, "up_down_epochs: expected 0 or more, a whole number"),
        ({"layer_epochs": "x"}, "layer_epochs: expected 0 or more, a whole number"),
        ({"batch_size": 30}, "batch size: expected 1 to 20"),
        ({"layers": ()}, "layers: expected one size or more"),
        ({"layers": (4, 0)}, "layers: expected 1 or more"),
        ({"seed": -1}, "seed: expected 0 to"),
        ({"up_down_epochs": (1, 1, 1, 1)}, "up_down_epochs: expected one number for each of at"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(change, message):
    given = {"v": V, "labels": LABELS, **SMALL, **change}
    with pytest.raises(InputError, match=message) as caught:
        fits.fit_dbn(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [255 * V, V - 2.0, np.where(V > 0.5, np.nan, V)])
def test_any_cases_are_looked_at_before_any_program_learns_from_them(wrong):
    start = fits.fit_rbm(V, units.Bernoulli, 4, n_epochs=0, progress=False).model
    with pytest.raises(InputError, match="visible states: expected"):
        fits.learn(
            contrastive_divergence(), start, wrong, lambda i: updates.hyper(0.1), 1,
            batch_size=10, progress=False,
        )  # fmt: skip


def test_a_stack_learns_from_cases_without_labels():
    data = loop.put_cases(V, 10)
    task = Task(jax.random.key(0), 0, data, data, listener=stages.Listener(progress=False))
    stack = pretraining.learn_stack(task, StackPlan((LayerPlan(4, 1), LayerPlan(3, 1)), 10))
    assert [rbm.hidden.size for rbm in stack.rbms] == [4, 3]


def test_cases_of_an_rbm_are_states_of_its_units():
    with pytest.raises(InputError, match=r"cases: expected values in \[0, 1\]"):
        fits.fit_rbm(V - 1.0, units.Bernoulli, 3, progress=False)
    with pytest.raises(InputError, match="validation: expected 6 units"):
        fits.fit_rbm(V, units.Bernoulli, 3, validation=V[:, :2], progress=False)
    for wrong in ("Bernoulli", units.Bernoulli.zeros(6)):
        with pytest.raises(InputError, match="visible: expected a type of units"):
            fits.fit_rbm(V, wrong, 3, progress=False)
    counts = np.random.default_rng(1).poisson(2.0, (20, 6))
    fitted = fits.fit_rbm(counts, units.Poisson, 3, n_epochs=1, progress=False)
    assert isinstance(fitted.model.visible, units.Poisson)
