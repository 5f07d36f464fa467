import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from idx_files import write_set

from dbnjax import figures, files, rbm, units
from dbnjax.checks import InputError
from dbnjax.data import folder_writing, folders, idx, images, sources
from dbnjax.training import checkpoint, metrics
from dbnjax.weights import io
from experiments import classify, mnist_classifier
from experiments.common import workdir


def test_a_kill_while_a_file_is_replaced_leaves_the_old_one(tmp_path):
    path = tmp_path / "config.json"
    files.write_json(path, {"seed": 1})
    program = (
        "import os, signal, sys\n"
        "from dbnjax import files\n"
        "kill = lambda event, _: event == 'os.rename' and os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(kill)\n"
        f"files.write_json({str(path)!r}, {{'seed': 2}})\n"
    )
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert killed.returncode == -9
    assert files.read_json(path) == {"seed": 1}
    files.write_json(path, {"seed": 3})
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.json"]


def test_json_files_round_trip_and_damage_is_named(tmp_path):
    path = tmp_path / "config.json"
    files.write_json(path, {"layers": (500, 500), "rate": np.float32(0.5)})
    assert files.read_json(path) == {"layers": [500, 500], "rate": 0.5}
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"config\.json: expected JSON"):
        files.read_json(path)
    with pytest.raises(InputError, match=r"^[^:]*none\.json: expected a readable file"):
        files.read_json(tmp_path / "none.json")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and another one to work in, where nothing may appear."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    assert not list(work.iterdir())


def test_a_tilde_is_home_wherever_a_path_enters(home):  # F4
    files.write_json("~/a/x.json", {"a": 1})
    assert files.read_json("~/a/x.json") == files.read_json(home / "a/x.json") == {"a": 1}
    metrics.append("~/m.jsonl", {"a": 1})
    metrics.truncate("~/m.jsonl", lambda _: True)
    assert metrics.read("~/m.jsonl") == metrics.read(home / "m.jsonl") == [{"a": 1}]
    checkpoint.save("~/steps", 1, {"a": jnp.zeros(2)}, {})
    assert checkpoint.latest_step("~/steps") == checkpoint.latest_step(home / "steps") == 1
    assert checkpoint.restore("~/steps", {"a": jnp.ones(2)}, {})[1]["a"].tolist() == [0, 0]
    figures.save(figures.curves({"a": ([1, 2], [1, 2])}, "x", "y", "t"), "~/f.png")
    assert images.read_images("~/f.png").shape[0] == 1
    assert images.names("~/f.png", 1) == ["f.png"]
    pictures = sources.Images(np.zeros((3, 2, 2), np.uint8), np.arange(3))
    folder_writing.write("~/set", [pictures], 3, (2, 2), {"from": "here"})
    assert folders.read("~/set", 3).n_cases == 3
    assert folders.origin("~/set") == {"from": "here"}
    assert folders.digest("~/set") == folders.digest(home / "set")
    machine = rbm.init(jax.random.key(0), units.Bernoulli.zeros(4), units.Bernoulli.zeros(2))
    io.save("~/net.safetensors", machine)
    np.testing.assert_array_equal(io.load("~/net.safetensors")[0].weights, machine.weights)
    (home / "idx").mkdir()
    write_set(home / "idx")
    assert idx.holds_idx("~/idx")
    assert idx.read_folder("~/idx", "test").pixels.shape == (20, 28, 28)
    assert idx.read_idx("~/idx/t10k-labels-idx1-ubyte.gz").shape == (20,)
    assert sources.load("mnist", "~/idx").n_classes == 10
    run = workdir.begin(mnist_classifier.Config(workdir="~/run"), {})
    assert run == home / "run"
    assert (home / "run/config.json").exists()


def test_an_experiment_takes_a_tilde_in_every_flag(home):  # F4
    home.mkdir()
    write_set(home)
    mnist_classifier.run(
        mnist_classifier.Config(
            dataset="mnist",
            data_dir="~",
            workdir="~/run",
            layers=(5,),
            greedy_epochs=0,
            tune_epochs=1,
            batch_size=10,
            greedy_batch_size=10,
        )
    )
    config = classify.Config(net="~/run/net_1.safetensors", data_dir="~", output="~/said.csv")
    assert len(classify.run(config).guesses) == 20
    assert len((home / "said.csv").read_text().splitlines()) == 21


def test_no_experiment_makes_a_path_of_its_own_from_a_flag():  # F4
    for file in Path(classify.__file__).parent.glob("*.py"):
        made = re.findall(r"Path\((?:job|config)\.\w+[^)]*\)(?!\.name|\.suffix)", file.read_text())
        assert not made, f"{file.name}: {made}; files.expand reads a leading ~"


def test_a_place_is_looked_at_before_there_is_anything_to_write(tmp_path):
    files.check_place(None)
    files.check_place(tmp_path / "new" / "file.json")
    assert (tmp_path / "new").is_dir()
    with pytest.raises(InputError, match="expected a place to write a file, got a folder; check"):
        files.check_place(tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="expected a place to write, got"):
        files.check_place(tmp_path / "file" / "below")


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_a_path_that_cannot_be_looked_at_is_one_line(name):
    for look in (files.expand, files.read_bytes, files.read_json):
        with pytest.raises(InputError, match="expected a path that can be looked at") as caught:
            look(name)
        assert "\n" not in str(caught.value)
