"""Errors, close calls and hard cases: which are drawn, in which order, and what stands at each."""

import inspect

import numpy as np
import two_classes
from matplotlib.figure import Figure
from two_classes import texts, tiles

from dbnjax.data.images import Images
from dbnjax.figures import decisions


def test_errors_stand_in_scan_order_of_the_true_class_with_the_guess():
    pixels = np.random.default_rng(0).integers(0, 256, (6, *two_classes.SHAPE), dtype=np.uint8)
    labels, guesses = np.array([2, 0, 1, 1, 0, 1]), np.array([0, 0, 2, 0, 1, 1])
    figure = decisions.errors(Images(pixels, labels), np.eye(3)[guesses], ["3", "5", "x"])
    assert texts(figure) == ["3→5", "5→x", "5→3", "x→3"]
    shown = tiles(figure, above=2)
    np.testing.assert_allclose(shown[:4], pixels[[4, 2, 3, 0]] / 255.0)
    assert np.isnan(shown[4:]).all()
    assert "All 4 errors of 6 test cases" in figure.axes[0].get_title()


def test_close_calls_are_those_of_a_reference():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(4, 0.5), 300)
    labels = np.where(rng.random(300) < 0.5, probabilities.argmax(1), rng.integers(0, 4, 300))
    pixels = rng.integers(0, 256, (300, *two_classes.SHAPE), dtype=np.uint8)
    names, expected, right = "wxyz", [], 0
    for label in range(4):
        for i in np.flatnonzero(labels == label):
            others = [(probabilities[i, k], k) for k in range(4) if k != label]
            lead = probabilities[i, label] - max(others)[0]
            right += lead > 0
            if 0 < lead <= 0.3:
                expected.append((i, f"{names[label]}, {names[max(others)[1]]}"))
    assert 15 < len(expected) < right < 250
    figure = decisions.close_calls(Images(pixels, labels), probabilities, names)
    assert texts(figure) == [text for _, text in expected]
    shown = tiles(figure, above=2)[: len(expected)]
    np.testing.assert_allclose(shown, pixels[[i for i, _ in expected]] / 255.0)
    title = figure.axes[0].get_title().replace("\n", " ")
    assert f"All {len(expected)} right guesses, of {right}," in title


def test_the_hardest_digits_that_it_gets_right_come_by_class(monkeypatch):
    drawn = []
    signature = inspect.signature(decisions.gallery)

    def gallery(*arguments, **named):
        drawn.append(signature.bind(*arguments, **named).arguments)
        return Figure()

    monkeypatch.setattr(decisions, "gallery", gallery)
    monkeypatch.setattr(decisions, "N_HARD", 3)
    sure = np.array([0.9, 0.6, 0.8, 0.51, 0.7, 0.55])
    labels = np.array([1, 1, 0, 0, 0, 1], np.int32)
    wrong = np.array([0, 0, 0, 1, 0, 0], bool)
    said = np.stack([1 - sure, sure], -1)
    said[(labels == 0) ^ wrong] = said[(labels == 0) ^ wrong][:, ::-1]
    pixels = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    decisions.hard(Images(pixels, labels), said, ["nil", "one"])
    (call,) = drawn
    assert call["captions"] == ["nil: 70 %", "one: 60 %", "one: 55 %"]
    np.testing.assert_allclose(255 * call["images"][:, 0, 0], [4, 1, 5])
    assert "3 hardest test digits that it gets right, of 5" in call["title"]
