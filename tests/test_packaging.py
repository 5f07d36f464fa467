"""What setup.cfg promises: versions that are tested, and a base install that needs no extra."""

import ast
import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WIDEST = (ROOT / ".ci" / "widest.txt").read_text().split()
DRAWING = {f"figures/{name}.py" for name in ("images", "charts", "decisions", "mosaics")}
# Packages that are imported under another name.
IMPORTED_AS = {"orbax-checkpoint": "orbax"}


def requirements(section, key):
    """The lowest version of each requirement, empty where there is none."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lines = [line.strip() for line in config[section][key].splitlines()]
    found = [re.match(r"([\w-]+)(?:\s*>=\s*([\d.]+))?", line) for line in lines]
    return {match[1]: match[2] or "" for match in found if match}


def floor():
    lines = (ROOT / ".ci" / "floor.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_the_lowest_versions_are_those_that_are_tested():
    sections = [("options", "install_requires")]
    sections += [("options.extras_require", extra) for extra in ("experiments", "tensorboard")]
    stated = {name: v for place in sections for name, v in requirements(*place).items()}
    tested = floor()
    assert tested.pop("jaxlib") == tested["jax"]
    assert stated == tested


def folders():
    """The folders of tests, each of which mirrors a package or, at the top, stands for several."""
    packages = [path.parent for path in (ROOT / "dbnjax").glob("*/__init__.py")]
    return ["experiments", *sorted(path.name for path in packages)]


@pytest.mark.parametrize("folder", folders())
def test_the_widest_tests_cover_every_package(folder):
    assert [path for path in WIDEST if path.startswith(f"tests/{folder}/test_")]


def test_the_widest_tests_exist_and_run_what_readers_run():
    assert [path for path in WIDEST if not (ROOT / path).is_file()] == []
    assert {f"tests/test_{name}.py" for name in ("readme", "notebooks", "packaging")} <= {*WIDEST}


def imported_at_the_head(path):
    """The packages that importing a module imports in turn."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def test_the_base_install_imports_no_package_of_an_extra():
    base = {IMPORTED_AS.get(name, name) for name in requirements("options", "install_requires")}
    extras = {"absl", "arviz_stats", "matplotlib", "mlxtend", "PIL", "scipy", "sklearn"}
    extras |= {"tensorboardX", "tensorflow_datasets", "torch", "learnergy", "rbms"}
    used = {}
    for path in ROOT.glob("dbnjax/**/*.py"):
        for package in imported_at_the_head(path):
            used.setdefault(package, set()).add(path.relative_to(ROOT / "dbnjax").as_posix())
    assert base <= {*used, "numpy"}, "a requirement that nothing imports"
    # Figures are drawn by whoever asks for them: `import dbnjax` does not.
    assert {name: used[name] for name in extras & {*used}} == {"matplotlib": DRAWING}
