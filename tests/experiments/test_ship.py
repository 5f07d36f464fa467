"""Rounding a trained net into the package, and its card."""

import copy
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from idx_files import write_set
from refusals import one_line
from result_records import classifiers, tuned
from small_job import config

from dbnjax.checks import InputError
from dbnjax.models import feedforward
from dbnjax.weights import io
from experiments import classify, mnist_dbn
from experiments.common import records
from experiments.ship import config as ship_config
from experiments.ship import main as ship
from experiments.ship import report as ship_report

EARLIER = "expected the last net of its run, all cases, got that of the stage greedy, for which"


@pytest.fixture(scope="module")
def trained(digit_files, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "run"
    mnist_dbn.run(config(digit_files, workdir, all_epochs=1))
    return digit_files, workdir / "net.safetensors"


def test_a_rounded_net_and_a_card_of_computed_numbers(trained, tmp_path, capsys):
    folder, net = trained
    path = tmp_path / "digits.safetensors"
    metadata = ship.run(
        ship_config.Config(str(net), str(folder), str(path), str(tmp_path / "s.json"))
    )
    shipped, found = io.load(path)
    exact, _ = io.load(net)
    np.testing.assert_array_equal(
        shipped.memory.weights, np.float32(np.float16(exact.memory.weights))
    )
    assert found == metadata
    results = classify.run(classify.Config(net=str(path), data_dir=str(folder)))
    assert metadata["rounded"]["errors"] == results.errors
    assert metadata["rounded"]["cases"] == {"test": 20}
    card = path.with_suffix(".md").read_text()
    assert card == ship_report.card(found)
    for piece in ("784-6-8", f"{results.errors} ({5 * results.errors:.2f} %)", "Seed 0."):
        assert piece in card
    assert "all 40" in card
    record = json.loads((tmp_path / "s.json").read_text())
    records.conform(tmp_path, "shipped", record, ship_report.Record)
    assert {name: record[name] for name in metadata["rounded"]} == metadata["rounded"]


def test_what_cannot_be_shipped(trained, tmp_path):
    folder, net = trained
    bare = tmp_path / "bare.safetensors"
    io.save(bare, io.load(net)[0], {"image_shape": [28, 28]})
    small, other = tmp_path / "small.safetensors", copy.deepcopy(io.load(net)[1])
    other["summary"]["config"]["side"] = 14
    io.save(small, io.load(net)[0], other)
    path = tmp_path / "out.safetensors"
    for options, message in (
        ({"net": str(net)}, "--data_dir: expected the test set, got none"),
        (
            {"data_dir": str(folder)},
            "--net: expected a net of mnist_dbn or mnist_classifier, got none",
        ),
        ({"net": str(bare), "data_dir": str(folder)}, "expected the record of a run"),
        ({"net": str(small), "data_dir": str(folder)}, "got --dataset=mnist --side=14"),
        ({"net": str(net.with_name("greedy.safetensors")), "data_dir": str(folder)}, EARLIER),
    ):
        with pytest.raises(InputError, match=message):
            ship.run(ship_config.Config(**options, output=str(path)))
    assert not path.exists()


def net_of(preset="translations", start="pretrained", **changes):
    """The second net of a run of `mnist_classifier`, and the metadata that it carries."""
    summary = classifiers(preset, start, [tuned(range(9)), tuned(range(7), range(5))])
    summary["config"] |= changes
    net = feedforward.init(jax.random.key(0), (784, 8, 6), 10)
    return net, {"image_shape": [28, 28], "summary": summary, "net": 2}


@pytest.fixture
def place(tmp_path):
    """An IDX folder, and options that write into a folder beside it."""
    write_set(tmp_path)
    output, record = tmp_path / "digits.safetensors", tmp_path / "s.json"
    return ship_config.Config(str(tmp_path / "net"), str(tmp_path), str(output), str(record))


def test_a_classifier_is_rounded_too(place):
    net, about = net_of(reach=2, drop_hidden=0.5)
    io.save(place.net, net, about)
    metadata = ship.run(place)
    stored, found = io.load(place.output)
    assert found == metadata
    np.testing.assert_array_equal(
        stored.hidden[0].weights, np.float32(np.float16(net.hidden[0].weights))
    )
    results = classify.run(classify.Config(net=place.output, data_dir=place.data_dir))
    assert metadata["rounded"]["errors"] == results.errors
    record = json.loads(Path(place.record).read_text())
    records.conform(place.record, "shipped", record, ship_report.Record)
    assert record["command"] == about["summary"]["command"]
    card = Path(place.output).with_suffix(".md").read_text()
    assert card == ship_report.card(found)
    prose = " ".join(card.split())
    for piece in (
        "the MNIST digits, 784-8-6-10: logistic units, learned layer by layer without labels",
        f"{results.errors} ({5 * results.errors:.2f} %) on the official test set of 20 images",
        "training and 1,000 validation images drawn from the official training set, then all 6,000",
        "the epoch of tuning, 2, after which the net has 15 (1.50 %) of them wrong",
        "Seed 7. It is net 2 of a run of 2 nets. Learning took 11 min 31 s, that without labels",
    ):
        assert piece in prose


def test_a_card_says_what_was_not_done():
    _, about = net_of("rectified", "rectified")
    about["summary"]["nets"][1].pop("all cases")
    rounded = {"dtype": "float16", "errors": 2, "exact_errors": 2, "changed": 0}
    card = ship_report.card(about | {"rounded": rounded | {"cases": {"test": 20}}})
    assert "rectified units with random first weights" in " ".join(card.split())
    for piece in ("then all", "shifted", "left out"):
        assert piece not in card


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "expected the record of a run of experiments.mnist_classifier in its metadata"),
        (net_of(dataset="kmnist")[1], "got --dataset=kmnist"),
    ],
    ids=("no record", "other data"),
)
def test_a_classifier_that_cannot_be_described_is_not_shipped(place, metadata, message):
    io.save(place.net, net_of()[0], metadata)
    with one_line(message):
        ship.run(place)
    assert not Path(place.output).exists()
