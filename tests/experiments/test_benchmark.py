"""A small benchmark from flags to file: sections, rows, ratios, and one line for a mistake."""

import importlib
import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from experiments.benchmark import ablation as benchmark_ablation
from experiments.benchmark import backprop as benchmark_backprop
from experiments.benchmark import draws as benchmark_draws
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import main as benchmark
from experiments.benchmark import peers as benchmark_peers
from experiments.benchmark import report as benchmark_report
from experiments.benchmark import series as benchmark_series
from experiments.benchmark import targets
from experiments.benchmark import timing as benchmark_timing
from experiments.benchmark.jobs import Job, Sizes
from experiments.benchmark.parts import forward

SIZES = Sizes(
    layers=(8, 6, 12),
    batch_size=10,
    up_down_steps=(2,),
    n_chains=(4,),
    members=(3,),
    nets=(2,),
    widths=(4,),
    batches=(6, 1000),
    epochs=(2.0,),
    depths=(0,),
)
LEARNING = (
    "CD-1 epoch, 784-8",
    "PCD-1 epoch, 784-8",
    "CD-1 epoch of the memory, 16-12",
    "PCD-1 epoch of the memory, 16-12",
    "up-down epoch, 2 iterations",
)
INFERENCE = (
    "classification, deterministic",
    "clamped generation, 4 chains",
    "AIS sweep, 784-8, 10 chains",
)
ENSEMBLES = ("CD-1 epoch, 784-8, 3 together", "up-down, 3 iterations, 2 together")
SERIES = (
    "CD-1 of 784-4 by size: width 4",
    "CD-1 of 784-8 by size: batch 6",
    "CD-1 of 784-8 by size: 60 images",
    "up-down of 784-12 by depth, 3 iterations",
)
# Some of the rows; the others are made but not timed in tests of their own.
STEPS = {"no draws": benchmark_ablation.STEPS["no draws"]}
ABLATION = tuple(
    f"CD-1 of 784-8 by parts: {what}"
    for what in ("the library's", *STEPS, "no gather and cast", "products alone, in a scan")
)
CANDIDATES = benchmark_draws.CANDIDATES[1:2]
DRAWS = tuple(
    f"states of 10x{width} by threefry, two 16-bit draws a word" for width in SIZES.layers
)
STREAMS = ("CD-1 epoch, 784-8, in memory", "CD-1 epoch, 784-8, streamed from a folder")
BACKPROP = benchmark_backprop.NAME
PEERS = tuple(f"CD-1 epoch in {peer.name}" for peer in benchmark_peers.PEERS)
LEARNED = (*LEARNING, *INFERENCE, *ENSEMBLES, *SERIES, *ABLATION)
OURS = (*LEARNED, *DRAWS, *STREAMS, BACKPROP)
OTHERS = (f"{BACKPROP} in PyTorch", *PEERS)


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
        patch.setattr(benchmark_peers, "importlib", importer)
        patch.setattr(benchmark_ablation, "STEPS", STEPS)
        patch.setattr(benchmark_draws, "CANDIDATES", CANDIDATES)
        config = benchmark.Config(steps=3, rounds=2, output=str(output))
        return benchmark.run(config, SIZES), output


def cells(result, name):
    (row,) = [row for row in result["rows"] if row[0] == name]
    return dict(zip(result["columns"], row, strict=True))


def test_every_row_is_there_and_the_file_holds_them(finished):
    result, output = finished
    assert tuple(row[0] for row in result["rows"]) == (*OURS, *OTHERS)
    assert len({*OURS, *OTHERS}) == len(result["rows"])  # a name stands for one timing
    assert json.loads(output.read_text()) == result
    assert result["command"] == "python -m experiments.benchmark --steps=3 --rounds=2"
    assert "torch" not in result["versions"]
    assert "scikit-learn" in result["versions"]
    assert "Median of 2 rounds" in result["note"]
    assert "2^-17.00 with 16 bits" in result["note"]
    assert {"commit", "machine", "date"} < result.keys()


@pytest.mark.parametrize("name", [*LEARNED, *STREAMS, BACKPROP, PEERS[0]])
def test_ratios_are_those_of_their_parts(finished, name):
    row = cells(finished[0], name)
    ms, products, draws = row["ms a unit"], row["products, ms"], row["draws, ms"]
    assert ms > 0
    assert products > 0
    # Four digits are kept of each number, so that a quotient is off by less than 0.2 %.
    np.testing.assert_allclose(row["time / products"], ms / products, rtol=2e-3)
    total = products + draws
    np.testing.assert_allclose(row["time / (products + draws)"], ms / total, rtol=2e-3)


@pytest.mark.parametrize("name", DRAWS)
def test_draws_stand_beside_those_of_the_library_alone(finished, name):
    row = cells(finished[0], name)
    size = name.split()[2]
    assert row["draws, ms"] == finished[0]["parts"][f"draws {size}"]
    assert row["products, ms"] == 0
    assert row["time / products"] is row["images a second"] is None
    ratio = row["ms a unit"] / row["draws, ms"]
    np.testing.assert_allclose(row["time / (products + draws)"], ratio, rtol=2e-3)


@pytest.mark.parametrize(
    ("name", "images"),
    [
        (LEARNING[0], 10),
        (INFERENCE[0], 1),
        (INFERENCE[1], None),
        (ENSEMBLES[1], 10),
        (SERIES[1], 6),
        (STREAMS[1], 10),
        (BACKPROP, 10),
        (PEERS[0], 10),
    ],
)
def test_images_are_those_of_a_unit(finished, name, images):
    row = cells(finished[0], name)
    if images is None:
        assert row["images a second"] is row["s for 44,000 images"] is None
    else:
        ms_an_image = row["ms a unit"] / images
        np.testing.assert_allclose(row["images a second"], 1000 / ms_an_image, rtol=2e-3)
        np.testing.assert_allclose(row["s for 44,000 images"], 44 * ms_an_image, rtol=2e-3)


def test_products_are_summed_one_by_one(finished):
    parts, row = finished[0]["parts"], cells(finished[0], LEARNING[0])
    five = 2 * parts["forward 10x784, 784x8"] + parts["backward 10x8, 784x8"]
    five += 2 * parts["outer 10x784, 10x8"]
    np.testing.assert_allclose(row["products, ms"], five, rtol=2e-3)
    assert row["draws, ms"] == parts["draws 10x8"]
    assert cells(finished[0], INFERENCE[0])["draws, ms"] == 0
    annealed = cells(finished[0], INFERENCE[2])["products, ms"]
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
    lines = benchmark_report.lay_out(result).splitlines()
    assert lines[0].split() == " ".join(benchmark_report.COLUMNS).split()
    assert lines[len(result["rows"])].split() == [*PEERS[-1].split(), "not", "installed"]


def test_a_section_alone_has_its_rows_alone_with_the_asked_precision_and_draws(monkeypatch):
    def section(setting):
        asked = jax.config.jax_default_matmul_precision, jax.random.key(0).dtype.name
        return [Job(str(asked), "call", 1, lambda: None, {forward(2, 3, 4): 1})]

    monkeypatch.setitem(benchmark.SECTIONS, "ensembles", section)
    config = benchmark.Config(("ensembles",), steps=2, rounds=1, precision="bfloat16", draws="rbg")
    result = benchmark.run(config, SIZES)
    assert [row[0] for row in result["rows"]] == ["('BF16_BF16_F32', 'key<rbg>')"]
    assert "2^-17" not in result["note"]
    assert "--sections=ensembles" in result["command"]


@pytest.mark.parametrize(("cases", "minibatches"), [(60, 6), (20, 6), (120, 12)])
def test_members_of_an_ensemble_do_the_work_of_an_epoch_together(finished, cases, minibatches):
    del finished  # what it made is compiled by now
    pixels, labels = np.zeros((cases, 784), np.uint8), np.zeros(cases, int)
    setting = benchmark_jobs.setting(SIZES, pixels, labels)
    assert benchmark_series.together(setting, 3).n_units == minibatches


def test_nets_together_learn_from_a_part_of_an_epoch():
    pixels, labels = np.zeros((400, 16), np.uint8), np.zeros(400, int)
    setting = benchmark_jobs.setting(SIZES, pixels, labels)
    assert [benchmark_series.nets_together(setting, n).n_units for n in (1, 2, 5)] == [5, 4, 10]


def test_the_rows_that_bars_are_about_are_there():
    pixels, labels = np.zeros((20, 784), np.uint8), np.zeros(20, int)
    sizes = Sizes(layers=(500, 6, 12), batch_size=10)  # rows are named by the paper's first layer
    setting = benchmark_jobs.setting(sizes, pixels, labels)
    ours = [benchmark.SECTIONS[name](setting) for name in ("learning", "streams", "backprop")]
    names = {*OTHERS, *(job.name for jobs in ours for job in jobs)}
    for bar in targets.SPEED:
        assert bar.row in names
        assert bar.beside in {*names, *benchmark_report.COLUMNS}


def test_columns_are_aligned():
    text = benchmark_report.table(["name", "n"], [["a", 1.5], ["long name", None], ["b", 20]])
    assert text.split("\n") == [
        "name         n",
        "a          1.5",
        "long name",
        "b           20",
    ]


def test_timings_are_taken_in_rounds_and_the_median_counts(monkeypatch):
    now, order = [0.0], []
    clock = types.SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr(benchmark_timing, "time", clock)
    # The first two calls of each compile and count; a slow round does not move the median.
    spent = {"a": iter([9, 9, 1, 50, 2]), "b": iter([9, 9, 3, 60, 5])}

    def call(name):
        order.append(name)
        now[0] += next(spent[name])

    calls = {name: lambda name=name: call(name) for name in "ab"}
    seconds, compiled = benchmark_timing.measure(calls, 3)
    assert "".join(order) == "aabb" + "ab" * 3
    assert seconds == {"a": 2, "b": 5}
    assert compiled == {"a": 0, "b": 0}


def test_compilations_are_counted_while_it_is_asked():
    double = jax.jit(lambda x: x * 2.5)
    numbers = jnp.arange(3.0), jnp.arange(4.0)
    with benchmark_timing.counted_compilations() as events:
        double(numbers[0])
        double(numbers[0])
    assert len(events) == 1
    double(numbers[1])
    assert len(events) == 1


def test_real_images_are_as_many_as_asked_for(idx_folder):
    config = benchmark.Config(steps=3, data_dir=str(idx_folder))
    pixels, labels = benchmark.cases(config, SIZES)
    assert pixels.shape == (30, 784)
    assert pixels.dtype == np.uint8
    assert labels.shape == (30,)
    with pytest.raises(InputError, match="expected 50 images for 5 minibatches, got 40"):
        benchmark.cases(benchmark.Config(steps=5, data_dir=str(idx_folder)), SIZES)


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ({"steps": 1}, "--steps: expected 2 or more, a whole number, got 1"),
        ({"rounds": 0}, "--rounds: expected 1 or more, a whole number, got 0"),
        ({"sections": ("peers", "x")}, "--sections: expected some of learning, .*peers, got x"),
        ({"sections": ()}, "--sections: expected some of learning, .*, got none"),
    ],
)
def test_a_mistake_is_one_line(option, line):
    with pytest.raises(InputError, match=line):
        benchmark.run(benchmark.Config(**option), SIZES)
