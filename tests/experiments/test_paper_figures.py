import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
import two_classes
from idx_files import write_idx
from PIL import Image
from refusals import one_line
from two_classes import texts, tiles

from dbnjax import dbn
from dbnjax.checks import InputError
from dbnjax.models import feedforward
from dbnjax.weights import io
from experiments import paper_figures
from experiments.common import pictures
from experiments.common.nets import Net
from experiments.mnist_dbn import figures as dbn_figures
from experiments.paper_figures.config import FIGURES

CLEAN = two_classes.pixels([0, 1]) / 255.0
EPOCHS = [
    {"stage": "rbm_1", "epoch": 1, "reconstruction_error": 3.0},
    {"stage": "up_down_1", "epoch": 1, "training_error": 4.0, "validation_error": 5.0},
    {"stage": "up_down_1", "epoch": 2, "training_error": 3.0, "validation_error": 4.5},
    {"stage": "up_down_2", "epoch": 1, "training_error": 2.0, "validation_error": 4.0},
    {"stage": "all_cases", "epoch": 1, "training_error": 3.5},
]
ALL = {f"{name}.png" for name in FIGURES if name not in ("units", "hard")}
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
    assert "sample: 10/10" in err


@pytest.mark.parametrize(("from_random", "step"), [(False, 1000), (True, 20)])
def test_clamped_chains_have_a_row_a_class(from_random, step):
    net = Net(two_classes.deep(), two_classes.SHAPE, {})
    _, figure = pictures.clamped_chains(jax.random.key(0), net, 10, from_random)
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


def test_a_memory_without_labels_runs_freely_all_the_same():
    net = Net(dbn.untie(two_classes.label_free()), two_classes.SHAPE, {})
    figure = dbn_figures.free(jax.random.key(0), net)
    assert texts(figure) == []
    assert "own label" not in figure.axes[0].get_xlabel()


def test_the_units_with_the_strongest_weights_are_drawn(monkeypatch):
    monkeypatch.setattr(dbn_figures, "UNITS", 4)
    net = machines.net(3, (6, 9, 9, 9), n_labels=2)
    drawn = dbn_figures.units(jax.random.key(0), Net(net, (2, 3), {}))
    assert list(drawn) == ["units_1", "units_2", "units_3"]
    for level, figure in enumerate(drawn.values(), start=1):
        assert tiles(figure, size=(2, 3)).shape == (4, 2, 3)
        title = figure.axes[0].get_title().replace("\n", " ")
        assert f"hidden layer {level} generate: the 4 of 9" in title


def test_error_curves_go_on_with_all_cases_in_a_curve_of_their_own():
    figure = dbn_figures.error_curve(EPOCHS)
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
    figure = dbn_figures.error_curve(EPOCHS[:3])
    assert texts(figure) == []
    assert "error" not in dbn_figures.curves(EPOCHS[:1])


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
        "skipped samples, from_random, free, units: a classifier draws no samples",
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
