"""Ctrl-C ends an experiment with a line that says how to go on, and so does a reader that left."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import dataclasses, os, signal, sys, time
from experiments.common import options, program

@dataclasses.dataclass(frozen=True)
class Config(options.Options):
    workdir: str = options.option("runs/some", "", role=options.PLACE)
    act: str = options.option("interrupt", "")

def run(config):
    print(config.workdir)
    if config.act == "interrupt":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & leaves it ignored
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    for i in range(100_000):
        print(i)

program.launch(run, Config)
"""


def start(*words, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **options}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_an_interrupt_is_one_line_that_says_how_to_go_on():
    place = "runs/ä b/日本"
    process = start(f"--workdir={place}", PYTHONIOENCODING="latin-1")
    said, line = process.communicate()
    assert process.returncode == 130
    assert line.decode("latin-1") == (
        "interrupted; the same command goes on from the last checkpoint in "
        "runs/ä b/\\u65e5\\u672c\n"
    )
    assert said.decode("latin-1") == "runs/ä b/\\u65e5\\u672c\n"


def test_a_reader_that_leaves_ends_the_program_without_a_word():
    process = start("--act=print")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_a_value_that_is_empty_is_none_or_one_line():
    said, line = start("--workdir=").communicate()
    assert line.decode() == "error: --workdir: expected a value, got an empty one\n"
    assert said == b""
