"""Downloads come from a server on this machine; nothing here needs a network."""

import functools
import hashlib
import http.server
import shutil
import sys
import threading

import numpy as np
import pytest
from idx_files import digits
from prepared_sets import prepare

from dbnjax.checks import InputError
from dbnjax.data import registry, tfds_sets
from dbnjax.data.grey import to_grey
from dbnjax.data.sources import load

tfds = pytest.importorskip("tensorflow_datasets")
requests = pytest.importorskip("requests")
checksums = pytest.importorskip("tensorflow_datasets.core.download.checksums")
downloader = pytest.importorskip("tensorflow_datasets.core.download.downloader")
FILES = [f"{p}-{k}-ubyte.gz" for p in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Lets requests reach this machine only, and give up at once where a server has gone."""
    monkeypatch.setattr(downloader, "MAX_RETRIES", 0)
    send = requests.Session.send

    def send_here(self, request, **kwargs):
        if "//127.0.0.1" not in request.url:
            raise requests.ConnectionError("Max retries exceeded")
        return send(self, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", send_here)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        self.server.requests.append(self.command)


@pytest.fixture
def server(idx_folder):
    handler = functools.partial(Handler, directory=idx_folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.requests = []
        threading.Thread(target=running.serve_forever, args=[0.02], daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def published(server, idx_folder, monkeypatch):
    """Publishes the small set under KMNIST's name, and says how often it was downloaded."""
    url = f"http://127.0.0.1:{server.server_port}/kmnist/"
    (idx_folder / "kmnist").mkdir()
    infos = {}
    for name in FILES:
        content = shutil.move(idx_folder / name, idx_folder / "kmnist" / name).read_bytes()
        infos[url + name] = checksums.UrlInfo(
            tfds.core.utils.Size(len(content)), hashlib.sha256(content).hexdigest(), name
        )
    builder = tfds.builder_cls("kmnist")
    monkeypatch.setattr(builder, "URL", url)
    monkeypatch.setattr(builder, "url_infos", infos)
    return lambda: server.requests.count("GET")


@pytest.fixture
def cache(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def assert_is_the_small_set(source):
    for images, n, seed in [(source.train, 40, 0), (source.test, 20, 1)]:
        np.testing.assert_array_equal(images.pixels, digits(n, seed)[0])
        np.testing.assert_array_equal(images.labels, digits(n, seed)[1])


def test_a_download_is_verified_cached_and_announced(published, cache, capfd):
    assert_is_the_small_set(load("kmnist", cache))
    assert published() == 4
    assert f"fetching kmnist from {tfds.builder_cls('kmnist').URL}" in capfd.readouterr().err
    assert_is_the_small_set(load("kmnist", cache))
    assert published() == 4
    assert "fetching" not in capfd.readouterr().err


def test_a_changed_file_is_refused(published, idx_folder, cache):
    (idx_folder / "kmnist" / FILES[1]).write_bytes(b"changed")
    with pytest.raises(InputError, match=f"kmnist: expected the published files.*{FILES[1]}"):
        load("kmnist", cache)


def test_a_file_that_is_gone_is_refused(published, idx_folder, cache):
    (idx_folder / "kmnist" / FILES[2]).unlink()
    with pytest.raises(InputError, match=r"kmnist: expected the published files.*HTTP code: 404"):
        load("kmnist", cache)


def test_a_connection_that_breaks_off_is_one_line(published, cache, monkeypatch):
    monkeypatch.setattr(registry, "_check_network", lambda *_: None)
    monkeypatch.setattr(
        downloader._Downloader,
        "_sync_download",
        lambda *_: (_ for _ in ()).throw(requests.ConnectionError("Max retries exceeded")),
    )
    with pytest.raises(InputError, match=r"got no connection \(ConnectionError\).*--data_dir"):
        load("kmnist", cache)


@pytest.mark.parametrize("name", tfds_sets.MNIST_FAMILY)
def test_no_network_is_one_line_and_leaves_no_files(name, cache):
    with pytest.raises(InputError, match=f"{name}: expected to download.*--data_dir") as caught:
        load(name, cache)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_refused(published, cache):
    (cache / "downloads").write_text("a file, not a folder")
    with pytest.raises(InputError, match=r"cache/downloads: expected a folder.*--data_dir"):
        load("kmnist", cache)
    assert (cache / "downloads").read_text() == "a file, not a folder"


def test_official_files_that_a_user_fetched_are_verified(mnist_dir, tmp_path):
    manual = tmp_path / "downloads" / "manual" / "mnist"
    shutil.copytree(mnist_dir, manual)
    source = load("mnist", tmp_path)
    assert source.train.pixels.shape == (60000, 28, 28)
    assert source.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    shutil.copyfile(manual / FILES[3], manual / FILES[1])
    with pytest.raises(InputError, match=f"mnist: expected the published files.*{FILES[1]}"):
        load("mnist", tmp_path)


def colours(n=12):
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def by_mean(pixels):
    """tfds shuffles; these images differ in their means."""
    return pixels[np.argsort(pixels.astype(float).mean((1, 2)))]


def test_a_prepared_colour_set(tmp_path):
    images = colours()
    prepare("cifar10", tmp_path, images, np.arange(12) % 10)
    source = load("cifar10", tmp_path)
    assert source.n_classes == 10
    for part in (source.train, source.test):
        np.testing.assert_array_equal(by_mean(part.pixels), by_mean(to_grey(images)))
        assert sorted(part.labels.tolist()) == sorted((np.arange(12) % 10).tolist())
        assert part.labels.dtype == np.int32
        assert part.pixels.dtype == np.uint8


def test_labels_stay_with_their_images(tmp_path):
    images = np.stack([np.full((32, 32, 3), 20 * i, np.uint8) for i in range(10)])
    prepare("cifar10", tmp_path, images, np.arange(10))
    train = load("cifar10", tmp_path).train
    np.testing.assert_array_equal(train.pixels[:, 0, 0], 20 * train.labels)


def test_prepared_mnist_comes_before_the_network(tmp_path):
    pixels, labels = digits(20, 0)
    prepare("fashion_mnist", tmp_path, pixels, labels)
    source = load("fashion_mnist", tmp_path)
    np.testing.assert_array_equal(by_mean(source.train.pixels), by_mean(pixels))


def test_tfrecord_is_not_taken_for_array_record(tmp_path):
    folder = prepare("cifar10", tmp_path, colours(), np.arange(12) % 10)
    info = folder / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(InputError, match=r"prepared as array_record.*TensorFlow is installed"):
        load("cifar10", tmp_path)


def test_damaged_array_record_is_refused(tmp_path):
    folder = prepare("cifar10", tmp_path, colours(), np.arange(12) % 10)
    file = next(folder.glob("*train.array_record*"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match="cifar10, train: expected whole array_record files"):
        load("cifar10", tmp_path)


def test_a_set_of_several_sizes_is_refused(tmp_path):
    images = [np.zeros((8, 8 + i, 3), np.uint8) for i in range(4)]
    prepare("tf_flowers", tmp_path, images, [0, 1, 0, 1])
    with pytest.raises(InputError, match="one size, got 4 sizes"):
        load("tf_flowers", tmp_path)


def test_a_set_without_class_labels_is_refused(tmp_path):
    prepare("lfw", tmp_path, np.zeros((2, 250, 250, 3), np.uint8), ["ann", "bob"])
    with pytest.raises(InputError, match=r"lfw: expected .*got image Image, label Text;"):
        load("lfw", tmp_path)


def test_an_unprepared_set_says_how_to_prepare_it(tmp_path):
    with pytest.raises(InputError, match=r"tfds\.builder\('cifar10'.*array_record") as caught:
        load("cifar10", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nosuch", "mnist6k", "", "../mnist", "huggingface:mnist"])
def test_an_unknown_set_lists_the_known_ones(tmp_path, name):
    with pytest.raises(InputError, match="expected mnist5k, mnist, fashion_mnist") as caught:
        load(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_version_is_refused(tmp_path):
    prepare("cifar10", tmp_path, colours(), np.arange(12) % 10)
    with pytest.raises(InputError, match=r"data set 'cifar10:9\.9\.9'"):
        load("cifar10:9.9.9", tmp_path)


def test_missing_tfds_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match=r"pip install 'dbnjax\[experiments\]'"):
        load("cifar10", tmp_path)
