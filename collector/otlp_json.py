"""OTLP in JSON → OTLP in protobuf, where it comes in: edge and ingest. Everything behind them is protobuf. Pure.

OpenTelemetry protocol 1.x, "JSON Protobuf Encoding": protobuf's own JSON mapping (camelCase, 64-bit numbers as text,
unknown fields ignored, bytes in base64), except that ids are hexadecimal. Some 120 µs a span: it is for browsers and
shells; a sender of much should use protobuf.
"""

import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from weftline.collector.errors import BadMessage

_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
# Where ids are: the lists that lead to spans and log records, and a span's links.
_LISTS = (
    ("resourceSpans", "resource_spans"),
    ("scopeSpans", "scope_spans"),
    ("spans",),
    ("links",),
    ("resourceLogs", "resource_logs"),
    ("scopeLogs", "scope_logs"),
    ("logRecords", "log_records"),
)
_LEVEL_NAMES = frozenset(name for names in _LISTS for name in names)


def to_protobuf(request: type[Message], body: bytes) -> bytes:
    """The bytes of an Export…ServiceRequest; raises `BadMessage` that says where in the document it went wrong."""
    try:
        document = json.loads(body)
    except RecursionError:
        raise BadMessage("The body is nested too deeply.") from None
    except ValueError as error:
        raise BadMessage(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise BadMessage("The body is not a JSON object.")
    return from_document(request, document)


def from_document(request: type[Message], document: dict[str, Any]) -> bytes:
    """As `to_protobuf`, of what is read already; ``document`` is used up."""
    for holder, name, path in _ids(document, request.DESCRIPTOR.name):
        holder[name] = _base64(holder[name], f"{path}.{name}")
    try:
        message = json_format.ParseDict(document, request(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise BadMessage(_where(str(error))) from None
    except RecursionError:
        raise BadMessage("The body is nested too deeply.") from None
    return message.SerializeToString()


def _ids(it: dict[str, Any], path: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Every id of the document: the object that has it, its name there, the object's path."""
    for name in _IDS:
        if isinstance(it.get(name), str):
            yield it, name, path
    for name in _LEVEL_NAMES & it.keys():
        if isinstance(it[name], list):
            for index, item in enumerate(it[name]):
                if isinstance(item, dict):
                    yield from _ids(item, f"{path}.{name}[{index}]")


def _base64(text: str, path: str) -> str:
    try:
        return binascii.b2a_base64(binascii.unhexlify(text), newline=False).decode()
    except ValueError:
        raise BadMessage(f"{path}: {text[:64]!r} is not hexadecimal.") from None


def _where(text: str) -> str:
    """json_format's chain of "Failed to parse x field: " as one path and one reason."""
    fields = re.findall(r"Failed to parse (\w+) field: ", text)
    reason = re.sub(r"Failed to parse \w+ field: ", "", text).strip().rstrip(".")
    reason, _, exact = reason.partition(" at ")
    return f"{exact.strip(chr(34)) or '.'.join(fields) or 'The body'}: {reason.rstrip('. ')}."
