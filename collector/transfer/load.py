"""Documents of files → batches → the store: the last step of an import.

What the store has already is left out (`repeats`). A batch is inserted under a token made of its content, so an insert
that is tried again, here or by another process at the same moment, stores nothing twice either.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import xxhash
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weftline.collector.edge.otlp_requests import examine
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.ingest.halve import insert_halving
from weftline.collector.store.protocol import Signal, Writer
from weftline.collector.transfer.documents import Document
from weftline.collector.transfer.repeats import KnownRows, leave_out_logs, leave_out_spans

logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE: Final = 120.0
"""Seconds for which a store that is away is waited for."""

_OF: Final[dict[Signal, Any]] = {
    Signal.SPANS: (ExportTraceServiceRequest, leave_out_spans),
    Signal.LOGS: (ExportLogsServiceRequest, leave_out_logs),
}


@dataclass(slots=True)
class Counts:
    """Spans and log records of all files so far."""

    stored: int = 0
    known: int = 0
    """the store had them"""
    refused: int = 0
    """documents, requests and spans that can't be stored"""


@dataclass(slots=True)
class _Batch:
    messages: list[bytes] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    """of each message"""
    total: int = 0
    size: int = 0


class Loader:
    """One thread calls it. ``refuse(place, reason)`` is told of all that is not stored.

    ``tenant``: whose rows are made.
    """

    def __init__(
        self,
        writer: Writer,
        known: KnownRows,
        refuse: Callable[[str, str], None],
        *,
        tenant: str = "",
        batch_bytes: int = 30 * 1024 * 1024,
        batch_items: int = 50_000,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.counts = Counts()
        self._writer = writer
        self._known = known
        self._refuse = refuse
        self._tenant = tenant
        self._limits = (batch_bytes, batch_items)
        self._sleep = sleep
        self._batches = {signal: _Batch() for signal in _OF}

    def load(self, name: str, documents: Iterator[Document], skip: int) -> Iterator[int]:
        """Store what ``documents`` hold but for the first ``skip``; yields how many are stored for good, as they are.

        Raises `TryLater` when the store stays away.
        """
        count = 0
        while True:
            try:
                document = next(documents, None)
            except BadMessage as error:
                self._count_refused(name, str(error))
                break
            if document is None:
                break
            count += 1
            if count <= skip:
                continue
            self._add(f"{name}: {document.where}", document)
            if any(it.size >= self._limits[0] or it.total >= self._limits[1] for it in self._batches.values()):
                self._flush()
                yield count
        self._flush()
        yield count

    def _add(self, place: str, document: Document) -> None:
        try:
            requests = document.requests()
        except RecursionError:
            self._count_refused(place, "is nested too deeply")
            return
        except BadMessage as error:
            self._count_refused(place, str(error))
            return
        for signal, message in requests:
            try:
                examined = examine(signal, message)
            except BadMessage as error:
                self._count_refused(place, str(error))
                continue
            if examined.taken.rejected:
                self._count_refused(place, examined.taken.reason, examined.taken.rejected)
            if examined.items:
                batch = self._batches[signal]
                batch.messages.append(examined.message)
                batch.places.append(place)
                batch.items.append(examined.items)
                batch.total += examined.items
                batch.size += len(examined.message)

    def _flush(self) -> None:
        for signal, batch in self._batches.items():
            if batch.messages:
                self._store(signal, batch)
                self._batches[signal] = _Batch()

    def _store(self, signal: Signal, batch: _Batch) -> None:
        kind, leave_out = _OF[signal]
        requests = [kind.FromString(message) for message in batch.messages]
        left_out: Sequence[int] = self._patiently(lambda: leave_out(requests, self._known))
        # Not asked again when the insert has to be: what of it is stored then, its views may still lack.
        messages = [
            request.SerializeToString() if gone else message
            for message, request, gone in zip(batch.messages, requests, left_out, strict=True)
        ]
        new = [count - gone for count, gone in zip(batch.items, left_out, strict=True)]
        bad: Mapping[int, BadMessage] = {}
        if any(new):
            token = _token(signal, messages, self._tenant)
            bad = self._patiently(lambda: insert_halving(self._writer, signal, messages, token, self._tenant))
        for index, error in bad.items():
            self._count_refused(batch.places[index], str(error), new[index])
        self.counts.known += sum(left_out)
        self.counts.stored += sum(new) - sum(new[index] for index in bad)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        waited, seconds = 0.0, 0.5
        while True:
            try:
                return attempt()
            except TryLater as error:
                if waited >= PATIENCE:
                    raise
                logger.warning("The store does not take it now, will try again seconds=%.1f: %s", seconds, error)
            self._sleep(seconds)
            waited, seconds = waited + seconds, min(seconds * 2, 10.0)

    def _count_refused(self, place: str, reason: str, count: int = 1) -> None:
        self.counts.refused += count
        self._refuse(place, reason)


def _token(signal: Signal, messages: Sequence[bytes], tenant: str) -> str:
    it = xxhash.xxh3_128(f"{signal.value} {tenant}".rstrip().encode())
    for message in messages:
        it.update(len(message).to_bytes(8, "little"))
        it.update(message)
    return f"import-{it.hexdigest()}"
