"""Where reading stopped, per file, across restarts: a small JSON file that is replaced whole.

Saved after the lines before it were accepted. A crash in between sends them again; the store shows one
row a record.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from weftline.collector.errors import Misconfigured

HEAD_BYTES = 4096
"""A file is known by its beginning as well: inodes are used again, and a copy has another one."""


@dataclass(frozen=True, slots=True)
class Position:
    """``offset`` and ``line`` are those of the next line to read (bytes; counted from 1)."""

    path: str
    device: int
    inode: int
    offset: int
    line: int
    head: str
    """SHA-256 of the first ``head_bytes`` bytes"""
    head_bytes: int


def load(path: Path) -> list[Position]:
    """Raises `Misconfigured` when the file is there and isn't ours: beginning anew would send everything again."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    try:
        return [Position(**entry) for entry in json.loads(text)["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Misconfigured(f"{path} is no position file ({error!r}). Remove it to begin anew.") from None


def save(path: Path, positions: Iterable[Position]) -> None:
    """Replaces the file in one step; after a power cut there is the old one or the new one."""
    waiting = path.with_name(path.name + ".new")
    with waiting.open("w", encoding="utf-8") as file:
        json.dump({"files": [asdict(position) for position in positions]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(path)
