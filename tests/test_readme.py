"""README and the pages it links to: what it answers first, its size, its numbers, its code."""

import re
import shlex
from pathlib import Path

import pytest
from command_lines import read
from test_imports import FLOORS, HOST

from dbnjax.data import sources
from dbnjax.weights import shipped
from experiments import registry
from experiments.common import pictures
from experiments.results import listings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = (
    "README.md",
    "experiments/README.md",
    *(f"docs/{name}.md" for name in ("architecture", "devices", "examples")),
)
RESULTS = sorted((ROOT / "docs/results").glob("*.md"))
WORDS, FIRST_WORDS = 1000, 125

# What visitors ask first, and where the answer stands.
QUESTIONS = {
    "does it install today": "#install",
    "are the samples good": "#results",
    "an MNIST example": "#commands",
    "the accuracy reproduced": "#results",
    "real values": "docs/examples.md#real-values",
    "sample or mean": "docs/sampling.md",
    "likelihoods": "docs/likelihood.md",
    "class probabilities": "docs/examples.md#class-probabilities",
    "saving": "docs/examples.md#save-and-load",
    "GPU": "docs/devices.md",
    "own data": "docs/examples.md#your-own-array",
    "missing data": "docs/examples.md#missing-values",
}


def prose(text):
    """A page as it is read: without code blocks and tables that are written between marks."""
    text = re.sub(r"(?ms)^```.*?^```", "", text)
    return re.sub(r"(?s)<!-- (.+?) -->.*<!-- end of \1 -->", "", text)


def visible(text):
    """Prose without pictures and without the addresses of its links."""
    text = re.sub(r"\[!\[[^]]*\]\([^)]*\)\]\([^)]*\)|!\[[^]]*\]\([^)]*\)", "", prose(text))
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)


def words(text):
    """The words of a text, signs by themselves left out."""
    return [word for word in text.split() if re.search(r"\w", word)]


def links(text):
    """The targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(text):
    """The names that headings get on GitHub."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", text))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def run_blocks(page):
    """Runs the Python of a page from top to bottom in one scope."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
    scope: dict = {}
    for block in blocks:
        exec(compile(block, page, "exec"), scope)
    return blocks, scope


def test_the_example_fits_and_samples(capsys):
    (block,), scope = run_blocks("README.md")
    assert "(10, 8, 8)" in capsys.readouterr().out
    assert scope["history"][-1]["stage"] == "up_down_1"
    assert len(block.strip().splitlines()) <= 15


def test_the_short_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, scope = run_blocks("docs/examples.md")
    assert scope["probabilities"].shape == (1797, 10)
    assert scope["probabilities"].sum(-1) == pytest.approx(1, abs=1e-4)
    assert (scope["loaded"].memory.weights == scope["net"].memory.weights).all()
    assert scope["samples"].shape == (16, 30)
    assert (scope["filled"][:, :10] == scope["held"].values[:, :10]).all()
    assert scope["hidden"].shape == (569, 32)
    assert scope["states"].params.weights.shape == (64, 64, 32)


@pytest.mark.parametrize(
    "page", [*PAGES, "RESULTS.md", *(f"docs/results/{p.name}" for p in RESULTS)]
)
def test_links_lead_somewhere(page):
    found = [link for link in links((ROOT / page).read_text()) if not link.startswith("http")]
    assert found
    for link in found:
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_it_is_short():
    """Words of the prose; code blocks and the tables between marks are looked at, not read."""
    assert len(words(visible(README))) <= WORDS


def test_what_visitors_ask_first_is_answered_first():
    beginning = prose(README)
    pieces = re.split(r"(?<=\))", beginning)  # each but the last ends with a link
    ends = [len(words(visible("".join(pieces[: i + 1])))) for i in range(len(pieces))]
    first = links("".join(p for p, end in zip(pieces, ends, strict=True) if end <= FIRST_WORDS))
    assert {question: link for question, link in QUESTIONS.items() if link not in first} == {}


def test_its_parts_stand_in_the_order_of_a_newcomers_questions():
    assert re.findall(r"(?m)^## (.*)$", re.sub(r"(?ms)^```.*?^```", "", README)) == [
        "Install",
        "Train and sample",
        "Results",
        "Commands",
        "When not to use it",
        "Documentation",
        "Citing",
    ]
    badge = README.index("colab-badge")
    picture, headline = README.index("samples.png"), README.index("<!-- headline -->")
    assert (
        badge < README.index("## Install") < picture < headline < README.index("<!-- commands -->")
    )


def test_its_numbers_are_those_of_the_code():
    setup = (ROOT / "setup.cfg").read_text()
    pythons = re.findall(r"Python :: (3\.\d+)", setup)
    lowest, below = re.search(r"jax >= ([\d.]+), < 0\.(\d+)", setup).groups()
    net = shipped.load()[0]
    sizes = [*net.recognition[0].weights.shape, *(net.memory.weights.shape)]
    digits = len(sources.load("mnist5k").train.pixels)
    known = {
        *(pythons[0], pythons[-1], lowest, f"0.{int(below) - 1}"),
        *("784", *map(str, sizes)),
        f"{digits:,}",
        f"{pictures.FILM_STEPS:,}",
        *("2006", "95", "2.0"),  # the paper's year, the level of the intervals, the licence
    }
    assert set(re.findall(r"\d[\d.,]*\d|\d", visible(README))) <= known


def test_the_commands_of_the_pages_have_the_flags_that_they_show():
    for experiment in registry.EXPERIMENTS:
        command = listings.command(experiment).replace("\\\n", " ")
        _, _, *flags = shlex.split(command)
        read(flags[1:] if flags[:1] == [experiment.module] else flags, experiment.config)


def test_every_experiment_is_listed_once():
    listed = (ROOT / "experiments" / "README.md").read_text()
    for name in (*registry.names(), "launch"):
        assert re.search(rf"python -m experiments\.{name}\b", listed), name
    assert {one.kind for one in registry.EXPERIMENTS} == set(registry.KINDS)


def test_the_floors_of_the_page_are_those_of_the_imports():
    found = {
        f"dbnjax.{folder}": floor
        for floor, folders in zip(
            reversed(range(len(listings.FLOORS))), listings.FLOORS, strict=True
        )
        for folder in folders
        if folder
    }
    tested = {name: floor for name, floor in FLOORS.items() if name.startswith("dbnjax.") and floor}
    assert found == tested
    assert {f"dbnjax.{name}" for name in listings.HOST} | {"dbnjax.files"} == set(HOST)
    text = (ROOT / "docs" / "architecture.md").read_text()
    missing = [
        path.stem
        for path in (ROOT / "dbnjax").rglob("*.py")
        if path.stem not in ("__init__", "__main__") and f"- `{path.stem}`: " not in text
    ]
    assert missing == []
