"""Senders that are not ours, from their registries: jars from Maven Central, packages from npm; fetched once into a cache.

What can't be had skips the test with one sentence; in CI (environment variable CI) it fails.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from weftline.deploy.local.cache import cache_folder
from weftline.deploy.local.jars import one_maven

SENDERS = Path(__file__).parent / "senders"


def maven_jar(group: str, artifact: str, version: str) -> Path:
    """The jar itself, without its dependencies; skips where there is no Java."""
    need("java", "mvn")
    with one_maven(cache_folder()):
        return fetched(
            f"{artifact}-{version}",
            lambda folder: [
                "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                f"-Dartifact={group}:{artifact}:{version}", f"-DoutputDirectory={folder}",
            ],
        ) / f"{artifact}-{version}.jar"  # fmt: skip


def node_sender(name: str) -> Path:
    """A program of `senders/`, beside the packages of `senders/package.json`; skips where there is no Node."""
    need("node", "npm")
    sources = sorted(path for path in SENDERS.iterdir() if path.suffix in (".json", ".mjs", ".cjs"))
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]

    def install(folder: Path) -> list[str]:
        for path in sources:
            shutil.copy(path, folder)
        return ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]

    return fetched(f"senders-{version}", install) / name


def fetched(name: str, command, seconds: float = 280) -> Path:
    """A folder of this name in the cache; where there is none ``command(folder)`` says what fills it."""
    cache = cache_folder()
    folder = cache / name
    if folder.exists():
        return folder
    # In a folder of its own, renamed when complete: an interrupted download is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as work:
        part = Path(work) / "whole"
        part.mkdir()
        done = subprocess.run(
            command(part), cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=seconds, check=False,
        )  # fmt: skip
        if done.returncode:
            missing(f"{name} can't be fetched: {done.stdout[-1000:]}")
        try:
            part.rename(folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                raise
    return folder


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            missing(f"There is no `{program}` on the PATH.")


def missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
