"""What `python -m experiments.accelerator` runs."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax

from dbnjax import checks, files
from experiments.accelerator import arithmetic as accelerator_arithmetic
from experiments.accelerator import config as accelerator_config
from experiments.accelerator import end_to_end, kernels, many_seeds, report, speed
from experiments.accelerator.config import Found
from experiments.common import arithmetic, devices, provenance
from experiments.common.options import option
from experiments.mnist_dbn import presets

SECTIONS: dict[str, Callable[[Any], Found]] = {
    "protocol": end_to_end.protocol,
    "kernels": kernels.kernels,
    "bandwidth": speed.bandwidth,
    "ensembles": speed.ensembles,
    "protocols": many_seeds.protocols,
    "precision": accelerator_arithmetic.precision,
    "draws": accelerator_arithmetic.draws,
}
PRESETS = presets.PRESETS | {"": presets.PAPER}


@dataclasses.dataclass(frozen=True)
class Config(accelerator_config.Config):
    """Options of the run; each is a flag."""

    sections: tuple[str, ...] = option(
        tuple(SECTIONS), f"What is measured: some of {','.join(SECTIONS)}."
    )
    output: str = option("runs/accelerator.json", "JSON file that sections are written to.")


def run(config: Config) -> dict[str, Any]:
    """Measures the sections, each written when it is done, and prints all of the file.

    Returns:
      What the file holds, by section.

    Raises:
      InputError: an option, the device, the data or a folder cannot be used, or the device has too
        little memory for a section.
    """
    check(config)
    record = files.read_json(config.output) if files.expand(config.output).exists() else {}
    with (
        devices.taken(config.platform, "", ()),
        arithmetic.precision(config.precision),
        jax.default_prng_impl(arithmetic.GENERATORS[config.draws]),
    ):
        for name in (name for name in SECTIONS if name in config.sections):
            record[name] = measure(config, name)
            files.write_json(config.output, record)
            print(f"{name}: written to {config.output}", flush=True)
    print(report.lay_out(record))
    return record


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is measured."""
    unknown = [name for name in config.sections if name not in SECTIONS]
    checks.require(
        bool(config.sections) and not unknown,
        f"--sections: expected some of {', '.join(SECTIONS)}, got {', '.join(unknown) or 'none'}",
    )
    for name, least in {"steps": 2, "rounds": 1, "triad_mb": 1, "n_protocols": 1}.items():
        checks.check_count(f"--{name}", getattr(config, name), least)
    checks.require(bool(config.members), "--members: expected one number or more, got none")
    for n in config.members:
        checks.check_count("--members", n, 1)
    checks.require(config.labels, "--labels: expected labels, whose errors are compared, got none")
    checks.require(
        sum(config.up_down_epochs) > 0,
        f"--up_down_epochs: expected one epoch or more in all, got {config.up_down_epochs}",
    )


def measure(config: Config, name: str) -> dict[str, Any]:
    """Measures a section; returns what the file holds of it."""
    own = dataclasses.replace(config, sections=(name,))
    began = time.perf_counter()
    try:
        found = SECTIONS[name](config)
    except devices.FAILURE as error:
        line = devices.explain(error)
        if line is None:
            raise
        raise checks.InputError(
            f"section {name}: {line}; here the members are --members and --n_protocols, and the "
            "triad's arrays --triad_mb; what was measured before is in --output"
        ) from error
    return {
        **provenance.made(),
        "command": provenance.command(
            "experiments.accelerator", own, presets.PRESETS[config.preset]
        ),
        "seconds": time.perf_counter() - began,
        **found._asdict(),
    }
