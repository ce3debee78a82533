"""One line of an Envoy's access log file → the log record that Envoy's OpenTelemetry logger would have sent. Pure.

Three formats: JSON with the names of `weftline.agent.semconv.ACCESS_LOG_FIELDS`, Istio's default JSON, and the default
text of Istio and of Envoy. Reads what a file tail finds, and what log shippers put on a Kafka topic (`shipped.py`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from weftline.agent import semconv
from weftline.collector.errors import BadMessage

RESOURCE_FIELDS = frozenset(
    {"service.name", semconv.PROXY_ROLE, "node_name", "cluster_name", "zone_name", "log_name"}
)  # fmt: skip
"""Names of a line that say who wrote it; in OTLP they are resource attributes."""

_OTHER_NAMES = {
    "duration": "duration_ms",  # Istio's and Envoy's default formats: milliseconds
    "x_request_id": "request_id",
    "x_transaction_id": "transaction_id",
    "traceparent": "upstream_traceparent",
}
_TEXT = re.compile(
    r'\[(?P<start_time>\S+)\] "(?P<method>\S+) (?P<path>.*?) (?P<protocol>\S+)" (?P<response_code>\d+) '
    r"(?P<response_flags>\S+) "
    r"(?:(?P<response_code_details>\S+) (?P<connection_termination_details>\S+) "
    r'"(?P<upstream_transport_failure_reason>.*?)" )?'
    r"(?P<bytes_received>\d+) (?P<bytes_sent>\d+) (?P<duration>\d+|-) (?P<upstream_service_time>\S+) "
    r'"(?P<x_forwarded_for>[^"]*)" "(?P<user_agent>.*)" "(?P<request_id>[^"]*)" '
    r'"(?P<authority>[^"]*)" "(?P<upstream_host>[^"]*)"'
    r"(?: (?P<upstream_cluster>\S+) (?P<upstream_local_address>\S+) (?P<downstream_local_address>\S+) "
    r"(?P<downstream_remote_address>\S+) (?P<requested_server_name>\S+) (?P<route_name>\S+))?\s*"
)


@dataclass(frozen=True, slots=True)
class Record:
    """``time`` in ns; ids as bytes, b"" where there is none; ``fields`` and ``resource`` as OTLP attributes."""

    time: int
    trace_id: bytes
    span_id: bytes
    fields: Mapping[str, str]
    resource: Mapping[str, str]


def parse(line: str) -> Record:
    """Raises `BadMessage`, whose text says what is wrong with the line."""
    text = line.strip()
    if text.startswith("{"):
        try:
            values = json.loads(text)
        except ValueError as error:
            raise BadMessage(f"It begins like JSON and isn't: {error}.") from None
        return record(values)
    match = _TEXT.fullmatch(text)
    if match is None:
        raise BadMessage("It is neither JSON nor the default text format of Istio or Envoy.")
    return record(match.groupdict())


def record(values: Mapping[str, Any]) -> Record:
    """The record of a line whose fields are known by name. Raises `BadMessage`."""
    texts = {_OTHER_NAMES.get(name, name): _text(value) for name, value in values.items() if value is not None}
    started = texts.pop("start_time", "")
    if not started:
        raise BadMessage("It has no start_time: no access log.")
    if not texts.keys() & {"response_code", "response_flags", semconv.ACCESS_LOG_TYPE}:
        raise BadMessage("It has neither response_code nor response_flags nor access_log_type: no access log.")
    if texts.get(semconv.ACCESS_LOG_TYPE, "-") == "-":
        texts[semconv.ACCESS_LOG_TYPE] = _log_type(texts)
    return Record(
        _nanoseconds(started),
        _id(texts.pop("trace_id", ""), 16),
        _id(texts.pop("span_id", ""), 8),
        {name: text for name, text in texts.items() if name not in RESOURCE_FIELDS},
        {name: text for name, text in texts.items() if name in RESOURCE_FIELDS and text not in ("", "-")},
    )


def _log_type(texts: Mapping[str, str]) -> str:
    """Default formats don't say it and write at the end only; a TCP connection has neither protocol nor status."""
    http = texts.get("protocol", "-") != "-" or texts.get("response_code", "0") != "0"
    return "DownstreamEnd" if http else "TcpConnectionEnd"


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    return json.dumps(value)


def _id(text: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return b""
    return value if len(value) == size else b""


def _nanoseconds(started: str) -> int:
    """``1795320524.461570`` or RFC 3339, UTC unless it says otherwise."""
    if match := re.fullmatch(r"(\d{9,10})(?:\.(\d{1,9}))?", started):
        return int(match[1]) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
    try:
        time = datetime.fromisoformat(started)
    except ValueError:
        raise BadMessage(f"start_time {started!r} is no time.") from None
    if time.tzinfo is None:
        raise BadMessage(f"start_time {started!r} has no time zone.")
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1_000
