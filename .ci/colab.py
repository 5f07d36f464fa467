"""Runs the quickstart as a reader on Colab does: its first cell installs, into what is there.

Run by the Python of an environment that has the runtime's packages, and pip, ipykernel and
nbclient: colab.py FOLDER, an empty one, for the clone.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def installed() -> dict[str, str]:
    """The version of every package that is installed."""
    return {dist.name: dist.version for dist in importlib.metadata.distributions()}


def clone(root: Path, place: Path) -> Path:
    """Copies what the repository holds, without what was built in it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, place / name)
    return place


def main(folder: str) -> None:
    """Runs the notebook beside a clone; ends with a line where a package was replaced."""
    os.environ["DBNJAX_SMALL"] = "1"
    before = installed()
    copy = clone(Path(__file__).resolve().parents[1], Path(folder) / "clone")
    notebook = nbformat.read(copy / "notebooks" / "quickstart.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
    after = installed()
    changed = [name for name in before if before[name] != after.get(name)]
    if changed or "dbnjax" not in {*after} - {*before}:
        sys.exit(f"expected dbnjax beside what was there, got other versions of: {changed}")
    print(f"added beside jax {after['jax']}: {', '.join(sorted({*after} - {*before}))}")


if __name__ == "__main__":
    main(sys.argv[1])
