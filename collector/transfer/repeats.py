"""Leaves out of OTLP requests what the store has already, so that importing twice doubles nothing.

A span is known by its ids, kind and service (Zipkin's shared spans have one id twice); a log line by its time, span,
service, severity and text; an access log by its time and what a proxy says of one request. Where a batch has a row
several times it is stored as often. Pure but for one question to the store a batch and kind of row.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import xxhash
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weftline.agent.semconv import ACCESS_LOG_TYPE

Key = tuple[Any, ...]
_LAST: Final = (1 << 63) - 1
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-")


class KnownRows(Protocol):
    """What the store has. Blocking; raises `TryLater`."""

    def rows(self, table: str, ids: set[bytes], since: int, until: int) -> Sequence[Key]:
        """Of ``table`` the rows of these transactions (16 bytes each) and times (ns, both within), in any order.

        Columns as in `store/read/known_<table>.sql`: ids as numbers, texts as bytes.
        """


def leave_out_spans(requests: Sequence[ExportTraceServiceRequest], known: KnownRows) -> list[int]:
    """Changes ``requests``; returns how many spans were left out of each."""
    ids: set[bytes] = set()
    times: set[int] = set()
    for request in requests:
        for _, spans in _span_lists(request):
            ids.update(span.trace_id for span in spans)
            times.update(span.start_time_unix_nano for span in spans)
    stored = _ask(known, "spans", ids, times)
    if not stored:
        return [0] * len(requests)
    left_out = []
    for request in requests:
        count = 0
        for service, spans in _span_lists(request):
            new = [
                it
                for it in spans
                if not _take(stored, (_number(it.trace_id, 16), _number(it.span_id, 8), _kind(it.kind), service))
            ]
            count += len(spans) - len(new)
            _replace(spans, new)
        left_out.append(count)
    return left_out


def leave_out_logs(requests: Sequence[ExportLogsServiceRequest], known: KnownRows) -> list[int]:
    """As `leave_out_spans`, of log lines and access logs."""
    ids: dict[str, set[bytes]] = {"logs": set(), "access_logs": set()}
    times: dict[str, set[int]] = {"logs": set(), "access_logs": set()}
    for request in requests:
        for _, records in _record_lists(request):
            for record in records:
                fields = _access_log(record)
                table = "logs" if fields is None else "access_logs"
                ids[table].update([_id16(record.trace_id)] if fields is None else _transactions(record, fields))
                times[table].add(_time(record))
    of_logs = _ask(known, "logs", ids["logs"], times["logs"])
    # A body that is no text was turned into one by the store: such a line is known by the rest of it.
    without_body = Counter(key[:-1] for key in of_logs.elements())
    of_access_logs = _ask(known, "access_logs", ids["access_logs"], times["access_logs"])
    if not of_logs and not of_access_logs:
        return [0] * len(requests)

    def is_known(record: Any, service: str) -> bool:
        fields = _access_log(record)
        if fields is not None:
            return _take(of_access_logs, _access_log_key(record, fields, service))
        key = _log_key(record, service.encode())
        if record.body.WhichOneof("value") in ("string_value", None):
            text = record.body.string_value.encode()
            return _take(of_logs, (*key, xxhash.xxh3_64_intdigest(text)))
        return _take(without_body, key)

    left_out = []
    for request in requests:
        count = 0
        for service, records in _record_lists(request):
            new = [record for record in records if not is_known(record, service)]
            count += len(records) - len(new)
            _replace(records, new)
        left_out.append(count)
    return left_out


def _ask(known: KnownRows, table: str, ids: set[bytes], times: set[int]) -> Counter[Key]:
    if not ids:
        return Counter()
    return Counter(known.rows(table, ids, min(times), min(max(times), _LAST)))


def _take(stored: Counter[Key], key: Key) -> bool:
    if stored[key] <= 0:
        return False
    stored[key] -= 1
    return True


def _replace(items: Any, new: list[Any]) -> None:
    if len(new) < len(items):
        kept = [type(it).FromString(it.SerializeToString()) for it in new]  # they die with their list
        del items[:]
        items.extend(kept)


def _span_lists(request: ExportTraceServiceRequest) -> Iterator[tuple[bytes, Any]]:
    for one in request.resource_spans:
        service = _text(one.resource.attributes, "service.name").encode()
        for scope in one.scope_spans:
            yield service, scope.spans


def _record_lists(request: ExportLogsServiceRequest) -> Iterator[tuple[str, Any]]:
    for one in request.resource_logs:
        service = _text(one.resource.attributes, "service.name")
        cluster = _text(one.resource.attributes, "cluster_name")
        for scope in one.scope_logs:
            yield f"{service}\0{cluster}", scope.log_records


def _text(attributes: Any, key: str) -> str:
    """The last one wins, as in the store's map."""
    return next((str(it.value.string_value) for it in reversed(attributes) if it.key == key), "")


def _kind(kind: int) -> int:
    return kind if 0 <= kind <= 5 else 0


def _time(record: Any) -> int:
    return min(int(record.time_unix_nano or record.observed_time_unix_nano), _LAST)


def _id16(it: bytes) -> bytes:
    return it if len(it) == 16 else bytes(16)


def _number(it: bytes, size: int) -> int:
    """As ClickHouse's reinterpretAsUInt… has it; an id of another length is none."""
    return int.from_bytes(it, "little") if len(it) == size else 0


def _log_key(record: Any, service: bytes) -> Key:
    severity = record.severity_number if 0 <= record.severity_number <= 24 else 0
    return (
        _number(record.trace_id, 16), _number(record.span_id, 8), _time(record), service.partition(b"\0")[0], severity,
        record.event_name.encode(),
    )  # fmt: skip


def _access_log(record: Any) -> dict[str, str] | None:
    """The fields of an access log; None of a log line. Envoy writes ``-`` for nothing."""
    if not any(it.key == ACCESS_LOG_TYPE for it in record.attributes):
        return None
    return {
        it.key: "" if it.value.string_value == "-" else it.value.string_value
        for it in record.attributes
        if it.value.WhichOneof("value") == "string_value"
    }


def _transactions(record: Any, fields: dict[str, str]) -> Iterator[bytes]:
    """The transaction IDs that `schema/*_access_logs_by_request_id.sql` may give to it."""
    yield _id16(record.trace_id)
    if re.fullmatch("[0-9a-f]{32}", id_ := fields.get("transaction_id", "")):
        yield bytes.fromhex(id_)
    if found := _TRACE.match(fields.get("upstream_traceparent", "")):
        yield bytes.fromhex(found[1])
    remote, local = fields.get("downstream_remote_address", ""), fields.get("downstream_local_address", "")
    by_address = f"{remote} {local} {_time(record) // 1_000_000}" if remote else ""
    own = fields.get("request_id") or fields.get("stream_id") or by_address
    if _UUID.fullmatch(own):
        yield bytes.fromhex((own[:14] + "0" + own[15:]).replace("-", ""))
    elif own:
        yield hashlib.md5(own.encode(), usedforsecurity=False).digest()


def _access_log_key(record: Any, fields: dict[str, str], names: str) -> Key:
    def text(key: str) -> bytes:
        return fields.get(key, "").encode()

    def number(key: str) -> int:
        return int(it) if (it := fields.get(key, "")).isascii() and it.isdecimal() else 0

    service, _, cluster = names.partition("\0")
    type_, code = fields.get(ACCESS_LOG_TYPE, ""), number("response_code")
    if type_ in ("NotSet", "") and not fields.get("protocol") and not code:
        type_ = "TcpConnectionEnd"  # as the store has it
    return (
        _number(record.span_id, 8), _time(record),
        (service or cluster).encode(), type_.encode(),
        text("request_id"), text("stream_id"), text("path"),
        number("duration_us") * 1000 if fields.get("duration_us") else number("duration_ms") * 10**6,
        code, text("upstream_host"), number("upstream_request_attempt_count"),
    )  # fmt: skip
