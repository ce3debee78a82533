"""The loop of `weftline collect logs`: lines of access log files → OTLP, each handed over once its file has it.

The file is the buffer: while nobody takes lines they stay where they are, and reading goes on from there.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from weftline.collector.errors import BadMessage
from weftline.collector.lines.access_log import Record
from weftline.collector.lines.otlp import request
from weftline.collector.lines.shipped import unpack
from weftline.collector.metrics import ACCESS_LOGS
from weftline.collector.tail import positions
from weftline.collector.tail.follow import Follower, Line

logger = logging.getLogger(__name__)

PROTOCOL = "file"
POLL_SECONDS = 0.2
READ_BYTES = 4 << 20
SEND_RECORDS = 5_000
"""Of a request. There is one at a time, and without Kafka its answer waits for an insert: small ones would be slow."""

Send = Callable[[bytes, threading.Event], bool]
"""Hands over an OTLP request however long it takes; False when it was told to stop. Raises `BadMessage`."""


@dataclass(slots=True)
class Refused:
    """Lines that can't be stored, in a file of JSON lines: path, line number, reason and text."""

    path: Path
    _seen: set[str] = field(default_factory=set)

    def put(self, line: Line, reason: BadMessage) -> None:
        """Returns when it is in the file."""
        text = line.text.decode("utf-8", "backslashreplace")
        entry = {"path": line.path, "line": line.number, "reason": str(reason), "text": text}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        ACCESS_LOGS.labels(PROTOCOL, "refused", "unparsable").inc()
        if line.path not in self._seen:  # the file has the others
            self._seen.add(line.path)
            logger.warning(
                "Put a line aside that is no access log at=%s:%d refused=%s: %s",
                line.path, line.number, self.path, reason,
            )  # fmt: skip


def collect(
    follower: Follower,
    send: Send,
    refused: Refused,
    position_file: Path,
    stop: threading.Event,
    *,
    resource: Mapping[str, str],
    once: bool = False,
) -> None:
    """Runs until ``stop`` is set; ``once``: until all files are read to their ends.

    ``resource``: what lines don't say of who wrote them.
    """
    while not stop.is_set():
        lines = list(follower.read(READ_BYTES))
        for begin in range(0, len(lines), SEND_RECORDS):
            if not _hand_over(lines[begin : begin + SEND_RECORDS], send, refused, stop, resource):
                return  # they are read again
        if lines:
            positions.save(position_file, follower.positions())
        elif once:
            return
        else:
            stop.wait(POLL_SECONDS)


def _hand_over(
    lines: Iterable[Line], send: Send, refused: Refused, stop: threading.Event, resource: Mapping[str, str]
) -> bool:
    taken: list[tuple[Line, Record]] = []
    for line in lines:
        try:
            found = unpack(_whole(line).decode())
        except UnicodeDecodeError as error:
            refused.put(line, BadMessage(f"It is not UTF-8: {error}."))
        except BadMessage as error:
            refused.put(line, error)
        else:
            taken.append((line, replace(found, resource={**resource, **found.resource})))
    if not taken:
        return True
    try:
        if not send(request(record for _, record in taken), stop):
            return False
    except BadMessage as error:
        logger.error("The receiver refuses lines count=%d: %s", len(taken), error)  # noqa: TRY400
        for line, _ in taken:
            refused.put(line, error)
    else:
        ACCESS_LOGS.labels(PROTOCOL, "accepted", "").inc(len(taken))
    return True


def _whole(line: Line) -> bytes:
    if not line.whole:
        raise BadMessage(f"It is longer than {len(line.text)} bytes; the rest is left out.")
    return line.text
