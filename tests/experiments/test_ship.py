"""Rounding a trained net into the package, and its card."""

import copy
import json

import numpy as np
import pytest
from small_job import config

from dbnjax.checks import InputError
from dbnjax.weights import io
from experiments import classify, mnist_dbn, results_files, ship

EARLIER = "expected the last net of its run, all cases, got that of the stage greedy, for which"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from idx_files import write_set

    folder = tmp_path_factory.mktemp("idx")
    write_set(folder)
    workdir = tmp_path_factory.mktemp("runs") / "run"
    mnist_dbn.run(config(folder, workdir, all_epochs=1))
    return folder, workdir / "net.safetensors"


def test_a_rounded_net_and_a_card_of_computed_numbers(trained, tmp_path, capsys):
    folder, net = trained
    path = tmp_path / "digits.safetensors"
    metadata = ship.run(ship.Config(str(net), str(folder), str(path), str(tmp_path / "s.json")))
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
    assert card == ship.card(found)
    for piece in ("784-12-10-16", f"{results.errors} ({5 * results.errors:.2f} %)", "Seed 0."):
        assert piece in card
    assert "all 40" in card
    record = json.loads((tmp_path / "s.json").read_text())
    results_files.conform(tmp_path, "shipped", record, results_files.SHIPPED_FORM)
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
        ({"data_dir": str(folder)}, "--net: expected a net of the main job, got none"),
        ({"net": str(bare), "data_dir": str(folder)}, "expected the record of a run"),
        ({"net": str(small), "data_dir": str(folder)}, "got --dataset=mnist --side=14"),
        ({"net": str(net.with_name("greedy.safetensors")), "data_dir": str(folder)}, EARLIER),
    ):
        with pytest.raises(InputError, match=message):
            ship.run(ship.Config(**options, output=str(path)))
    assert not path.exists()
