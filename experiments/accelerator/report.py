"""How what `experiments.accelerator` found is laid out as text, its bars judged."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from experiments.benchmark import report as benchmark_report


def lay_out(record: Mapping[str, Any]) -> str:
    """Lays out all sections of a file, and then what is asked for and whether it is met."""
    parts = [section(name, found) for name, found in record.items()]
    bars = [line for name, found in record.items() for line in verdicts(name, found)]
    return "\n\n".join([*parts, "\n".join(bars)] if bars else parts)


def section(name: str, found: Mapping[str, Any]) -> str:
    """Lays out a section: what it is of, its table, its note."""
    about = f"{name}: {devices(found)}; {found['date']}; {found['seconds']:.0f} s"
    table = benchmark_report.table(found["columns"], found["rows"])
    return "\n\n".join([f"{about}\n{found['command']}", table, found["note"]])


def devices(found: Mapping[str, Any]) -> str:
    """Names the devices that a section was measured on."""
    counts = Counter(found["machine"]["devices"])
    return ", ".join(f"{n} x {kind}" if n > 1 else kind for kind, n in counts.items())


def verdicts(name: str, found: Mapping[str, Any]) -> list[str]:
    """Judges the bars of a section, a line each."""
    return [
        f"{'met    ' if bar['met'] else 'not met'}  {bar['bar']}: {bar['found']:g} "
        f"({name}, {devices(found)})"
        for bar in found["bars"]
    ]
