"""The package alone, installed from a wheel: without the repository, its commands or its tests."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("dbnjax", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what a wheel holds."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    builder = ["install", "--target", "builder", "--retries", "0", "setuptools >= 77"]
    if subprocess.run([*pip, *builder], cwd=place, capture_output=True).returncode:
        pytest.skip("setuptools, which builds a wheel, cannot be fetched")
    (place / "source").mkdir()
    for name in PARTS:  # a copy, since building leaves files beside the source
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, place / "source" / name)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", ".", "./source"]
    environment = {**os.environ, "PYTHONPATH": str(place / "builder")}
    subprocess.run([*pip, *build], cwd=place, env=environment, check=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


def run(installed, *words):
    """Runs Python where nothing but the package is in reach."""
    empty = installed.parent / "empty ä"
    empty.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(installed), "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, *words], cwd=empty, env=environment, capture_output=True, text=True
    )


def test_the_shipped_weights_come_with_the_package(installed):
    assert {
        path.name for path in installed.iterdir() if path.is_dir() and "-" not in path.name
    } == {"dbnjax"}
    program = (
        "import dbnjax; from dbnjax.weights import shipped; print(dbnjax.__file__);"
        "print(shipped.load()[0].memory.weights.shape);"
        "print(shipped.load_classifier()[0].output.weights.shape)"
    )
    done = run(installed, "-c", program)
    assert done.stdout.splitlines() == [
        f"{installed}/dbnjax/__init__.py",
        "(510, 2000)",
        "(2000, 10)",
    ]


def test_where_the_commands_are_is_one_line(installed):
    done = run(installed, "-m", "dbnjax")
    (line,) = done.stdout.splitlines()
    assert "python -m experiments.NAME, are run in a clone of its repository" in line
    done = run(installed, "-m", "experiments.generate")
    (line,) = done.stderr.splitlines()
    assert "No module named 'experiments'" in line
