import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dbnjax import figures
from dbnjax.checks import InputError


@pytest.fixture
def images():
    return np.random.default_rng(0).random((12, 6, 4))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def start(middle, size):
    """The first pixel of an image whose middle is drawn at a coordinate; pixels are centred."""
    return int(middle + 0.5 - size / 2)


def test_receptive_fields_share_one_symmetric_scale_with_a_bar():
    weights = np.random.default_rng(0).normal(1.0, 1.0, (24, 9))
    figure = figures.receptive_fields(weights, (6, 4), title="Fields")
    axes, bar = figure.axes
    low, high = axes.images[0].get_clim()
    assert -low == high == pytest.approx(np.percentile(np.abs(weights), 99.5))
    assert "nats" in bar.get_ylabel()
    assert axes.get_title() == "Fields"


def test_a_receptive_field_is_its_column_of_weights_upright():
    weights = np.random.default_rng(0).normal(size=(24, 9))
    shown = figures.receptive_fields(weights, (6, 4)).axes[0].images[0].get_array()
    assert shown.shape == (3 * 7, 3 * 5)
    np.testing.assert_array_equal(shown[8:14, 6:10], weights[:, 4].reshape(6, 4))
    assert np.ma.getmaskarray(np.ma.masked_invalid(shown))[7].all()


def test_only_the_first_n_fields_are_drawn_and_an_odd_last_row_is_blank():
    weights = np.random.default_rng(0).normal(size=(24, 9))
    shown = figures.receptive_fields(weights, (6, 4), n=5).axes[0].images[0].get_array()
    assert np.isfinite(shown).sum() == 5 * 24


def test_signed_images_share_a_scale_that_is_named():
    images = np.random.default_rng(0).normal(size=(5, 6, 4))
    figure = figures.signed_images(images, "change (nats)", "Effects", "How they came")
    axes, bar = figure.axes
    np.testing.assert_array_equal(axes.images[0].get_array()[8:14, 1:5], images[3])
    assert axes.images[0].get_clim()[1] == pytest.approx(np.percentile(np.abs(images), 99.5))
    assert bar.get_ylabel() == "change (nats)"
    assert (axes.get_title(), axes.get_xlabel()) == ("Effects", "How they came")


def test_weights_that_are_all_zero_are_drawn():
    figure = figures.receptive_fields(np.zeros((24, 3)), (6, 4))
    assert figure.axes[0].images[0].get_clim() == (-1.0, 1.0)


def test_image_rows_are_labelled_at_their_middles(images):
    table = images.reshape(3, 4, 6, 4)
    figure = figures.image_rows(
        table, ["zero", "one", "two"], list("abcd"), title="Digits", caption="How they were made"
    )
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["zero", "one", "two"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list("abcd")
    assert (axes.get_title(), axes.get_xlabel()) == ("Digits", "How they were made")
    shown = axes.images[0].get_array()
    top, left = start(axes.get_yticks()[1], 6), start(axes.get_xticks()[2], 4)
    np.testing.assert_array_equal(shown[top : top + 6, left : left + 4], table[1, 2])
    assert axes.images[0].get_clim() == (0, 1)


def test_a_label_stands_beneath_its_own_image(images):
    table, names = images.reshape(3, 4, 6, 4), [f"is {i}" for i in range(12)]
    figure = figures.image_rows(table, list("abc"), title="Digits", image_labels=names)
    (axes,) = figure.axes
    shown = axes.images[0].get_array()
    assert texts(axes) == names
    for index, text in enumerate(axes.texts):
        column, head = text.get_position()
        left = start(column, 4)
        np.testing.assert_array_equal(shown[head - 6 : head, left : left + 4], images[index])
        assert np.isnan(shown.filled(np.nan)[head : head + 3]).all()
    top = start(axes.get_yticks()[2], 6)
    np.testing.assert_array_equal(shown[top : top + 6, 1:5], table[2, 0])


@pytest.mark.parametrize("n", [1, 10, 125, 200, 600])
def test_a_gallery_captions_every_image_legibly_and_without_overlap(n):
    pixels = np.random.default_rng(0).random((n, 28, 28))
    captions = [f"{i % 10}→{(i + 3) % 10}" for i in range(n)]
    figure = figures.gallery(pixels, captions, "Errors")
    (axes,) = figure.axes
    assert texts(axes) == captions
    figure.draw_without_rendering()
    saved = axes.get_window_extent().width * figures.DPI / figure.dpi
    assert saved > 2 * axes.images[0].get_array().shape[1]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert min(text.get_fontsize() for text in axes.texts) >= 7
    assert not any(left.overlaps(right) for left, right in itertools.pairwise(boxes))


def test_a_caption_stands_above_its_own_image(images):
    figure = figures.gallery(images, [str(i) for i in range(12)], "Errors", columns=5)
    shown = figure.axes[0].images[0].get_array()
    for index, text in enumerate(figure.axes[0].texts):
        column, foot = text.get_position()
        top, left = foot + 1, start(column, 4)
        np.testing.assert_array_equal(shown[top : top + 6, left : left + 4], images[index])


def test_long_captions_are_set_smaller_so_that_they_fit():
    pixels = np.zeros((20, 28, 28))
    (axes,) = figures.gallery(pixels, ["ankle boot→sandal"] * 20, "Errors").axes
    axes.figure.draw_without_rendering()
    left, right = (text.get_window_extent() for text in axes.texts[:2])
    assert not left.overlaps(right)


def test_a_gallery_of_no_images_says_so():
    (axes,) = figures.gallery(np.zeros((0, 28, 28)), [], "Errors").axes
    assert texts(axes) == ["nothing to show"]
    assert axes.get_title() == "Errors"


@pytest.mark.parametrize("log_y", [False, True])
def test_curves_are_labelled(log_y):
    series = {"train": (range(3), [3.0, 2.0, 1.0]), "test": ([0, 2], [4.0, np.nan])}
    figure = figures.curves(series, "epoch", "errors (%)", "Errors", log_y)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "test"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "errors (%)")
    assert axes.get_yscale() == ("log" if log_y else "linear")
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [3.0, 2.0, 1.0])


def test_estimates_have_bars_where_intervals_are_known_and_another_end():
    curves = {
        "one": figures.Estimated([-9.0, -5.0], [-9.5, None], [-8.5, None], None),
        "two": figures.Estimated([-8.0, -4.0], [-8.0, -4.5], [-8.0, -3.5], -6.0),
    }
    panels = {"updates": {"one": [1, 9], "two": [1, 9]}, "seconds": {"one": [2, 4], "two": [3, 5]}}
    figure = figures.estimates(curves, panels, "log p", "Rules", "from above")
    first, second = figure.axes
    assert [axes.get_xlabel() for axes in (first, second)] == ["updates", "seconds"]
    assert (first.get_xscale(), first.get_ylabel()) == ("log", "log p")
    names = [text.get_text() for text in first.get_legend().get_texts()]
    assert sorted(names) == ["from above", "one", "two"]
    bars = [container.lines[2][0].get_segments() for container in second.containers]
    np.testing.assert_allclose(bars[0][0], [[2, -9.5], [2, -8.5]])
    assert not np.isfinite(bars[0][1:]).any()
    np.testing.assert_allclose(bars[1][1], [[5, -4.5], [5, -3.5]])
    (dotted,) = (line for line in second.lines if line.get_linestyle() == ":")
    np.testing.assert_allclose(dotted.get_xydata(), [[5, -4], [5, -6]])
    with pytest.raises(InputError, match="estimates: expected at least one panel, got none"):
        figures.estimates(curves, {}, "log p", "Rules", "from above")


def rows(n_rows, n_columns, height=4, width=4):
    images = np.random.default_rng(0).random((n_rows, n_columns, height, width))
    names = [f"a row that is called {i} " * 9 for i in range(n_rows)]
    return lambda: figures.image_rows(images, names, title="Rows " * 999, caption="How " * 9999)


def weights(*shape):
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.receptive_fields(weights(784, 100), (784, 1)),
        lambda: figures.receptive_fields(weights(784, 100), (1, 784)),
        lambda: figures.receptive_fields(weights(5000, 1), (5000, 1)),
        lambda: figures.receptive_fields(weights(1, 9), (1, 1)),
        lambda: figures.receptive_fields(np.full((784, 2), 1e-320), (28, 28)),
        lambda: figures.gallery(np.zeros((3000, 3, 3)), ["4→9"] * 3000, "Errors"),
        lambda: figures.gallery(np.zeros((20, 300, 1)), ["a\nlong word " * 99] * 20, "Errors"),
        lambda: figures.gallery(np.zeros((2, 4, 4)), ["$\\frac{$", "$x"], "one $ and \\bad{ $"),
        rows(2000, 1),
        rows(1, 2000),
        rows(3, 4, 1, 300),
        lambda: figures.image_rows(np.zeros((2, 0, 4, 4)), ["a", "b"], title="None"),
        lambda: figures.curves(
            {f"net {i} " * 99: ([0], [i]) for i in range(300)}, "x", "y", "Curve " * 999
        ),
    ],
)
def test_whatever_is_drawn_a_figure_has_a_bounded_size(draw, tmp_path):  # F10
    figures.save(draw(), tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        width, height = picture.size
    assert 300 < width < 2000
    assert 60 < height < 4500


def test_of_too_many_the_first_are_drawn_and_the_rest_is_counted():
    pixels = np.linspace(0, 1, 900)[:, None, None] * np.ones((1, 2, 2))
    (axes,) = figures.gallery(pixels, [str(i) for i in range(900)], "Errors").axes
    assert texts(axes) == [str(i) for i in range(800)]
    assert axes.get_xlabel() == "(The first 800 of 900 images.)"
    table, names = pixels[:120].reshape(60, 2, 2, 2), [str(i) for i in range(120)]
    figure = figures.image_rows(table, names[:60], title="", caption="So.", image_labels=names)
    (axes,) = figure.axes
    assert texts(axes) == names[:100]
    assert axes.get_xlabel() == "So. (The first 50 of 60 rows.)"


def test_long_images_lie_beside_each_other_and_flat_ones_below():
    columns, table = weights(100, 6), (6, 100)
    (upright, _), (flat, _) = (
        figures.receptive_fields(columns, shape).axes for shape in ((100, 1), (1, 100))
    )
    shown = upright.images[0].get_array()
    assert shown.shape == (101, 12)
    np.testing.assert_array_equal(shown[1:, 1::2], columns)
    shown = flat.images[0].get_array()
    assert shown.shape == (12, 101)
    np.testing.assert_array_equal(shown[1::2, 1:], columns.T.reshape(table))


def test_marks_are_named_lines():
    marks = {"second": 2.5, "third": 4.0}
    (axes,) = figures.curves({"a": ([0, 5], [1, 2])}, "x", "y", "t", marks=marks).axes
    assert {text.get_text(): text.get_position()[0] for text in axes.texts} == marks
    assert [line.get_xdata()[0] for line in axes.lines[1:]] == [2.5, 4.0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a"]


def test_saved_figures_are_whole_pngs(images, tmp_path):
    path = tmp_path / "figures" / "rows.png"
    figures.save(figures.image_rows(images[None], ["all"], title="Digits"), path)
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert min(picture.size) > 100
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
    assert [entry.name for entry in path.parent.iterdir()] == ["rows.png"]


def test_a_figure_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    figure = figures.curves({"a": ([0], [1])}, "x", "y", "t")
    with pytest.raises(InputError, match="expected a place to write"):
        figures.save(figure, tmp_path / "file" / "a.png")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.receptive_fields(np.zeros((25, 3)), (6, 4)), r"expected shape \(24, n_"),
        (lambda: figures.receptive_fields(np.zeros((24, 0)), (6, 4)), r"got \(24, 0\)"),
        (lambda: figures.receptive_fields(np.full((24, 3), np.nan), (6, 4)), "finite"),
        (lambda: figures.image_rows(np.zeros((3, 24)), ["a"] * 3, title=""), r"got shape \(3, 24"),
        (lambda: figures.image_rows(np.full((1, 1, 2, 2), 255), ["a"], title=""), "scale"),
        (lambda: figures.image_rows(np.zeros((2, 1, 2, 2)), ["a"], title=""), "row labels: exp"),
        (lambda: figures.image_rows(np.zeros((1, 2, 2, 2)), ["a"], ["b"], title=""), "column lab"),
        (
            lambda: figures.image_rows(np.zeros((1, 2, 2, 2)), ["a"], title="", image_labels=["b"]),
            "image labels: expected 2",
        ),
        (lambda: figures.signed_images(np.zeros((0, 2, 2)), "", ""), "at least one"),
        (lambda: figures.signed_images(np.zeros((2, 2)), "", ""), "flat images"),
        (lambda: figures.signed_images(np.full((1, 2, 2), np.inf), "", ""), "finite"),
        (lambda: figures.gallery(np.zeros((2, 4)), ["a", "b"], ""), r"expected \[n, height, width"),
        (lambda: figures.gallery(np.zeros((2, 4, 4)), ["a"], ""), "captions: expected 2"),
        (lambda: figures.gallery(np.zeros((0, 4, 4)), ["a"], ""), "captions: expected 0"),
        (lambda: figures.curves({}, "x", "y", ""), "at least one"),
        (lambda: figures.curves({"a": ([0, 1], [1])}, "x", "y", ""), "curve a: expected x and y"),
    ],
)
def test_bad_input_is_refused(draw, message):
    with pytest.raises(InputError, match=message):
        draw()


def test_no_global_figures_are_made():
    program = (
        "import sys; from dbnjax import figures;"
        "figures.curves({'a': ([0], [1])}, 'x', 'y', 't');"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_means_stand_beside_each_other_with_their_single_values():
    series = {"a": {10: ([2.0, 4.0], 1.0), 100: ([1.0], 0.0)}, "b": {10: ([5.0, 5.0], 0.0)}}
    figure = figures.means(series, "cases", "error (%)", "title", "caption")
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.get_xticklabels()] == ["10", "100"]
    middles = {bars.get_label(): bars.lines[0].get_xydata() for bars in axes.containers}
    np.testing.assert_allclose(middles["a"], [[10 / 1.03**0.5, 3], [100 / 1.03**0.5, 1]])
    np.testing.assert_allclose(middles["b"], [[10 * 1.03**0.5, 5]])
    ends = [segment[:, 1].tolist() for segment in axes.containers[0].lines[2][0].get_segments()]
    assert ends == [[2.0, 4.0], [1.0, 1.0]]
    singles = [line.get_ydata().tolist() for line in axes.lines if line.get_marker() == "."]
    assert singles == [[2.0, 4.0], [1.0], [5.0, 5.0]]
    with pytest.raises(InputError, match="means: expected at least one value, got none"):
        figures.means({}, "", "", "", "")
