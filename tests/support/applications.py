"""Applications that others wrote, fetched from the package registry: their sources, and the libraries they need.

`sources/<name>.txt` pins one source distribution by version and sha256, `libraries/<name>.txt` what it imports beside
what is installed for development. Both are pip's own requirements files, and pip fetches them: once, into the cache
folder that the parts of the local stack are in too. Nothing of theirs is in this repository.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

FETCH_SECONDS = 240
PINS = Path(__file__).parents[1] / "e2e" / "applications"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weftline"


def source(name: str, folder: Path) -> Path:
    """A copy of a source distribution in `folder`, for tests to run in."""
    there = folder / name
    shutil.copytree(_cached(PINS / "sources" / f"{name}.txt", "source", _fetch_source), there)
    return there


def libraries(name: str) -> Path:
    """A folder for PYTHONPATH. It is shared: nothing may be written to it."""
    tag = f"libraries-{sys.implementation.cache_tag}"
    return _cached(PINS / "libraries" / f"{name}.txt", tag, _fetch_libraries)


def _cached(pins: Path, kind: str, fetch: Callable[[Path, Path], Path]) -> Path:
    """Named after what is in the pins' file, so that a change of them is fetched anew."""
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    there = CACHE / "applications" / f"{pins.stem}-{kind}-{digest}"
    if there.exists():
        return there
    there.parent.mkdir(parents=True, exist_ok=True)
    # In a folder of its own, renamed when complete: an interrupted download is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=there.parent, prefix="fetching-") as work:
        complete = fetch(pins, Path(work))
        try:
            complete.rename(there)
        except OSError:
            if not there.exists():  # else another process was faster, with the same files
                raise
    return there


def _fetch_source(pins: Path, work: Path) -> Path:
    _pip("download", "--no-binary", ":all:", "--require-hashes", "--requirement", str(pins), "--dest", str(work))
    [archive] = work.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(work / "unpacked", filter="data")
    [top] = (work / "unpacked").iterdir()
    return top


def _fetch_libraries(pins: Path, work: Path) -> Path:
    _pip("install", "--requirement", str(pins), "--target", str(work / "libraries"))
    return work / "libraries"


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", arguments[0], "--no-deps"]
    done = subprocess.run(
        [*command, *arguments[1:]], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
    )
    if done.returncode == 0:
        return
    said = f"pip can't fetch an application: {done.stderr.strip()[-2000:]}"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)
