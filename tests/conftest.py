import atexit
import gc
import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path

# Nearly all the time is compilation, of the same small programs again and again: workers and the
# programs that tests start share a cache, made by the first of them. Before JAX is imported.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="dbnjax-tests-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
# A quarter of the suite's time. Programs that tests start inherit it: runs are compared bit by bit.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# The programs are too small to be split among LLVM's threads, and XLA's older emitters compile them
# in half the time; later versions have no others, and refuse the flag.
os.environ["XLA_FLAGS"] = " ".join(
    [
        "--xla_cpu_parallel_codegen_split_count=1",
        "--xla_cpu_use_fusion_emitters=false"
        if tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2])) < (0, 11)
        else "",
        os.environ.get("XLA_FLAGS", ""),
    ]
)

import jax
import pytest
from idx_files import write_set

if not hasattr(jax, "enable_x64"):  # JAX 0.7 has it, under another name
    from jax.experimental import enable_x64

    jax.enable_x64 = enable_x64

# Before anything uses a device: tests of sharding need several of them.
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
# Tracing makes many objects and hardly a circle: looking for circles took an eighth of the time.
gc.set_threshold(100_000, 20, 100)


@pytest.fixture
def mnist_dir():
    """A folder with MNIST's four official IDX files."""
    if "DBNJAX_DATA_DIR" not in os.environ:
        pytest.skip("DBNJAX_DATA_DIR, a folder of MNIST's IDX files, is not set")
    return Path(os.environ["DBNJAX_DATA_DIR"])


@pytest.fixture
def idx_folder(tmp_path):
    """A small gzipped IDX set: 40 training and 20 test images of 28x28, balanced over 0..9."""
    folder = tmp_path / "idx"
    folder.mkdir()
    write_set(folder)
    return folder
