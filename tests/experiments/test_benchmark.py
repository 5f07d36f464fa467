"""A small benchmark from flags to file: sections, rows, ratios, and one line for a mistake."""

import importlib
import json
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import main as benchmark
from experiments.benchmark import operations, peers, report, rows
from experiments.benchmark.config import Config
from experiments.benchmark.jobs import Sizes
from experiments.benchmark.operations import Job

ROOT = Path(__file__).parents[2]
SIZES = Sizes(
    layers=(8, 6, 12),
    batch_size=10,
    up_down_steps=(3,),
    n_chains=(4,),
    members=(3,),
    nets=(2,),
    widths=(8,),
    batches=(10, 1000),
    epochs=(2.0,),
    depths=(0,),
)
TIMED = ("learning", "inference", "ensembles", "draws", "streams", "backprop", "peers")
LEARNED = (
    "CD-1 epoch, 784-8",
    "PCD-1 epoch, 784-8",
    "CD-1 epoch of the memory, 16-12",
    "PCD-1 epoch of the memory, 16-12",
    "up-down epoch, 3 iterations",
    "classification, deterministic",
    "clamped generation, 4 chains",
    "AIS sweep, 784-8, 10 chains",
    "CD-1 epoch, 784-8, 3 together",
    "up-down, 3 iterations, 2 together",
)
HALVES = "threefry, two 16-bit draws a word"
DRAWS = tuple(f"states of 10x{width} by {HALVES}" for width in SIZES.layers)
STREAMS = ("CD-1 epoch, 784-8, in memory", "CD-1 epoch, 784-8, streamed from a folder")
OURS = (*LEARNED, *DRAWS, *STREAMS, "backprop epoch")
PEERS = tuple(f"CD-1 epoch in {peer.name}" for peer in peers.PEERS)
OTHERS = ("backprop epoch in PyTorch", *PEERS)


def without_pytorch(module):
    if module.split(".")[0] in ("torch", "learnergy", "rbms"):
        raise ModuleNotFoundError(f"No module named {module!r}")
    return importlib.import_module(module)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run without PyTorch and what needs it, and the file that it wrote."""
    output = tmp_path_factory.mktemp("benchmark") / "new" / "benchmark.json"
    with pytest.MonkeyPatch.context() as patch:
        # SciPy looks for torch in sys.modules, so that it cannot be blocked there.
        importer = types.SimpleNamespace(import_module=without_pytorch)
        patch.setattr(peers, "importlib", importer)
        patch.setattr(rows, "CANDIDATES", {HALVES: rows.CANDIDATES[HALVES]})
        config = Config(TIMED, steps=3, rounds=2, output=str(output))
        return benchmark.run(config, SIZES), output


def cells(result, name):
    (row,) = [row for row in result["rows"] if row[0] == name]
    return dict(zip(result["columns"], row, strict=True))


def setting(n_cases, n_pixels=16, sizes=SIZES):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n_cases, n_pixels), dtype=np.uint8)
    return benchmark_jobs.setting(sizes, pixels, np.arange(n_cases) % 10)


def test_every_row_is_there_and_the_file_holds_them(finished):
    result, output = finished
    assert tuple(row[0] for row in result["rows"]) == (*OURS, *OTHERS)
    assert json.loads(output.read_text()) == result
    command = f"python -m experiments.benchmark --sections={','.join(TIMED)} --steps=3 --rounds=2"
    assert result["command"] == command
    assert "torch" not in result["versions"]
    assert "scikit-learn" in result["versions"]
    assert "Median of 2 rounds" in result["note"]
    assert "2^-17.00 with 16 bits" in result["note"]
    assert {"commit", "machine", "date"} < result.keys()


def test_ratios_are_those_of_their_parts(finished):
    for name in (*OURS, PEERS[0]):
        row = cells(finished[0], name)
        ms, products, draws = row["ms a unit"], row["products, ms"], row["draws, ms"]
        assert ms > 0
        # Four digits are kept of each number, so that a quotient is off by less than 0.2 %.
        total = row["time / (products + draws)"]
        np.testing.assert_allclose(total, ms / (products + draws), rtol=2e-3)
        if name in DRAWS:
            assert draws == finished[0]["parts"][f"draws {name.split()[2]}"]
            assert products == 0
            assert row["time / products"] is row["images a second"] is None
        else:
            np.testing.assert_allclose(row["time / products"], ms / products, rtol=2e-3)


def test_images_are_those_of_a_unit(finished):
    n_images = {LEARNED[0]: 10, "classification, deterministic": 1, STREAMS[1]: 10, PEERS[0]: 10}
    for name, images in n_images.items():
        row = cells(finished[0], name)
        ms_an_image = row["ms a unit"] / images
        np.testing.assert_allclose(row["images a second"], 1000 / ms_an_image, rtol=2e-3)
        np.testing.assert_allclose(row["s for 44,000 images"], 44 * ms_an_image, rtol=2e-3)
    generated = cells(finished[0], "clamped generation, 4 chains")
    assert generated["images a second"] is generated["s for 44,000 images"] is None


def test_products_are_summed_one_by_one(finished):
    parts, row = finished[0]["parts"], cells(finished[0], LEARNED[0])
    five = 2 * parts["forward 10x784, 784x8"] + parts["backward 10x8, 784x8"]
    five += 2 * parts["outer 10x784, 10x8"]
    np.testing.assert_allclose(row["products, ms"], five, rtol=2e-3)
    assert row["draws, ms"] == parts["draws 10x8"]
    annealed = cells(finished[0], "AIS sweep, 784-8, 10 chains")["products, ms"]
    full = parts["forward 10x784, 784x8 in full float32"]
    full += parts["backward 10x8, 784x8 in full float32"]
    np.testing.assert_allclose(annealed, full, rtol=2e-3)


def test_a_second_run_compiles_nothing(finished):
    anew = [row[-1] for row in finished[0]["rows"]]
    assert anew == [0] * len(OURS) + [None] * len(OTHERS)


def test_what_is_not_installed_has_a_row_that_says_so(finished):
    result = finished[0]
    missing = [row for row in result["rows"] if row[1] == "not installed"]
    assert missing == [[name, "not installed", *[None] * 8] for name in (OTHERS[0], *PEERS[1:])]
    lines = report.lay_out(result).splitlines()
    assert lines[0].split() == " ".join(report.COLUMNS).split()
    assert lines[len(result["rows"])].split() == [*PEERS[-1].split(), "not", "installed", *"-" * 8]
    assert any(line.startswith("draws 10x8 ") for line in lines)


def test_a_section_alone_has_its_rows_alone_with_the_asked_precision_and_draws(monkeypatch):
    def section(setting):
        asked = jax.config.jax_default_matmul_precision, jax.random.key(0).dtype.name
        return [Job(str(asked), "call", 1, lambda: None, {operations.forward(2, 3, 4): 1})]

    monkeypatch.setitem(benchmark.MAKE, "ensembles", section)
    config = Config(("ensembles",), steps=2, rounds=1, precision="bfloat16", draws="rbg")
    result = benchmark.run(config, SIZES)
    assert [row[0] for row in result["rows"]] == ["('BF16_BF16_F32', 'key<rbg>')"]
    assert "2^-17" not in result["note"]
    assert "--sections=ensembles" in result["command"]


@pytest.mark.parametrize(("cases", "rbms", "nets"), [(60, 6, 4), (120, 12, 4), (400, 39, 4)])
def test_members_of_an_ensemble_do_the_work_of_an_epoch_together(cases, rbms, nets):
    # Of three RBMs whole minibatches, two at least; two nets do an eighth of an epoch.
    assert [job.n_units for job in benchmark_jobs.ensembles(setting(cases))] == [rbms, nets]


def test_whole_chunks_are_learned_from_and_the_folder_goes_when_the_program_ends(monkeypatch):
    at_the_end = []
    register = types.SimpleNamespace(register=lambda call, *a, **k: at_the_end.append((call, a, k)))
    monkeypatch.setattr(rows, "atexit", register)
    for n_cases, chunks, learned in ((110, 4, 10), (30, 4, 3), (100, 2, 10), (110, 1, 11)):
        sizes = Sizes(layers=(8, 6), batch_size=10, chunks=chunks)
        in_memory, streamed = rows.streams(setting(n_cases, sizes=sizes))
        assert (in_memory.n_units, streamed.n_units) == (n_cases // 10, learned)
        assert streamed.parts == in_memory.parts
        call, (folder, *rest), named = at_the_end.pop()
        assert (Path(folder) / "images").exists()
        call(folder, *rest, **named)
        assert not Path(folder).exists()


def test_timings_are_taken_in_rounds_and_the_median_counts(monkeypatch):
    now, order = [0.0], []
    clock = types.SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr(operations, "time", clock)
    # The first two calls of each compile and count; a slow round does not move the median.
    spent = {"a": iter([9, 9, 1, 50, 2]), "b": iter([9, 9, 3, 60, 5])}

    def call(name):
        order.append(name)
        now[0] += next(spent[name])

    calls = {name: lambda name=name: call(name) for name in "ab"}
    seconds, compiled = operations.time_calls(calls, 3)
    assert "".join(order) == "aabb" + "ab" * 3
    assert seconds == {"a": 2, "b": 5}
    assert compiled == {"a": 0, "b": 0}


def test_compilations_are_counted_while_it_is_asked():
    double = jax.jit(lambda x: x * 2.5)
    numbers = jnp.arange(3.0), jnp.arange(4.0)
    with operations.counted_compilations() as events:
        double(numbers[0])
        double(numbers[0])
    assert len(events) == 1
    double(numbers[1])
    assert len(events) == 1


def test_real_images_are_as_many_as_asked_for(idx_folder):
    config = Config(steps=3, data_dir=str(idx_folder))
    pixels, labels = benchmark.cases(config, SIZES)
    assert pixels.shape == (30, 784)
    assert pixels.dtype == np.uint8
    assert labels.shape == (30,)
    with pytest.raises(InputError, match="expected 50 images for 5 minibatches, got 40"):
        benchmark.cases(Config(steps=5, data_dir=str(idx_folder)), SIZES)
