"""The kinds of input that commands read: a sound one of each, what is done to it, and its doors.

A kind makes an input in an empty folder and returns what it did and the call that a command would
make with it. `KINDS` is the table: another kind is another row.
"""

import functools
import io as memory
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

sys.path += [str(Path(__file__).parent / "experiments"), str(Path(__file__).parents[1])]

import idx_files
import mutated_nets
import mutations
import result_records
from mutations import Rng

from dbnjax import files
from dbnjax.data import folders, idx, images, sources
from dbnjax.training import digests, metrics
from dbnjax.weights import io
from experiments import classify, likelihood, registry, results_charts, ship
from experiments.common import nets, records, stacks, workdir
from experiments.hybrid import config as hybrid_config
from experiments.hybrid import main as hybrid_main
from experiments.likelihood import main as likelihood_main
from experiments.mnist_dbn import figures as dbn_figures
from experiments.paper_figures import main as paper_figures
from experiments.rbm_learning_rules import main as rules
from experiments.results import main as results
from experiments.sweep import main as sweep_main

SIDE = mutated_nets.SIDE
Input = tuple[str, Callable[[], Any]]
Make = Callable[[Rng, Path], Input]


@functools.cache
def pictures(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, SIDE, SIDE), dtype=np.uint8), np.arange(n) % 3


def saved(array: np.ndarray) -> bytes:
    buffer = memory.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def png(mode: str) -> bytes:
    buffer = memory.BytesIO()
    Image.fromarray(pictures()[0][0]).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def idx_set(rng: Rng, folder: Path) -> Input:
    pixels, labels = pictures()
    for prefix in ("train", "t10k"):
        idx_files.write_idx(folder / f"{prefix}-images-idx3-ubyte", pixels)
        idx_files.write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)
    paths = sorted(folder.iterdir())
    path = paths[rng.integers(4)]
    data = mutations.zipped(rng, path.read_bytes())
    data, what = mutations.damaged_bytes(rng, data)
    path.write_bytes(data)
    net = mutated_nets.file(folder, "dbn")
    doors = [
        lambda: idx.read_folder(folder, "train"),
        lambda: sources.load("mnist", folder),
        lambda: classify.run(classify.Config(net=net, data_dir=str(folder), split="test")),
    ]
    return f"{path.name}: {what}", doors[rng.integers(3)]


def png_files(rng: Rng, folder: Path) -> Input:
    mode = str(rng.choice(["L", "RGB", "RGBA", "P", "1", "LA", "I", "CMYK"][:6]))
    data, what = mutations.damaged_png(rng, png(mode))
    name = str(rng.choice(["a.png", "b.PNG", "._c.png", "d.npy"]))
    (folder / "digits").mkdir()
    (folder / "digits" / "0.png").write_bytes(png("L"))
    (folder / "digits" / name).write_bytes(data)
    whole = rng.random() < 0.3
    return f"{mode} as {name}: {what}", lambda: images.read_images(
        folder / "digits" if whole else folder / "digits" / name
    )


def npy_file(rng: Rng, folder: Path) -> Input:
    data, what = mutations.damaged_npy(rng, saved(pictures()[0]))
    path = folder / str(rng.choice(["a.npy", "a.png"], p=[0.9, 0.1]))
    path.write_bytes(data)
    net = mutated_nets.file(folder, "dbn")
    if rng.random() < 0.3:
        return what, lambda: classify.run(classify.Config(net=net, images=str(path)))
    return what, lambda: images.read_images(path)


def prepared_folder(rng: Rng, folder: Path) -> Input:
    pixels, labels = pictures()
    contents = {"images.npy": saved(pixels), "labels.npy": saved(labels)}
    contents["origin.json"] = json.dumps({"name": "a", "seed": 0}).encode()
    name = str(rng.choice(list(contents)))
    if name == "origin.json":
        contents[name], what = mutations.damaged_json(rng, json.loads(contents[name]))
    else:
        contents[name], what = mutations.damaged_npy(rng, contents[name])
    for place, data in contents.items():
        (folder / place).write_bytes(data)

    def door() -> None:
        folders.origin(folder)
        found = folders.read(folder, 3)
        found.read([(0, 1), (found.n_cases - 1, found.n_cases)])
        folders.digest(folder)

    return f"{name}: {what}", door


def net_file(rng: Rng, folder: Path) -> Input:
    path, what = mutated_nets.write(rng, folder)
    digits = folder / "digits.npy"
    digits.write_bytes(saved(pictures()[0][:2]))
    if rng.random() < 0.3:
        return what, lambda: classify.run(classify.Config(net=path, images=str(digits)))
    return what, lambda: nets.read_model(path)


def scored(path: str) -> None:
    config, net = likelihood.Config(net=path), nets.read_net(path)
    nets.origin(net.metadata)
    likelihood_main.doubts(config, net)


def figure_of_errors(path: str) -> None:
    net = nets.read_model(path)
    records = paper_figures.read_records(net)
    config = paper_figures.Config(net=path, only=("error",))
    if not paper_figures.why_not(config, net, records):
        dbn_figures.error_curve(records)


def stack_of_another(path: str) -> None:
    config = SimpleNamespace(layers=(5, 4), **mutated_nets.PRETRAINING["config"])
    data = SimpleNamespace(pixels=np.zeros((1, SIDE * SIDE)))
    stacks.read(path, SimpleNamespace(config=config, number=0, data=data))
    stacks.record(path)


def metadata(rng: Rng, folder: Path) -> Input:
    kind = str(rng.choice(list(mutated_nets.METADATA)))
    path, what = mutated_nets.write_metadata(rng, folder, kind)
    (folder / "idx").mkdir()
    idx_files.write_idx(folder / "idx" / "t10k-images-idx3-ubyte", pictures()[0])
    idx_files.write_idx(folder / "idx" / "t10k-labels-idx1-ubyte", pictures()[1])
    test = str(folder / "idx")
    doors = {
        "classify": lambda: classify.run(classify.Config(net=path, data_dir=test)),
        "figures": lambda: figure_of_errors(path),
        "ship": lambda: ship.run(
            ship.Config(net=path, data_dir=test, output=f"{path}.x", record=f"{path}.json")
        ),
        "hybrid": lambda: hybrid_main.read_starts(hybrid_config.Config(net=path, all_net=path)),
        "likelihood": lambda: scored(path),
        "rules": lambda: rules.read_below(path, SIDE * SIDE, "fixed"),
        "stack": lambda: stack_of_another(path),
    }
    useful = {
        "stack": ["stack", "rules", "classify"],
        "classifier": ["classify", "figures", "ship"],
    }
    door = str(rng.choice(useful.get(kind, [name for name in doors if name != "stack"])))
    return f"{kind} for {door}: {what}", doors[door]


PAGE = {
    "run": result_records.finished(),
    "sweeps__a": result_records.sweep(),
    "benchmark": result_records.benchmark(),
    "likelihood__a": result_records.LIKELIHOOD,
    "rules__a": result_records.RULES,
    "classifiers__tr": result_records.table_1(),
    "classifiers__unpretrained": result_records.classifiers("unpretrained", start="2006"),
    "hybrid__a": result_records.hybrid(),
    "three_ideas__a": result_records.three_ideas(),
    "few_labels__a": result_records.few_labels(),
    "comparators__a": result_records.comparators(),
}


def result_files(rng: Rng, folder: Path) -> Input:
    result_records.write(folder, run=result_records.finished())
    name = str(rng.choice(list(PAGE)))
    path = folder / f"{name.replace('__', '/')}.json"
    path.parent.mkdir(exist_ok=True)
    data, what = mutations.damaged_json(rng, PAGE[name])
    path.write_bytes(data)
    config = results_charts.Config(results=str(folder), output=str(folder / "charts"))
    chart = name.startswith(("three", "few", "comp")) and rng.random() < 0.1
    return f"{name}: {what}", lambda: results_charts.run(config) if chart else results.build(folder)


def reports() -> dict[str, Any]:
    """How the runs on the page are reported, by their names there."""
    folders = {one.records.partition("/")[0]: one for one in registry.EXPERIMENTS if one.records}
    own = {name: folders.get(name.partition("__")[0], registry.find("mnist_dbn")) for name in PAGE}
    found = {name: getattr(one.report, "REPORT", None) for name, one in own.items()}
    return {name: report for name, report in found.items() if report is not None}


def finished_run(rng: Rng, folder: Path) -> Input:
    """The record of a run that is asked for again."""
    found = reports()
    name = str(rng.choice(list(found)))
    report = found[name]
    path = folder / report.file
    data, what = mutations.damaged_json(rng, PAGE[name])
    path.write_bytes(data)

    def door() -> None:
        record = files.read_json(path)
        records.conform(path, records.TOP, record, report.record)
        workdir.laid_out(path, record, report.text)

    return f"{name}: {what}", door


def work_directory(rng: Rng, folder: Path) -> Input:
    config = hybrid_config.Config(workdir=str(folder), net="a.safetensors", seed=3)
    with_rows = [{"stage": "rbm_1", "epoch": i, "seconds": 1.5} for i in range(4)]
    sound = {
        "config.json": (vars(config), lambda: workdir.begin(config, {})),
        "origin.json": (
            result_records.MADE | {"date": "2026-01-01", "later_commits": ["def5678"]},
            lambda: workdir.note_commit(folder),
        ),
        "digests.json": ({"a": "b", "c": "d"}, lambda: digests.changed(folder)),
        "members/a/outcome.json": (
            sweep_main.Outcome(1.5, 3, 4, 5, 6, 7)._asdict(),
            lambda: sweep_main.words(sweep_main.read(sweep, member)),
        ),
        "metrics.jsonl": (with_rows, lambda: metrics.truncate(path, lambda record: True)),
    }
    sweep = SimpleNamespace(outcome=lambda one: folder / "members/a/outcome.json")
    member = SimpleNamespace()
    name = str(rng.choice(list(sound)))
    value, door = sound[name]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data, what = mutations.damaged_json(rng, value)
    if name == "metrics.jsonl":
        data = data.strip(b"[]").replace(b"}, {", b"}\n{") + b"\n"
    path.write_bytes(data)
    return f"{name}: {what}", door


def json_file(rng: Rng, folder: Path) -> Input:
    data, what = mutations.damaged_json(rng, PAGE["run"])
    (folder / "a.json").write_bytes(data)
    return what, lambda: files.dumps(files.read_json(folder / "a.json"))


def metadata_in_memory(rng: Rng, folder: Path) -> Input:
    value, what = mutations.strange_json(rng, {"a": {"b": [1, "c"]}, "d": None})
    path = folder / "net.safetensors"
    model = mutated_nets.models()["rbm"]
    return what, lambda: (io.save(path, model, value), io.load(path))
