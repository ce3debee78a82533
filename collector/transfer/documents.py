"""A file's bytes → its documents, each with its place → OTLP requests in protobuf. Formats are told by content.

OTLP in JSON (one request, or one a line) and protobuf (`otlp_bytes`), Jaeger's JSON, Zipkin's v2 JSON. Documents are
read one at a time: a file of many lines needs the memory of one, a file that is one JSON document the memory of it.
"""

import functools
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weftline.collector.edge import zipkin_http
from weftline.collector.errors import BadMessage
from weftline.collector.otlp_json import from_document
from weftline.collector.store.protocol import Signal
from weftline.collector.transfer import jaeger_json, otlp_bytes
from weftline.collector.transfer.input import READ_ERRORS, ZSTD_MAGIC, decompressed, unreadable

BOM: Final = b"\xef\xbb\xbf"
_REQUESTS: Final = (
    ("resourceSpans", "resource_spans", Signal.SPANS, ExportTraceServiceRequest),
    ("resourceLogs", "resource_logs", Signal.LOGS, ExportLogsServiceRequest),
)

Requests = Sequence[tuple[Signal, bytes]]


@dataclass(frozen=True, slots=True)
class Document:
    """``requests()`` are what it holds as OTLP requests; raises `BadMessage` with what is wrong with it."""

    where: str
    """``line 3`` or ``byte 4711`` of the decompressed file"""
    requests: Callable[[], Requests]


def documents(stream: io.BufferedReader, now: int) -> Iterator[Document]:
    """All of a file, in order. Raises `BadMessage` where it can't be read on; what came before it is good.

    ``now`` (ns) is when Zipkin spans without any time began.
    """
    try:
        head = stream.peek(64)[:64]
        if head.removeprefix(BOM).lstrip()[:1] in (b"{", b"["):
            yield from _json(stream, now)
        elif head:
            for at, body in otlp_bytes.requests(stream):
                yield Document(f"byte {at}", functools.partial(_of_frame, body, now))
    except READ_ERRORS as error:
        raise unreadable(error) from error


def _of_frame(body: bytes, now: int) -> Requests:
    """The Collector's file exporter puts JSON into frames too, and compresses each by itself."""
    if body.startswith(ZSTD_MAGIC):
        try:
            body = decompressed(io.BufferedReader(io.BytesIO(body)), ZSTD_MAGIC).read()
        except READ_ERRORS as error:
            raise unreadable(error) from error
    if body.startswith(b"{"):
        return _of_json(_parsed(body), now)
    signal = otlp_bytes.signal_of(body)
    return [(signal, body)] if signal else []


def _json(stream: io.BufferedReader, now: int) -> Iterator[Document]:
    first, number = b"", 0
    while not first.strip():
        first, number = stream.readline().removeprefix(BOM), number + 1
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        yield from _whole(first + stream.read(), number, now)
        return
    yield Document(f"line {number}", functools.partial(_of_line, first, now))
    for line in stream:
        number += 1
        if line.strip():
            yield Document(f"line {number}", functools.partial(_of_line, line, now))


def _whole(data: bytes, line: int, now: int) -> Iterator[Document]:
    """JSON over several lines: one document, or several one after the other."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadMessage(f"byte {error.start}: is no UTF-8") from None
    decoder, at, end = json.JSONDecoder(), 0, len(text)
    while at < end:
        if text[at].isspace():
            line += text[at] == "\n"
            at += 1
            continue
        try:
            it, after = decoder.raw_decode(text, at)
        except RecursionError:
            raise BadMessage(f"line {line}: is nested too deeply") from None
        except json.JSONDecodeError as error:
            place = line + text.count("\n", at, error.pos)
            raise BadMessage(f"line {place}, column {error.colno}: is not JSON: {error.msg}") from None
        yield Document(f"line {line}", functools.partial(_of_json, it, now))
        line += text.count("\n", at, after)
        at = after


def _of_line(line: bytes, now: int) -> Requests:
    return _of_json(_parsed(line), now)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except RecursionError:
        raise BadMessage("is nested too deeply") from None
    except UnicodeDecodeError:
        raise BadMessage("is no UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadMessage(f"is not JSON: {error.msg} at column {error.colno}") from None


def _of_json(it: Any, now: int) -> Requests:
    match it:
        case dict() if isinstance(it.get("data"), list):  # the envelope of Jaeger's API
            return [one for trace in it["data"] for one in _of_json(trace, now)]
        case dict() if jaeger_json.is_trace(it):
            return [(Signal.SPANS, jaeger_json.to_otlp(it))]
        case dict():
            return _of_otlp(it)
        case list() if all(isinstance(one, dict) and "traceId" in one and "id" in one for one in it):
            return [(Signal.SPANS, zipkin_http.from_spans(it, now))] if it else []
        case list() if all(isinstance(one, list | dict) for one in it):  # Zipkin's traces, or documents in a list
            return [found for one in it for found in _of_json(one, now)]
    raise BadMessage(f"is JSON, but neither OTLP nor Jaeger nor Zipkin: {str(it)[:60]!r}")


def _of_otlp(it: dict[str, Any]) -> Requests:
    found = [
        (signal, from_document(request, {name: it[key]}))
        for name, other, signal, request in _REQUESTS
        for key in (name, other)
        if key in it
    ]
    if not found and it:
        kept = "; metrics are not stored" if {"resourceMetrics", "resource_metrics"} & it.keys() else ""
        raise BadMessage(
            f"is JSON, but neither OTLP nor Jaeger nor Zipkin: its keys are {', '.join(sorted(it)[:6])}{kept}"
        )
    return found
