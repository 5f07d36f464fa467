"""Where, when and by what a result was made: commit, machine, versions, command, all JSON-able."""

import dataclasses
import importlib.metadata
import os
import platform
import shlex
import subprocess
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

PLACEHOLDERS = {"data_dir": "FOLDER"}  # where a person keeps the data says nothing about a run
PACKAGES = ("jax", "jaxlib", "numpy", "dbnjax")


def commit(folder: Path = Path(__file__).parent) -> str:
    """Returns the short hash of a folder's checkout, `+changes` if tracked files differ from it.

    An empty string stands for a folder outside of git, or a machine without it.
    """
    describe = ["git", "describe", "--always", "--exclude=*", "--dirty=+changes"]
    try:
        found = subprocess.run(describe, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def machine() -> dict[str, Any]:
    """Returns the processor, the cores that this process may use, JAX's devices, the system."""
    allowed = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return {
        "processor": _processor(),
        "cores": len(allowed(0)) if allowed else os.cpu_count(),
        "devices": [device.device_kind for device in jax.devices()],
        "system": platform.system(),
    }


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Returns the processor's name; on Linux `platform` knows only the architecture."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide the numbers."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"  # run from a checkout, which the commit names


def made() -> dict[str, Any]:
    """Returns by what code, where and when a result is made: what every record holds."""
    return {
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def command(
    module: str,
    config: Any,
    defaults: Mapping[str, Any],
    hidden: Collection[str] = ("workdir", "output"),
) -> str:
    """Returns the shell command that makes a run again.

    Args:
      module: what `python -m` starts.
      config: the run's options, a dataclass whose fields are flags.
      defaults: what a preset sets instead of the class's own defaults; empty without a preset.
      hidden: fields that are left out, such as where the run writes.
    """
    words = ["python", "-m", module]
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name not in hidden and value != defaults.get(field.name, field.default):
            words.append(_flag(field.name, PLACEHOLDERS.get(field.name, value)))
    return " ".join(words)


def _flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"--{name}={shlex.quote(text)}"
