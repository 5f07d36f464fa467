import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
import two_classes
from idx_files import write_idx
from PIL import Image
from refusals import one_line

from dbnjax.checks import InputError
from dbnjax.data.images import Images
from dbnjax.models import feedforward
from dbnjax.weights import io
from experiments import paper_figures
from experiments.common import pictures
from experiments.common.nets import Net
from experiments.mnist_dbn import figures as dbn_figures

CLEAN = two_classes.pixels([0, 1]) / 255.0
EPOCHS = [
    {"stage": "rbm_1", "epoch": 1, "reconstruction_error": 3.0},
    {"stage": "up_down_1", "epoch": 1, "training_error": 4.0, "validation_error": 5.0},
    {"stage": "up_down_1", "epoch": 2, "training_error": 3.0, "validation_error": 4.5},
    {"stage": "up_down_2", "epoch": 1, "training_error": 2.0, "validation_error": 4.0},
    {"stage": "all_cases", "epoch": 1, "training_error": 3.5},
]
ALL = {f"{name}.png" for name in paper_figures.FIGURES if name not in ("units", "hard")}
ALL |= {"units_1.png", "units_2.png"}
OF_CLASSIFIERS = "skipped hard: it is of classifiers alone; close_calls has such digits of this net"


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.safetensors"
    metadata = {"image_shape": two_classes.SHAPE, "summary": {"epochs": EPOCHS}}
    io.save(path, two_classes.deep(), metadata)
    return str(path)


@pytest.fixture
def test_set(tmp_path):
    """An IDX folder of two left halves and a right one, called 0, 1 and 1."""
    folder = tmp_path / "idx"
    folder.mkdir()
    write_idx(folder / "t10k-images-idx3-ubyte", two_classes.pixels([0, 0, 1]))
    write_idx(folder / "t10k-labels-idx1-ubyte", np.array([0, 1, 1]))
    return str(folder)


@pytest.fixture
def draw(net, tmp_path):
    """Runs the experiment on the net of two classes unless another is given."""

    def run(**options):
        defaults = {"net": net, "output": str(tmp_path / "figures")}
        return paper_figures.run(paper_figures.Config(**(defaults | options)))

    return run


def tiles(figure, size=two_classes.SHAPE, above=1, below=0):
    """Cuts a figure's mosaic into its images, `[n, height, width]`, without its layout's help."""
    shown = np.asarray(figure.axes[0].images[0].get_array())
    height, width = above + size[0] + below, 1 + size[1]
    rows = shown.reshape(-1, height, shown.shape[1] // width, width).swapaxes(1, 2)
    return rows[:, :, above : above + size[0], 1:].reshape(-1, *size)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_one_command_draws_every_figure(draw, test_set, capfd):
    written = draw(data_dir=test_set)
    assert {path.name for path in written} == ALL
    assert {path.name for path in written[0].parent.iterdir()} == ALL
    for path in written:
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) > 100
    out, err = capfd.readouterr()
    assert out.splitlines() == [OF_CLASSIFIERS, *(str(path) for path in written)]
    assert "classify: 1/1" in err
    assert "imagine: 10/10" in err


def test_errors_stand_in_scan_order_of_the_true_class_with_the_guess():
    pixels = np.random.default_rng(0).integers(0, 256, (6, *two_classes.SHAPE), dtype=np.uint8)
    labels, guesses = np.array([2, 0, 1, 1, 0, 1]), np.array([0, 0, 2, 0, 1, 1])
    figure = pictures.errors(Images(pixels, labels), np.eye(3)[guesses], ["3", "5", "x"])
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
    figure = pictures.close_calls(Images(pixels, labels), probabilities, names)
    assert texts(figure) == [text for _, text in expected]
    shown = tiles(figure, above=2)[: len(expected)]
    np.testing.assert_allclose(shown, pixels[[i for i, _ in expected]] / 255.0)
    title = figure.axes[0].get_title().replace("\n", " ")
    assert f"All {len(expected)} right guesses, of {right}," in title


@pytest.mark.parametrize(("from_random", "step"), [(False, 1000), (True, 20)])
def test_clamped_chains_have_a_row_a_class(from_random, step):
    net = Net(two_classes.deep(), two_classes.SHAPE, {})
    figure = dbn_figures.samples(jax.random.key(0), net, from_random)
    times = [int(tick.get_text()) for tick in figure.axes[0].get_xticklabels()]
    assert times == [step * (i + (not from_random)) for i in range(10)]
    shown = tiles(figure).reshape(2, 10, *two_classes.SHAPE)[:, 1:]
    np.testing.assert_allclose(shown, np.broadcast_to(CLEAN[:, None], shown.shape), atol=0.01)


def test_the_free_memory_names_its_own_images():
    figure = dbn_figures.free(jax.random.key(1), Net(two_classes.deep(), two_classes.SHAPE, {}))
    labels = [int(text) for text in texts(figure)]
    assert set(labels) == {0, 1}
    shown = tiles(figure, below=2)
    np.testing.assert_allclose(shown, CLEAN[labels], atol=0.01)
    assert "own label" in figure.axes[0].get_xlabel()


def test_the_units_with_the_strongest_weights_are_drawn(monkeypatch):
    monkeypatch.setattr(dbn_figures, "UNITS", 4)
    net = machines.net(3, (6, 9, 9, 9), n_labels=2)
    heard = jnp.isin(jnp.arange(9), jnp.array([1, 4, 5, 7]))  # the others generate nothing
    memory = net.memory.replace(weights=net.memory.weights * heard)
    generative = tuple(
        layer.replace(weights=layer.weights * heard[:, None]) for layer in net.generative
    )
    net = net.replace(generative=generative, memory=memory)
    drawn = dbn_figures.units(jax.random.key(0), Net(net, (2, 3), {}))
    assert list(drawn) == ["units_1", "units_2", "units_3"]
    for level, figure in enumerate(drawn.values(), start=1):
        shown = np.abs(tiles(figure, size=(2, 3)))
        assert shown.shape == (4, 2, 3)
        assert (shown.max((1, 2)) > 1e-5).all()
        title = figure.axes[0].get_title().replace("\n", " ")
        assert f"hidden layer {level} generate: the 4 of 9" in title


def test_error_curves_go_on_with_all_cases_in_a_curve_of_their_own():
    (figure,) = dbn_figures.error_curves(EPOCHS).values()
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines[:3]}
    assert lines == {
        "training": [[1, 4.0], [2, 3.0], [3, 2.0]],
        "validation": [[1, 5.0], [2, 4.5], [3, 4.0]],
        "training, all cases": [[4, 3.5]],
    }
    starts = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert starts == {"up-down 1": 0.5, "up-down 2": 2.5, "all cases": 3.5}
    assert axes.get_ylabel() == "error (%)"


def test_a_single_stage_is_not_marked():
    (figure,) = dbn_figures.error_curves(EPOCHS[:3]).values()
    assert texts(figure) == []
    assert dbn_figures.error_curves(EPOCHS[:1]) == {}


@pytest.mark.parametrize("metadata", [{}, {"summary": "none"}, {"summary": {"epochs": EPOCHS[:1]}}])
def test_a_net_without_labels_or_records_is_drawn_as_far_as_it_goes(
    draw, test_set, tmp_path, capsys, metadata
):
    metadata = metadata | {"image_shape": two_classes.SHAPE}
    io.save(tmp_path / "plain", two_classes.label_free(), metadata)
    written = draw(
        net=str(tmp_path / "plain"), data_dir=test_set, only=("samples", "units", "error")
    )
    assert [path.name for path in written] == ["units_1.png", "units_2.png"]
    assert capsys.readouterr().out.splitlines()[:2] == [
        "skipped samples: the net has no label units",
        "skipped error: the net carries no record of epochs of up-down",
    ]


def test_a_classifier_is_drawn_as_far_as_it_goes(draw, test_set, tmp_path, capsys):
    tuned = feedforward.unroll(jax.random.key(0), two_classes.label_free(), 2)
    net = tuned.replace(output=tuned.output.replace(weights=4.0 * jnp.eye(2)))
    io.save(tmp_path / "tuned", net, {"image_shape": two_classes.SHAPE})
    written = draw(net=str(tmp_path / "tuned"), data_dir=test_set)
    names = ["errors", "close_calls", "hard", "receptive_fields"]
    assert [path.stem for path in written] == names
    assert capsys.readouterr().out.splitlines()[:2] == [
        "skipped samples, from_random, free, units: a classifier imagines nothing",
        "skipped error: the net carries no record of epochs of up-down",
    ]
    assert draw(net=str(tmp_path / "tuned"), only=("hard",)) == []
    assert capsys.readouterr().out == "skipped hard: no test set; give it by --data_dir=FOLDER\n"


def test_a_single_machine_is_drawn(draw, tmp_path, test_set):
    io.save(tmp_path / "machine", two_classes.single(), {"image_shape": two_classes.SHAPE})
    only = ("receptive_fields", "errors", "units")
    written = draw(net=str(tmp_path / "machine"), data_dir=test_set, only=only)
    assert [path.name for path in written] == ["errors.png", "receptive_fields.png", "units_1.png"]


WRONG = {
    "net": ({"net": "nowhere"}, "nowhere: expected a safetensors file"),
    "folder": ({"data_dir": "nowhere"}, "nowhere"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused_before_anything_is_drawn(draw, tmp_path, options, message):
    with one_line(message):
        draw(**options)
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize(
    ("labels", "message"), [(np.array([0, 1, 2]), "labels from 0 to 1"), (None, "not labelled")]
)
def test_labels_that_the_net_cannot_know_are_refused(draw, tmp_path, labels, message):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", two_classes.pixels([0, 0, 1]))
    if labels is not None:
        write_idx(tmp_path / "t10k-labels-idx1-ubyte", labels)
    with pytest.raises(InputError, match=message):
        draw(data_dir=str(tmp_path))
    assert not (tmp_path / "figures").exists()


def test_a_place_that_cannot_be_written_is_one_line(draw, net):
    with pytest.raises(InputError, match="expected a place to write"):
        draw(output=net, only=("error",))
