"""Section `protocol`: the main job from its images to its figures, compiled anew and not."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from experiments.accelerator.config import (
    Config,
    Finished,
    Found,
    at_most,
    finish,
    folder,
    main_job,
    number,
)

COLD, WARM = 90.0, 60.0  # seconds
NOTE = (
    "Seconds of `experiments.mnist_dbn` in this process, from reading the images to the last "
    "figure, products in precision {precision} and draws by {draws}; Python, JAX and the device "
    "were started before. Cold: with an empty cache of compiled programs; warm: with those that "
    "the cold run left on the disk, all of them, none in memory. The seconds of a stage are those "
    "of its epochs, where its programs compile in the first; the rest is data, checkpoints, "
    "read-outs and figures. What XLA's tuning of products remembers of earlier sections of the "
    "same call is kept, so that this one goes first."
)


def protocol(config: Config) -> Found:
    """Runs the main job twice."""
    with folder(config) as place, compile_cache(place / "cache"):
        runs, programs = {}, {}
        for name in ("cold", "warm"):
            jax.clear_caches()
            before = n_programs(place / "cache")
            runs[name] = finish(main_job(config, place / name))
            programs[name] = n_programs(place / "cache") - before
    rows = [["programs compiled", *programs.values()]]
    return Found(
        columns=["", *runs],
        rows=[*seconds(runs), *rows, *test_errors(runs)],
        note=NOTE.format(precision=config.precision, draws=config.draws),
        bars=[
            at_most(f"{name} run", limit, "seconds", runs[name].seconds)
            for name, limit in (("cold", COLD), ("warm", WARM))
        ],
    )


@contextlib.contextmanager
def compile_cache(place: Path) -> Iterator[None]:
    """Makes JAX keep every program that it compiles inside in a folder, and look for it there."""
    wanted = {
        "jax_compilation_cache_dir": str(place),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in wanted}
    try:
        use(wanted)
        yield
    finally:
        use(before)


def use(cache: Mapping[str, Any]) -> None:
    """Changes JAX's cache of programs, which it opens once otherwise."""
    for name, value in cache.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def n_programs(cache: Path) -> int:
    """Returns how many programs lie in a cache; what XLA itself keeps there lies in folders."""
    files = [path for path in cache.glob("*") if path.is_file()]
    return sum(not path.name.endswith("-atime") for path in files)


def seconds(runs: Mapping[str, Finished]) -> list[list[Any]]:
    """Returns the rows of the stages, of the rest and of the whole."""
    stages = [run.result["seconds"] for run in runs.values()]
    rows = [[f"{stage}, s", *(number(found[stage]) for found in stages)] for stage in stages[0]]
    in_all = [run.seconds for run in runs.values()]
    rest = [whole - sum(found.values()) for whole, found in zip(in_all, stages, strict=True)]
    return [*rows, ["the rest, s", *map(number, rest)], ["in all, s", *map(number, in_all)]]


def test_errors(runs: Mapping[str, Finished]) -> list[list[Any]]:
    """Returns a row for each read-out of each net."""
    found = [run.result["errors"] for run in runs.values()]
    return [
        [f"test errors, {stage}, {name}", *(errors[stage][name]["test"] for errors in found)]
        for stage, read_outs in found[0].items()
        for name in read_outs
    ]
