"""Servers written in Java: their jars come from Maven Central by `mvn`, once, into a cache folder that all share."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file
from importlib.resources.abc import Traversable
from pathlib import Path

from weftline.collector.errors import Misconfigured

from .cache import cache_folder

MAVEN_SECONDS = 300


def fetch(name: str, version: str, pom: Traversable) -> Path:
    """The folder with the jars that ``pom`` names, fetched unless it is there. Raises `Misconfigured` without Java and,
    where there are no jars yet, without Maven or what it needs."""
    if shutil.which("java") is None:
        raise Misconfigured(f"{name} needs Java 17 or newer, and there is no `java` on the PATH.")
    cache = cache_folder()
    jars = cache / f"{name.lower()}-{version}"
    if jars.exists():
        return jars
    if shutil.which("mvn") is None:
        raise Misconfigured(f"{name}'s jars are fetched with Maven, and there is no `mvn` on the PATH.")
    # In a folder of its own, renamed when complete: an interrupted download is never taken for a whole one.
    with (
        one_maven(cache),
        tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as work,
        as_file(pom) as path,
    ):
        if jars.exists():
            return jars  # another process was faster, with the same jars
        command = ["mvn", "-q", "-B", "-f", str(path), "dependency:copy-dependencies", f"-DoutputDirectory={work}/jars"]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Misconfigured(f"Maven didn't fetch {name}'s jars within {MAVEN_SECONDS} s.") from None
        if done.returncode != 0:
            reason = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stderr.strip())
            raise Misconfigured(f"Maven could not fetch {name}'s jars: {reason}")
        Path(work, "jars").rename(jars)
    return jars


@contextmanager
def one_maven(cache: Path) -> Iterator[None]:
    """The block of one process at a time, of all that share ``cache``: Maven's own repository isn't made for two that
    fetch the same into it. The lock is on the folder itself, so nothing is left in it, and goes with its process."""
    folder = os.open(cache, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
