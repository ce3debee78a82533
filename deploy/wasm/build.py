"""Compiles `propagator.c` with the `ziglang` wheel's compiler; the same source gives the same bytes anywhere."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from weftline.collector.errors import Misconfigured

ZIGLANG = "0.17.1"
"""The version that `SHA256` holds for; another compiler may write other bytes."""
SHA256 = "0a3b3da2b165ea4e47dd9fa7557738b80182439b8107d8ba1dfbc704af18884a"
"""Of the module."""
FLAGS = (
    "-target", "wasm32-freestanding", "-mcpu=mvp", "-O2", "-nostdlib", "-std=c11", "-Wall", "-Wextra", "-Werror",
    "-Wl,--no-entry", "-Wl,--strip-all",
)  # fmt: skip


def build(target: Path) -> None:
    """Write the module to ``target``. Raises `Misconfigured` without the compiler, or with its words if it fails."""
    if importlib.util.find_spec("ziglang") is None:
        raise Misconfigured("Building the module needs a compiler: pip install 'weftline[wasm]'")
    if (version := importlib.metadata.version("ziglang")) != ZIGLANG:
        raise Misconfigured(f"Building the module needs ziglang {ZIGLANG}, {version} is installed.")
    with tempfile.TemporaryDirectory() as folder, as_file(files(__package__).joinpath("propagator.c")) as source:
        # Under one name in one folder: paths don't get into the module.
        (Path(folder) / "propagator.c").write_bytes(source.read_bytes())
        done = subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-o", "propagator.wasm", "propagator.c"],
            cwd=folder,
            env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": f"{folder}/cache", "ZIG_LOCAL_CACHE_DIR": f"{folder}/cache"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Misconfigured(f"The module doesn't compile: {done.stderr.strip()}")
        target.write_bytes((Path(folder) / "propagator.wasm").read_bytes())
