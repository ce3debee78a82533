"""`python -m bench agent-versions`: the plugins' tests against the oldest versions that their ranges claim. No figures.

Each version goes into a folder of the cache that stands before the installed one on the path, with whatever of its
dependencies has to be of its time. Libraries whose tests need what only newer versions have are not listed: what is
claimed of those was not tried. Takes minutes, needs the package registry, and so is no part of `make test`.
"""

import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weftline"

OLDEST = {
    "flask": ("flask==2.2.0", "werkzeug==2.2.0"),
    "django": ("django==3.2",),
    "redis": ("redis==4.2.0",),
    "loguru": ("loguru==0.6.0",),
}
"""`tests/agent/plugins/test_<name>.py`, and what it is run against."""


def main() -> None:
    """Run them all; fails with those that failed."""
    failed = [name for name, versions in OLDEST.items() if not passes(name, versions)]
    if failed:
        sys.exit(f"Failed against the oldest version claimed: {', '.join(failed)}.")


def passes(name: str, versions: tuple[str, ...]) -> bool:
    """Whether a plugin's tests pass against these versions; pytest prints what it has to say."""
    folder = overlay(versions)
    print(f"{name}: {', '.join(versions)}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", f"tests/agent/plugins/test_{name}.py"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(folder)}, check=False)
    return done.returncode == 0


def overlay(versions: tuple[str, ...]) -> Path:
    """The folder with these versions, fetched once."""
    there = CACHE / "versions" / f"{'-'.join(versions)}-{sys.implementation.cache_tag}"
    if not (there / "complete").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(there), *versions]
        subprocess.run(command, check=True)
        (there / "complete").touch()
    return there
