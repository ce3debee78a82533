"""The interpreters the engine is proven on, as far as they are installed: this one, and one of each other version found
on the path or under pyenv. None of them needs anything installed: the engine uses the standard library only, and tests
run with what is pure Python of this environment."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PROVEN: Final = ("3.11", "3.12", "3.13")
HERE: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_TREE: Final = ROOT / "build" / "tree"


@functools.cache
def found() -> dict[str, str]:
    """By version, this interpreter first."""
    others = {version: next(_candidates(version), None) for version in PROVEN if version != HERE}
    return {HERE: sys.executable, **{version: python for version, python in others.items() if python is not None}}


def _candidates(version: str) -> Iterator[str]:
    """Programs that are a Python of this version; pyenv has shims also for versions that it won't run."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    there = [str(path) for path in sorted(pyenv.glob(f"{version}*/bin/python{version}"), reverse=True)]
    for python in filter(None, (shutil.which(f"python{version}"), *there)):
        command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.stdout.strip() == version:
            yield python


def run_engines_tests(python: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Runs `tests/agent/weave` on an interpreter: transparency, the crashing case, leaks, and all of it besides."""
    empty = _TREE / "pytest.ini"  # this project's options name plugins, of which the interpreter has none
    _TREE.mkdir(parents=True, exist_ok=True)
    empty.touch()
    command = [
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", str(empty),
        "--rootdir", str(ROOT), "--confcutdir", str(ROOT / "tests" / "agent"), "tests/agent/weave",
        "--ignore=tests/agent/weave/test_interpreters.py", "--ignore=tests/agent/weave/test_suites.py", *options,
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, env=environ(), capture_output=True, text=True, check=False, timeout=1200)


def environ() -> dict[str, str]:
    """What lets any of them import `weftline.agent`, `bench` and `support`, and pytest."""
    package = _TREE / "weftline"
    package.mkdir(parents=True, exist_ok=True)
    link = package / "agent"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "agent")
    import pytest

    installed = Path(pytest.__file__).parents[1]
    path = (_TREE, ROOT, ROOT / "tests", installed)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
