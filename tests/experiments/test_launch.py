"""The launcher over processes that need no JAX: who failed, what is said, that all end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from refusals import one_line

from experiments import launch

ROOT = Path(__file__).parent.parent.parent
STAND_IN = """
import dataclasses, os, sys, time

@dataclasses.dataclass
class Config:
    mesh: str = ""
    workdir: str = "runs"

if __name__ == "__main__":
    own = int(os.environ["DBNJAX_PROCESS_ID"])
    with open(os.path.join(sys.argv[1], str(own)), "w") as file:
        names = "DBNJAX_N_PROCESSES", "JAX_COORDINATOR_ADDRESS"
        print(*(os.environ[name] for name in names), os.getpid(), file=file)
    print("out of", own)
    wanted = sys.argv[2 + own]
    if wanted == "sleep":
        time.sleep(600)
    sys.exit(f"words of {own}") if wanted == "1" else None
    print("words of", own, file=sys.stderr)
    os.kill(os.getpid(), 9) if wanted == "9" else sys.exit(int(wanted))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the stand-ins, which do as they are told; says the exit code and the seconds."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(launch, "GRACE_SECONDS", 0.5)

    def run(*wanted):
        begin = time.monotonic()
        command = ["stand_in", str(tmp_path), *wanted, f"--workdir={tmp_path}/run"]
        return launch.run(len(wanted), command), time.monotonic() - begin

    return run


def test_all_processes_know_each_other_and_the_first_is_heard(run, tmp_path, capfd):
    assert run("0", "0", "0")[0] == 0
    told = [(tmp_path / str(i)).read_text().split() for i in range(3)]
    ((count, address),) = {tuple(words[:2]) for words in told}
    assert count == "3"
    assert address.startswith("127.0.0.1:")
    out, err = capfd.readouterr()
    assert (out, err) == ("out of 0\n", "words of 0\n")


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        (("sleep", "3"), 1, "process 1 of 2 ended with exit code 3 (words of 1); the others were"),
        (("sleep", "sleep", "9"), 1, "process 2 of 3 was killed by SIGKILL (exit code -9); the o"),
        (("1", "sleep"), 1, "process 0 of 2 ended with exit code 1; the others were ended; last "),
        (("sleep", "2"), 2, "process 1 of 2 ended with exit code 2 (words of 1); the others were"),
    ],
)
def test_a_lost_process_ends_the_others_and_is_named(run, tmp_path, capfd, wanted, code, said):
    for step in ("rbm_1/3", "rbm_2/1", "rbm_2/2.orbax-checkpoint-tmp"):
        (tmp_path / "run" / "checkpoints" / step).mkdir(parents=True)
    os.utime(tmp_path / "run/checkpoints/rbm_1/3", (1, 1))
    found, seconds = run(*wanted)
    assert found == code
    assert seconds < 20
    line = capfd.readouterr().err.splitlines()[-1]
    assert line.startswith(said)
    assert f"last whole checkpoint: {tmp_path}/run/checkpoints/rbm_2/1; the same" in line


def test_what_the_user_did_wrong_is_said_once(run, capfd):
    assert run("2", "2")[0] == 2
    assert capfd.readouterr().err == "words of 0\n"


def test_of_two_that_are_lost_the_killed_one_is_named():
    class Ended:
        def __init__(self, code):
            self.code = code

        def poll(self):
            return self.code

    assert launch.first_failed([Ended(1), Ended(-9), Ended(None)]) == 1
    assert launch.first_failed([Ended(0), Ended(0)]) is None


def test_the_work_directory_is_the_commands_own_or_the_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert launch.last_checkpoint(["experiments.mnist_dbn"]) == "none was written"
    (tmp_path / "runs/sweep/members/base/checkpoints/up_down_1/7").mkdir(parents=True)
    assert launch.last_checkpoint(["experiments.sweep", "--seed=1"]).name == "7"
    assert launch.last_checkpoint(["experiments.sweep", "--workdir", "x"]) == "none was written"


def test_a_launcher_that_is_told_to_end_ends_its_processes(tmp_path):
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    command = ["stand_in", str(tmp_path), "sleep"]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.launch", "--n_processes=1", "--", *command],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
    )
    own = tmp_path / "0"
    deadline = time.monotonic() + 120
    while not (own.exists() and own.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(own.read_text().split()[-1]), 0)


def test_no_command_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit, match="2"):
        launch.main(["launch"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: expected an experiment and its flags after --")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("experiments.mnist_dnb", r"names it, such as experiments.mnist_dbn, got none \(No modul"),
        ("--mesh=data:2", "--mesh=data:2: expected an experiment as python -m names it"),
        ("json", "got none .*no attribute 'Config'"),
        ("experiments.classify", "such as experiments.mnist_dbn, got one without --mesh and --wor"),
        ("experiments.rbm_learning_rules", "got one without --mesh; run it alone"),
    ],
)
def test_what_processes_cannot_share_is_refused_before_any_starts(monkeypatch, name, message):
    monkeypatch.setattr(launch, "start", lambda *_: pytest.fail("it was started"))
    with one_line(message):
        launch.run(2, [name])
