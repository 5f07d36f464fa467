import pytest
from idx_files import write_set
from result_records import benchmark, finished, sweep, write


@pytest.fixture
def results_folder(tmp_path):
    """Two seeds of one preset, one of another, a sweep and a benchmark."""
    return write(
        tmp_path / "results",
        b_paper_0=finished(),
        b_paper_1=finished(seed=1, last=range(20, 36)),
        a_best_1=finished("best", seed=1, last=range(2, 24)),
        sweeps__rates=sweep(),
        benchmark=benchmark(),
    )


@pytest.fixture(scope="session")
def digit_files(tmp_path_factory):
    """An IDX set that tests share and leave as it is."""
    folder = tmp_path_factory.mktemp("idx")
    write_set(folder)
    return folder
