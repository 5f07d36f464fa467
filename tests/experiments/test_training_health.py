"""Runs with one thing wrong each, as docs/training.md tells of them."""

from pathlib import Path

from experiments import training_health


def test_every_run_is_measured_and_drawn(tmp_path, capsys):
    config = training_health.Config(output=str(tmp_path / "a.png"), n_hidden=5, epochs=2, n_few=20)
    runs = training_health.run(config)
    assert all(len(history) == 2 for history in runs.values())
    measured = {name for history in runs.values() for name in history[-1]}
    assert measured >= set(training_health.NUMBERS)
    out = capsys.readouterr().out
    assert all(name in out for name in runs)
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_the_page_shows_the_figure_that_the_command_draws():
    page = (Path(__file__).parents[2] / "docs/training.md").read_text()
    assert f"]({training_health.Config().output.removeprefix('docs/')})" in page
