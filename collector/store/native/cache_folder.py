"""Where compiled code is kept between starts: a folder of the user's, for exactly these sources.

Compiled code is executed as it is found, so the folder is never one that others can write to, as `/tmp` is.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def sources_hash() -> str:
    """Of all that is compiled, and of when it was written.

    Numba looks whether a function's file is the same, and younger or older, but not at the files of what it calls.
    """
    content = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        text = path.read_bytes()
        if b"@machine_code" in text or b"@intrinsic" in text:
            content.update(text + str(path.stat().st_mtime_ns).encode())
    return content.hexdigest()[:16]


def choose(environ: Mapping[str, str]) -> Path:
    """In NUMBA_CACHE_DIR, else in the user's cache.

    Numba wants to write where it reads. Where it can't (a read-only home, a folder that came with an image) it gets a
    folder that goes when the process ends, with what there is. Raises OSError if there is no room for that either.
    """
    name = f"weftline-native-{sources_hash()}"
    try:
        place = environ.get("NUMBA_CACHE_DIR") or environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folder = Path(place) / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return _temporary() / name
    if not _trusted(folder):
        return _temporary() / name
    if os.access(folder, os.W_OK | os.X_OK):
        return folder
    copy = Path(shutil.copytree(folder, _temporary() / name, copy_function=shutil.copyfile))
    for it in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        it.chmod(0o700)  # copytree keeps that they are read-only
    return copy


def _trusted(folder: Path) -> bool:
    """Whether only root and this user can have put something there."""
    it = folder.stat()
    return it.st_uid in {0, os.getuid()} and not it.st_mode & 0o022


def _temporary() -> Path:
    folder = tempfile.mkdtemp(prefix="weftline-native-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
