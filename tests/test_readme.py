"""The README's Python runs as it stands, block after block, and its pictures exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_code_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) >= 2
    scope: dict = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)
    assert "(10, 8, 8)" in capsys.readouterr().out
    assert scope["history"][-1]["stage"] == "up_down_1"
    assert scope["states"].params.weights.shape == (64, 64, 32)
    lines = blocks[0].strip().splitlines()
    assert len(lines) <= 15  # a fit and a sample


def test_what_it_links_to_exists():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
