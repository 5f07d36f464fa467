import io
import json
import struct
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import files
from dbnjax.checks import InputError
from dbnjax.training import metrics


def test_records_come_back_as_plain_numbers(tmp_path):
    path = tmp_path / "new" / "metrics.jsonl"
    metrics.append(path, {"epoch": 0, "error": jnp.float32(0.25), "rates": np.arange(2)})
    metrics.append(path, {"epoch": np.int64(1), "error": jnp.nan, "rates": (jnp.inf, 0.5)})
    assert metrics.read(path) == [
        {"epoch": 0, "error": 0.25, "rates": [0, 1]},
        {"epoch": 1, "error": None, "rates": [None, 0.5]},
    ]
    assert path.read_bytes().count(b"\n") == 2


def test_a_torn_last_line_is_ignored_and_then_replaced(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for epoch in range(2):
        metrics.append(path, {"epoch": epoch})
    whole = path.read_bytes()
    for torn in (whole[:-1], whole[:-4], whole + b'{"ep'):
        path.write_bytes(torn)
        before = metrics.read(path)
        assert before == [{"epoch": epoch} for epoch in range(torn.count(b"\n"))]
        metrics.append(path, {"epoch": 7})
        assert metrics.read(path) == [*before, {"epoch": 7}]


def test_a_first_line_that_is_torn_leaves_no_record(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch')
    assert metrics.read(path) == []
    metrics.append(path, {"epoch": 0})
    assert metrics.read(path) == [{"epoch": 0}]


@pytest.mark.parametrize("damage", [b'{"epoch": ', b"[1]", b"\xff\x00", b""])
def test_a_damaged_line_is_named(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch": 0}\n' + damage + b'\n{"epoch": 2}\n')
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"metrics\.jsonl: expected a JSON object in line 2"):
        metrics.truncate(path, lambda record: True)
    assert path.read_bytes() == before


def test_truncate_keeps_each_epoch_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for epoch in range(5):
        metrics.append(path, {"epoch": epoch})
    metrics.truncate(path, lambda record: record["epoch"] < 3)
    metrics.append(path, {"epoch": 3})
    assert [record["epoch"] for record in metrics.read(path)] == [0, 1, 2, 3]
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_run_without_records_has_none_and_stays_without_a_file(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics.truncate(path, lambda record: True)
    assert metrics.read(path) == []
    assert not path.exists()


def test_a_value_without_a_json_form_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="not JSON serializable"):
        metrics.append(tmp_path / "metrics.jsonl", {"shape": object()})
    with pytest.raises(InputError, match="not JSON serializable"):
        files.write_json(tmp_path / "config.json", {"function": len})
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    place = tmp_path / "file" / "run"
    with pytest.raises(InputError, match="expected a place to write"):
        metrics.append(place / "metrics.jsonl", {"epoch": 0})
    with pytest.raises(InputError, match="expected a place to write"):
        files.write_json(place / "config.json", {})
    with (
        pytest.raises(InputError, match="expected a place to write"),
        metrics.tensorboard_writer(place),
    ):
        pass


def test_only_process_0_writes(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("jax.process_index", lambda: 1)
    metrics.append(tmp_path / "metrics.jsonl", {"epoch": 0})
    files.write_json(tmp_path / "config.json", {})
    with metrics.progress(1, "RBM 1") as advance:
        advance({"error": 0.5})
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""


def scalars_in_event_file(data):
    from tensorboardX.proto import event_pb2

    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = event_pb2.Event.FromString(data[12 : 12 + length])
        for value in event.summary.value:
            yield event.step, value.tag, value.simple_value
        data = data[16 + length :]


def test_tensorboard_event_files_hold_the_numbers(tmp_path):
    pytest.importorskip("tensorboardX")
    with metrics.tensorboard_writer(tmp_path / "events") as log:
        log(3, {"error": jnp.float32(0.25), "gap": -1.5})
    (file,) = (tmp_path / "events").iterdir()
    assert list(scalars_in_event_file(file.read_bytes())) == [(3, "error", 0.25), (3, "gap", -1.5)]


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    extra = pytest.raises(InputError, match=r"dbnjax\[tensorboard\]")
    with extra, metrics.tensorboard_writer("events"):
        pass


def test_progress_in_a_log_file_is_one_line_a_unit(capfd):
    with metrics.progress(5, "RBM 1", done=3) as advance:
        advance({"reconstruction error": jnp.float32(0.0312345)})
        advance({"reconstruction error": 0.02})
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(" [")[0] for line in lines] == ["RBM 1: 4/5", "RBM 1: 5/5"]
    assert "epoch" in lines[0]
    assert "reconstruction error=0.03123" in lines[0]


def test_progress_in_a_terminal_is_one_live_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    with metrics.progress(2, "RBM 1") as advance:
        advance({"error": 0.5})
        advance({"error": 0.25})
    text = sys.stderr.getvalue()
    assert text.count("\n") == 1
    assert "100%" in text
    assert "2/2" in text
    assert "error=0.25" in text


def test_records_are_valid_json_lines_for_other_programs(tmp_path):
    metrics.append(tmp_path / "metrics.jsonl", {"note": "two\nlines", "error": float("nan")})
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line) == {"note": "two\nlines", "error": None}
