"""The rows that scikit-learn learns: the support vector machine, and the nets once more.

Its nets have logistic units and the flags of ours, and stop by the same rule, an epoch being one
`partial_fit`. What differs: its first weights are uniform in sqrt(2 / (n_from + n_to)), and with
squared error its outputs are linear (`MLPRegressor`), where ours are a softmax group. Its penalty
is divided by the cases of a minibatch, and is multiplied by them here; its gradient is that of half
the squared error, and its learning rate is doubled here.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dbnjax.data import preparation
from dbnjax.data.images import Images
from dbnjax.data.optional import import_extra
from dbnjax.training import early_stopping, metrics, stages
from experiments.comparators import train
from experiments.comparators.config import Row
from experiments.comparators.train import Net, Task

PREFIX = "sklearn_"  # of the names of the rows of nets
DEGREE = 9
CACHE = 1000  # MB of kernel values

Scores = Callable[[np.ndarray], np.ndarray]


class Fitted(NamedTuple):
    """A net between two epochs, as `early_stopping` looks at it."""

    params: Any


def unit_length(images: Images) -> np.ndarray:
    """Returns images as vectors of length 1, `[n, n_pixels]`; an empty one stays empty."""
    pixels = preparation.as_unit_interval(images.pixels)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    return pixels / np.where(length > 0, length, 1)


def svm(task: Task, name: str) -> Row:
    """Fits machines of kernel `((u . v + 1) / 2)^9`, one a pair of classes, which vote.

    Images have unit length, so that the kernel of an image with itself is 1.
    """
    config = task.config
    cases = train.first(task, config.svm_cases)
    machine = import_extra("sklearn.svm").SVC(
        C=config.svm_cost, kernel="poly", degree=DEGREE, gamma=0.5, coef0=0.5, cache_size=CACHE
    )
    began = time.perf_counter()
    judged = {"test": task.splits.test}
    if config.svm_cases:
        judged["validation"] = task.splits.validation
    with metrics.progress(1 + len(judged), f"SVM, {len(cases.pixels)} cases", "part") as advance:
        machine.fit(unit_length(cases), cases.known_labels())
        advance({"support vectors": len(machine.support_)})
        wrong = {}
        for split, images in judged.items():
            guesses = machine.predict(unit_length(images))
            wrong[split] = train.mistakes(guesses, images)
            advance({f"{split} errors": len(wrong[split])})
    return Row(
        name=name,
        cases=len(cases.pixels),
        validation=len(wrong["validation"]) if "validation" in wrong else None,
        test=len(wrong["test"]),
        wrong=wrong["test"],
        seconds=time.perf_counter() - began,
        settings={
            "kernel": f"((u . v + 1) / 2)^{DEGREE} of images of unit length",
            "C": config.svm_cost,
            "classes": "one against one",
            "support_vectors": len(machine.support_),
        },
    )


def net(task: Task, name: str) -> Row:
    """Learns one of the nets once with each decay and judges the one that validation chooses."""
    config, kind = task.config, train.NETS[name.removeprefix(PREFIX)]
    decays = train.numbers(config, kind).decays
    began = time.perf_counter()
    tried = [tune(task, kind, decay) for decay in decays]
    errors = [int(seen.errors) for _, seen in tried]
    chosen = int(np.argmin(errors))
    model, seen = tried[chosen]
    scores = scorer(with_params(model, seen.best), kind)
    guesses = scores(preparation.as_unit_interval(task.splits.test.pixels)).argmax(-1)
    wrong = train.mistakes(guesses, task.splits.test)
    settings = train.settings(config, kind, decays[chosen], int(seen.epoch))
    return Row(
        name=name,
        cases=len(task.splits.train.pixels),
        validation=errors[chosen],
        test=len(wrong),
        wrong=wrong,
        seconds=time.perf_counter() - began,
        settings=settings | {"outputs": "linear" if kind.squared else "softmax"},
    )


def tune(task: Task, net: Net, decay: float) -> tuple[Any, early_stopping.Watch]:
    """Learns a net until the stopping rule holds; returns it and what was seen of it."""
    config = task.config
    learned, held_out = task.splits.train, task.splits.validation
    x, v = (preparation.as_unit_interval(images.pixels) for images in (learned, held_out))
    labels = held_out.known_labels()
    wanted = one_hot(labels, task.n_classes)
    model = create(task, net, decay)
    orders = np.random.default_rng(config.seed)
    seen = early_stopping.watch(Fitted(()))
    title = f"scikit-learn, {'-'.join(map(str, net.layers))}, decay {decay:g}"
    with metrics.progress(config.epochs, title) as advance:
        for _ in range(config.epochs):
            order = orders.permutation(len(x))
            learn(task, model, net, x[order], learned.known_labels()[order])
            found = scorer(model, net)(v)
            cost = costs(found, wanted, net.squared).mean()
            errors = int((found.argmax(-1) != labels).sum())
            seen = early_stopping.look(seen, Fitted(params(model)), errors, float(cost))
            advance({"validation_cost": cost, "validation_error": 100 * errors / len(labels)})
            if early_stopping.done(seen, config.patience):
                break
    return model, seen


def create(task: Task, net: Net, decay: float) -> Any:
    """Makes a net without weights; it gets them in its first epoch."""
    networks = import_extra("sklearn.neural_network")
    batch_size, rate, _ = train.numbers(task.config, net)
    kind = networks.MLPRegressor if net.squared else networks.MLPClassifier
    return kind(
        hidden_layer_sizes=net.layers,
        activation="logistic",
        solver="sgd",
        alpha=decay * batch_size,
        batch_size=batch_size,
        learning_rate_init=2 * rate if net.squared else rate,
        momentum=task.config.momentum,
        nesterovs_momentum=False,
        shuffle=False,  # each epoch begins its random numbers anew, and would have one order
        random_state=task.config.seed,
    )


def learn(task: Task, model: Any, net: Net, x: np.ndarray, labels: np.ndarray) -> None:
    """Learns for an epoch, the cases in this order.

    Raises:
      DivergenceError: a weight is not finite.
    """
    try:
        if net.squared:
            model.partial_fit(x, one_hot(labels, task.n_classes))
        else:
            model.partial_fit(x, labels, classes=np.arange(task.n_classes))
    except ValueError as error:
        raise stages.DivergenceError(
            f"scikit-learn, {net.layers} units: expected finite weights, so the learning rate is "
            f"probably too large; it says: {error}"
        ) from error


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns one-of-K states, `[n, n_classes]` float32."""
    return np.eye(n_classes, dtype=np.float32)[labels]


def scorer(model: Any, net: Net) -> Scores:
    """Returns what gives every class of every case a score, `[n, n_classes]`."""
    scores: Scores = model.predict if net.squared else model.predict_proba
    return scores


def costs(scores: np.ndarray, wanted: np.ndarray, squared: bool) -> np.ndarray:
    """Returns the squared error or the cross-entropy of each case."""
    if squared:
        return ((scores - wanted) ** 2).sum(-1)
    return -np.log(np.maximum((scores * wanted).sum(-1), np.finfo(np.float32).tiny))


def params(model: Any) -> Any:
    """Returns the weights and the biases of a net, layer by layer."""
    return list(model.coefs_), list(model.intercepts_)


def with_params(model: Any, kept: Any) -> Any:
    """Gives a net these weights and biases."""
    model.coefs_, model.intercepts_ = ([np.asarray(x) for x in part] for part in kept)
    return model
