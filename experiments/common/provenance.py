"""Where, when and by what a result was made: commit, machine, versions, date, all JSON-able."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

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
