"""The epoch in memory and the streamed one: the same images, in chunks, from a temporary folder."""

import atexit

import numpy as np

from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import streams as benchmark_streams
from experiments.benchmark.jobs import Sizes


def setting(n_cases, **changes):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n_cases, 16), dtype=np.uint8)
    sizes = Sizes(layers=(8, 6), batch_size=10, **changes)
    return benchmark_jobs.setting(sizes, pixels, np.arange(n_cases) % 10)


def test_the_folder_holds_the_images_of_the_run(tmp_path):
    run = setting(30)
    cases = benchmark_streams.written(run, tmp_path / "images").read([(0, 30)])
    np.testing.assert_array_equal(cases.pixels.reshape(30, 16), run.pixels)
    np.testing.assert_array_equal(cases.labels, run.labels)


def test_whole_chunks_are_learned_from():
    for n_cases, chunks, learned in ((110, 4, 10), (30, 4, 3), (100, 2, 10), (110, 1, 11)):
        in_memory, streamed = benchmark_streams.streams(setting(n_cases, chunks=chunks))
        assert in_memory.n_units == n_cases // 10
        assert streamed.n_units == learned
        assert streamed.parts == in_memory.parts


def test_the_folder_goes_when_the_program_ends(monkeypatch):
    at_the_end = []
    monkeypatch.setattr(
        atexit, "register", lambda call, *args, **named: at_the_end.append((call, args, named))
    )
    folder = benchmark_streams.temporary_folder()
    (folder / "images").mkdir()
    ((call, args, named),) = at_the_end
    call(*args, **named)
    assert not folder.exists()
