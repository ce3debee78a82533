"""What a killed ClickHouse has written down and not done: the last block of a table's deduplication log.

A plain MergeTree writes a block into its log and then gives the part its name (`MergeTreeSink` of the version in
`clickhouse.py`). Killed between the two, some 50 µs, it takes the block for stored, and the insert that is repeated
loses it. So before a start the last line of every log is taken back whose part is not there. ReplicatedMergeTree needs
no such care: it has both in one transaction of Keeper's.
"""

import functools
import logging
import os
import re
from pathlib import Path

logger = logging.getLogger(__name__)

_ADD = re.compile(rb"1\t([^\t\n]+)\t[^\n]+\n")
_PART = re.compile(r"(?P<partition>.+?)_(?P<first>\d+)_(?P<last>\d+)_\d+(_\d+)?")


def take_back_lost_blocks(data: Path) -> int:
    """How many there were in ``data``, the data folder of a server that doesn't run."""
    count = 0
    for folder in data.glob("store/*/*/deduplication_logs"):
        logs = sorted(folder.glob("deduplication_log_*.txt"), key=lambda it: int(it.stem.rpartition("_")[2]))
        for log in reversed(logs):
            if lines := log.read_bytes().splitlines(keepends=True):
                if _lost(lines[-1], folder.parent):
                    os.truncate(log, log.stat().st_size - len(lines[-1]))
                    logger.warning("Took back a block that was never stored log=%s line=%r.", log, lines[-1])
                    count += 1
                break
    return count


def _lost(line: bytes, table: Path) -> bool:
    if not line.endswith(b"\n"):
        return True  # ClickHouse would not read a log that ends so
    entry = _ADD.fullmatch(line)
    part = _PART.fullmatch(entry[1].decode()) if entry else None
    if part is None:
        return False  # a part that was dropped, or what we don't know
    return not any(map(functools.partial(_covers, part), map(_PART.fullmatch, (it.name for it in table.iterdir()))))


def _covers(part: re.Match[str], other: re.Match[str] | None) -> bool:
    """Whether the other one, which may be what it was merged into, holds the part's block."""
    return (
        other is not None
        and other["partition"] == part["partition"]
        and int(other["first"]) <= int(part["first"]) <= int(other["last"])
    )
