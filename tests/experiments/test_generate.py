import numpy as np
import pytest
import two_classes
from PIL import Image
from refusals import one_line

from dbnjax.checks import InputError
from dbnjax.weights import io
from experiments import generate

CLEAN = two_classes.pixels([0, 1]) / 255.0


def save(path, model):
    io.save(path, model, {"image_shape": two_classes.SHAPE})
    return str(path)


@pytest.fixture
def net(tmp_path):
    return save(tmp_path / "net.safetensors", two_classes.deep())


@pytest.fixture
def imagine(net, tmp_path):
    """Runs the experiment on the net of two classes unless another is given."""

    def run(**options):
        defaults = {"net": net, "output": str(tmp_path / "page.png"), "n_steps": 5}
        return generate.run(generate.Config(**(defaults | options)))

    return run


@pytest.mark.parametrize("mode", ["clamped", "film"])
def test_a_clamped_label_gives_images_of_its_class(imagine, tmp_path, mode):
    page = imagine(mode=mode, digits=(1, 0, 1), n_samples=4)
    assert page.images.shape == (3, 4, *two_classes.SHAPE)
    np.testing.assert_allclose(page.images, CLEAN[[1, 0, 1]][:, None].repeat(4, 1), atol=0.01)
    axes = page.figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1", "0", "1"]
    times = [text.get_text() for text in axes.get_xticklabels()]
    assert times == (["5", "10", "15", "20"] if mode == "film" else [])
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.width > 500


def test_a_random_image_is_seen_first_and_then_its_label_wins(imagine):
    page = imagine(mode="from_random", digits=(0, 1) * 8, n_samples=3, n_steps=20)
    times = [text.get_text() for text in page.figure.axes[0].get_xticklabels()]
    assert times == ["0", "20", "40"]
    clean = CLEAN[[0, 1] * 8]
    np.testing.assert_allclose(page.images[:, 1:], clean[:, None].repeat(2, 1), atol=0.01)
    # A random image has the features of the wrong class about as often as not.
    right = np.abs(page.images[:, 0] - clean).max((1, 2)) < 0.01
    assert 2 <= right.sum() <= 14


def test_free_images_come_with_their_own_labels(imagine, capsys):
    page = imagine(mode="free", n_samples=12)
    assert page.images.shape == (1, 12, *two_classes.SHAPE)
    assert set(page.labels) == {0, 1}
    np.testing.assert_allclose(page.images[0], CLEAN[page.labels], atol=0.01)
    assert f"labels: {' '.join(map(str, page.labels))}\n" in capsys.readouterr().out


def test_a_net_without_labels_imagines_freely(imagine, tmp_path, capsys):
    net = save(tmp_path / "plain", two_classes.label_free())
    page = imagine(net=net, mode="free", n_samples=6)
    assert page.labels is None
    assert "labels:" not in capsys.readouterr().out
    with pytest.raises(InputError, match="no label units"):
        imagine(net=net)


@pytest.mark.parametrize("model", [two_classes.deep(), two_classes.single()], ids=["dbn", "rbm"])
def test_the_hidden_half_is_filled_in(imagine, tmp_path, model):
    images = tmp_path / "images.npy"
    np.save(images, two_classes.pixels([1, 0, 0, 1]))
    page = imagine(
        net=save(tmp_path / "model", model), mode="complete", images=str(images), n_samples=3
    )
    given, completed, original = page.images
    np.testing.assert_array_equal(original, CLEAN[[1, 0, 0]])
    np.testing.assert_array_equal(given[:, :2], original[:, :2])
    np.testing.assert_array_equal(given[:, 2:], np.float32(generate.UNKNOWN))
    np.testing.assert_array_equal(completed[:, :2], original[:, :2])
    np.testing.assert_allclose(completed[:, 2:], original[:, 2:], atol=0.01)


def test_an_array_holds_the_images(imagine, tmp_path):
    path = tmp_path / "new" / "page.npy"
    page = imagine(digits=(0,), n_samples=2, output=str(path))
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), page.images)
    assert np.load(path).dtype == np.float32


def test_the_seed_alone_decides(imagine, tmp_path):
    weak = save(tmp_path / "weak", two_classes.deep(strength=0.1))
    first, again, other = (
        imagine(net=weak, digits=(0, 1), n_samples=2, seed=seed).images for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


WRONG = {
    "net": ({"net": "nowhere"}, "nowhere: expected a safetensors file"),
    "class": ({"digits": (0, 2)}, "--digits: expected some of 0, 1, got 2"),
    "ending": ({"output": "page.jpg"}, "--output: expected a .png or .npy file, got page.jpg"),
    "nothing to complete": ({"mode": "complete"}, "expected images by --images .*, got neither"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused(imagine, tmp_path, options, message):
    with one_line(message):
        imagine(**options)
    assert not (tmp_path / "page.png").exists()
