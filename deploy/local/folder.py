"""A data folder that only one server may use at a time.

The lock is a flock on the folder's `lock` file. The server inherits the open file, so the folder stays taken until
both the supervisor and the server are gone, and is free at once when they are, however they died.
"""

import fcntl
import os
import time
from pathlib import Path

from weftline.collector.errors import Misconfigured

PATIENCE = 1.0
"""Seconds to wait for a lock: a server that was just killed holds it until the kernel has cleared it away."""


class FolderLock:
    """Held from `take` to `release`; ``fd`` is to be inherited by the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fd = -1

    def take(self, what: str) -> None:
        """Create the folder if need be and lock it; `Misconfigured` with the holder's pid if it is in use."""
        if self.fd >= 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + PATIENCE
        while not _locked(fd):
            if time.monotonic() > deadline:
                holder = os.read(fd, 20).decode().strip() or "unknown"
                os.close(fd)
                raise Misconfigured(
                    f"{what} can't use the data folder {self.folder}: it is in use by another process (pid {holder})."
                )
            time.sleep(0.05)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self.fd = fd

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
