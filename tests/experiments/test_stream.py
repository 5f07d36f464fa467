"""Shifted digits, and `mnist_dbn` that learns from them as a stream."""

import dataclasses
import json
import re
import shlex

import command_lines
import numpy as np
import pytest
from idx_files import digits
from prepared_sets import prepare
from refusals import one_line
from small_job import config, epochs_of

from dbnjax import files
from dbnjax.checks import InputError
from dbnjax.data import classes, folders, tfds_sets
from experiments import mnist_dbn, shifted_digits, sweep
from experiments.common import cases
from experiments.mnist_dbn import train

N, CHUNK = 70, 30


def write(idx_folder, output, **changes):
    chosen = shifted_digits.Config(
        dataset="mnist", data_dir=str(idx_folder), output=str(output), n=N, n_train=20
    )
    return shifted_digits.run(dataclasses.replace(chosen, **changes))


@pytest.fixture
def job(idx_folder, tmp_path):
    """The options of a small job that learns from shifted digits."""
    write(idx_folder, tmp_path / "shifted")
    stream = str(tmp_path / "shifted")
    return config(idx_folder, tmp_path / "run", stream=stream, chunk=CHUNK)


def take(chosen):
    return train.take_stream(chosen, *cases.read(chosen))


def test_the_folder_holds_training_images_and_follows_the_seed(idx_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shifted_digits, "BATCH", 30)
    first = write(idx_folder, tmp_path / "a")
    assert (first.n_cases, first.shape) == (N, (28, 28))
    _, splits = cases.read(config(idx_folder, tmp_path / "run"))
    pixels, labels = first.read([(0, N)])
    np.testing.assert_array_equal(labels, np.resize(splits.train.labels, N))
    weight = pixels.sum((1, 2)) / np.resize(splits.train.pixels.sum((1, 2)), N)
    assert weight.max() < 1.01  # nothing but zeros comes in
    assert len(np.unique(pixels[::20], axis=0)) == 4  # one image, moved otherwise each time
    again, other = write(idx_folder, tmp_path / "b"), write(idx_folder, tmp_path / "c", seed=1)
    np.testing.assert_array_equal(again.read([(0, N)]).pixels, pixels)
    assert (other.read([(0, N)]).pixels != pixels).any()


def test_the_documented_commands_go_together(idx_folder, tmp_path):
    commands = re.findall(r"python -m experiments\.\S+ (.*)", shifted_digits.__doc__)
    places = {"FOLDER": str(idx_folder), "SHIFTED": str(tmp_path / "shifted")}
    small = ["--n_train=20 --n=70", "--n_train=20 --n_validation=10 --batch_size=10 --chunk=30"]
    words = [
        [re.sub("FOLDER|SHIFTED", lambda m: places[m[0]], word) for word in shlex.split(command)]
        + shlex.split(more)
        for command, more in zip(commands, small, strict=True)
    ]
    shifted_digits.run(command_lines.read(words[0], shifted_digits.Config))
    _, chunks = take(command_lines.read(words[1], mnist_dbn.Config))
    assert chunks.stream.n_cases == N


def test_the_main_job_learns_from_a_stream(job, tmp_path, monkeypatch):
    reads, read = [], folders.Folder.read

    def counted(self, ranges):
        reads.append(sum(stop - start for start, stop in ranges))
        return read(self, ranges)

    monkeypatch.setattr(folders.Folder, "read", counted)
    short = dataclasses.replace(
        job,
        layers=(8, 6),
        labels=False,  # no read-outs, whose programs take most of a small job's time
        greedy_epochs=1,
        memory_epochs=1,
        up_down_epochs=(1,),
        up_down_steps=(1,),
    )
    summary = mnist_dbn.run(short)
    assert summary["cases"] == {"train": N, "validation": 10, "test": 20, "stream": N}
    assert epochs_of(tmp_path / "run") == [("rbm_1", 1), ("rbm_2", 1), ("up_down_1", 1)]
    assert reads == [N] + 3 * (N // CHUNK) * [CHUNK]  # the sample, and three epochs
    result = files.read_json(tmp_path / "run/result.json")
    assert result["config"]["stream"] == f"folder {folders.digest(job.stream)}"
    assert result["config"]["chunk"] == CHUNK
    assert "--stream=STREAM --chunk=30" in result["command"]
    assert str(tmp_path) not in json.dumps([result["command"], result["config"]])


def test_validation_and_test_cases_are_those_of_the_split(job):
    splits, chunks = take(job)
    ordinary, none = take(dataclasses.replace(job, stream=""))
    assert none is None
    assert (chunks.size, chunks.stream.n_cases) == (CHUNK, N)
    for name in ("validation", "test"):
        for a, b in zip(getattr(splits, name), getattr(ordinary, name), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stream": "nowhere"}, "nowhere/images.npy: expected a folder with images.npy"),
        ({"stream": "tfds:no such"}, "data set 'no such': expected mnist5k"),
        ({"chunk": 35}, "chunk: expected a multiple of the batch size 10.*got 35"),
        ({"chunk": 80}, "at most the 70 cases of the stream, got 80"),
        ({"side": 14}, "--stream: expected neither --side"),
        ({"all_epochs": 1}, "nor --all_epochs, since it has no validation cases; got 0 and 1"),
        ({"n_train": 10}, "got those of n_train 20, not 10; validation cases may be among them"),
        ({"split_seed": 1}, "got those of split_seed 0, not 1"),
    ],
)
def test_a_stream_that_does_not_fit_is_one_line(job, changes, message):
    with one_line(message):
        take(dataclasses.replace(job, **changes))


@pytest.mark.parametrize(
    ("dataset", "stream"),
    [
        ("mnist", "mnist"),
        ("mnist", "mnist:3.0.1"),
        ("mnist5k", "mnist"),
        ("emnist/balanced", "emnist/byclass"),
    ],
)
def test_a_prepared_set_that_validation_comes_from_is_refused(
    idx_folder, tmp_path, dataset, stream
):
    chosen = config(idx_folder, tmp_path, dataset=dataset, stream=f"tfds:{stream}")
    message = f"--stream=tfds:{stream}: expected another set than that of --dataset={dataset}, got"
    with one_line(message):
        train.check_stream(chosen, 20)
    train.check_stream(dataclasses.replace(chosen, stream="tfds:kmnist"), 20)
    assert train.stream_name(chosen.stream) == (chosen.stream, chosen.stream)


def test_a_prepared_set_lies_in_data_dir_unless_that_holds_idx_files(idx_folder, tmp_path):
    prepare("fashion_mnist", tmp_path, *digits(20, 0))
    chosen = config(tmp_path, tmp_path / "run", stream="tfds:fashion_mnist")
    assert train.open_stream(chosen, classes.numbered(10)).n_cases == 20
    usual = re.escape(str(tfds_sets.data_folder(None)))
    with pytest.raises(InputError, match=f"cifar10: expected it in {usual}, prepared"):
        train.open_stream(
            dataclasses.replace(chosen, data_dir=str(idx_folder), stream="tfds:cifar10"),
            classes.numbered(10),
        )


def test_images_of_another_size_are_refused(job, tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((50, 14, 14), np.uint8))
    np.save(tmp_path / "labels.npy", np.arange(50) % 10)
    message = r"expected images of \(28, 28\) pixels, as --dataset=mnist has, got \(1"
    with pytest.raises(InputError, match=message):
        take(dataclasses.replace(job, stream=str(tmp_path)))


def test_a_sweep_refuses_a_stream(job):
    flags = dataclasses.asdict(job)
    with pytest.raises(InputError, match=r"--stream: expected none.*got"):
        sweep.run(sweep.Config(**flags, grid="greedy_rate=0.1,0.2"))


def test_shifted_digits_need_a_place(idx_folder):
    with pytest.raises(InputError, match="--output: expected a folder to write, got none"):
        shifted_digits.run(shifted_digits.Config(data_dir=str(idx_folder)))
