"""All that is measured on an accelerator, in sections that can be spread over several calls.

    python -m experiments.accelerator --data_dir=FOLDER --sections=protocol,kernels,ensembles
    python -m experiments.accelerator --data_dir=FOLDER --sections=protocols
    python -m experiments.accelerator --data_dir=FOLDER --sections=precision
    python -m experiments.accelerator --data_dir=FOLDER --sections=draws,bandwidth

Sections, in the order in which they are measured: protocol, the main job from its images to its
figures, with an empty cache of compiled programs and with a full one; kernels, what an update of
CD-1, PCD-1 and up-down launches, and the memory that its program needs; bandwidth, of the device's
memory; ensembles, CD-1 by many machines together and one after another; protocols, whole nets of
many seeds together; precision and draws, the main job with products of several precisions and with
several generators. Each is written to --output as soon as it is done, with its command, commit,
machine and date, in the place of an earlier one of its name; a call prints all that the file holds
and says of everything that is asked for whether it is met.

The nets are those of the main job's flags, by default --preset=paper; their work directories are
temporary, in --workdir, and checkpoints of many nets take gigabytes there. Without an accelerator
all of it runs on what there is, which stands beside every section.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax

from dbnjax import checks, files
from experiments import (
    accelerator_arithmetic,
    accelerator_config,
    accelerator_kernels,
    accelerator_protocol,
    accelerator_protocols,
    accelerator_report,
    accelerator_speed,
    arithmetic,
    devices,
    flags,
    presets,
    provenance,
)
from experiments.accelerator_config import Found
from experiments.flags import option

SECTIONS: dict[str, Callable[[Any], Found]] = {
    "protocol": accelerator_protocol.protocol,
    "kernels": accelerator_kernels.kernels,
    "bandwidth": accelerator_speed.bandwidth,
    "ensembles": accelerator_speed.ensembles,
    "protocols": accelerator_protocols.protocols,
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
    print(accelerator_report.lay_out(record))
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


if __name__ == "__main__":
    flags.launch(run, Config, PRESETS)
