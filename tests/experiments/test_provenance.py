"""Where results come from: the code, the machine and the day, all JSON."""

import datetime
import json
import os
import platform
import shutil
import subprocess

import jax
import pytest

from experiments.common import provenance


def git(folder, *words):
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_tells_whether_tracked_files_differ(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    inside = tmp_path / "package"
    inside.mkdir()
    assert provenance.commit(inside) == ""
    git(tmp_path, "init")
    assert provenance.commit(inside) == ""
    (inside / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "tag", "v1", "-m", "a tag is no hash")
    head = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert provenance.commit(inside) == head
    (inside / "untracked.py").write_text("b = 1\n")
    assert provenance.commit(inside) == head
    (inside / "code.py").write_text("a = 2\n")
    assert provenance.commit(inside) == f"{head}+changes"
    monkeypatch.setenv("PATH", "")
    assert provenance.commit(inside) == ""


def test_the_machine_and_the_versions():
    machine = json.loads(json.dumps(provenance.machine()))
    assert machine["devices"] == ["cpu"] * len(jax.devices())
    assert 1 <= machine["cores"] <= os.cpu_count()
    assert machine["processor"].strip() == machine["processor"] != ""
    assert machine["system"] == platform.system()
    versions = provenance.versions()
    assert list(versions) == ["python", "jax", "jaxlib", "numpy", "dbnjax"]
    assert versions["jax"] == jax.__version__
    assert versions["python"] == platform.python_version()


def test_the_processor_is_named_by_the_system_where_it_names_it(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    assert provenance._processor(cpuinfo) == (platform.processor() or platform.machine())
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Abacus 3000 @ 1 Hz: fast\n" * 2)
    assert provenance._processor(cpuinfo) == "Abacus 3000 @ 1 Hz: fast"
    cpuinfo.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert provenance._processor(cpuinfo) == (platform.processor() or platform.machine())


def test_a_record_tells_the_day_it_was_made():
    before = datetime.datetime.now(datetime.UTC).date()
    made = json.loads(json.dumps(provenance.made()))
    after = datetime.datetime.now(datetime.UTC).date()
    assert before <= datetime.date.fromisoformat(made["date"]) <= after
    assert set(made) == {"commit", "machine", "versions", "date"}
