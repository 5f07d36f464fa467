import os
import subprocess
import sys

import numpy as np
import pytest

from dbnjax import files
from dbnjax.checks import InputError


def test_a_kill_while_a_file_is_replaced_leaves_the_old_one(tmp_path):
    path = tmp_path / "config.json"
    files.write_json(path, {"seed": 1})
    program = (
        "import os, signal, sys\n"
        "from dbnjax import files\n"
        "kill = lambda event, _: event == 'os.rename' and os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(kill)\n"
        f"files.write_json({str(path)!r}, {{'seed': 2}})\n"
    )
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert killed.returncode == -9
    assert files.read_json(path) == {"seed": 1}
    files.write_json(path, {"seed": 3})
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.json"]


def test_json_files_round_trip_and_damage_is_named(tmp_path):
    path = tmp_path / "config.json"
    files.write_json(path, {"layers": (500, 500), "rate": np.float32(0.5)})
    assert files.read_json(path) == {"layers": [500, 500], "rate": 0.5}
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"config\.json: expected JSON"):
        files.read_json(path)
    with pytest.raises(InputError, match=r"^[^:]*none\.json: expected a readable file"):
        files.read_json(tmp_path / "none.json")
