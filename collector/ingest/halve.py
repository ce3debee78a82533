"""A bad message never stops the line: a batch that fails is halved until the bad one is alone."""

import logging
import time
from collections.abc import Mapping, Sequence

from weftline.collector.errors import BadMessage
from weftline.collector.metrics import INSERT_SECONDS
from weftline.collector.store.protocol import Signal, Writer

logger = logging.getLogger(__name__)


def insert_halving(
    writer: Writer, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = ""
) -> Mapping[int, BadMessage]:
    """Store all that can be stored; returns why the others can't, by index.

    Doing the same again stores nothing twice: the parts' tokens follow from ``token`` and their bounds alone.
    Raises `TryLater` when the store is away: call again with the same arguments.
    """
    started = time.monotonic()
    try:
        return _insert(writer, signal, messages, token, tenant)
    finally:
        INSERT_SECONDS.labels(signal.value).observe(time.monotonic() - started)


def _insert(
    writer: Writer, signal: Signal, messages: Sequence[bytes], token: str, tenant: str
) -> dict[int, BadMessage]:
    bad: dict[int, BadMessage] = {}
    parts = [(0, len(messages))]
    while parts:
        first, end = parts.pop()
        part = token if (first, end) == (0, len(messages)) else f"{token}/{first}-{end - 1}"
        try:
            writer.insert(signal, messages[first:end], part, tenant)
        except BadMessage as error:
            if end - first == 1:
                bad[first] = error
            else:
                logger.info("Looking for a bad message token=%s messages=%d: %s", part, end - first, error)
                middle = (first + end) // 2
                parts += [(middle, end), (first, middle)]
    return bad
