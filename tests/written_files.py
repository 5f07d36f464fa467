"""In what order a run has written its files."""

from pathlib import Path


def check_figures_last(folder: Path) -> None:
    """No figure may be older than what it shows (F10): a failed one must not cost a result."""
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    first = min(time for path, time in times.items() if path.suffix == ".png")
    late = [
        p
        for p, time in times.items()
        if p.suffix in (".json", ".jsonl", ".safetensors") and time > first
    ]
    assert not late
