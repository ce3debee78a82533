"""Rows as ClickHouse writes them for a look-up, a line of JSON each (`read/*_line.sql`), and what they are here.

Not as columns: the driver would make an object of every cell of every column, one after the other, in Python.
"""

import codecs
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanEvent, SpanLink, SpanRow

_NO_SPAN: Final = "0" * 16
_NO_TRACE: Final = "0" * 32
_SPELT_OUT: Final = "weftline.spelt_out"


def spans(lines: Sequence[bytes]) -> list[SpanRow]:
    """One of each line, in their order; likewise the others."""
    return [_span(*fields) for fields in _arrays(lines)]


def logs(lines: Sequence[bytes]) -> list[LogRow]:
    return [_log(*fields) for fields in _arrays(lines)]


def access_logs(lines: Sequence[bytes]) -> list[AccessLogRow]:
    return [_access_log(*fields) for fields in _arrays(lines)]


DECODE: Final[Mapping[str, Callable[[Sequence[bytes]], Sequence[Row]]]] = {
    "span": spans,
    "log": logs,
    "access_log": access_logs,
}
"""Kind of line → its rows."""


def _arrays(lines: Sequence[bytes]) -> list[list[Any]]:
    document = b"[" + b",".join(lines) + b"]"
    found: list[list[Any]]
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        # ClickHouse passes on what a sender wrote that is not UTF-8 as it is: spelt out, as `not_utf8` does it.
        found = json.loads(document.decode("utf-8", _SPELT_OUT))
    return found


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - it is registered for decoding alone
    # As "backslashreplace", inside of a string of JSON.
    return "".join(f"\\\\x{byte:02x}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_SPELT_OUT, _spell_out)


def _span(transaction_id: str, span_id: str, parent: str, *rest: Any) -> SpanRow:
    *plain, event_times, event_names, event_attributes, link_traces, link_spans, link_attributes, types = rest
    events = list(map(SpanEvent, event_times, event_names, event_attributes)) if event_times else []
    links = list(map(SpanLink, link_traces, link_spans, link_attributes)) if link_traces else []
    fields = [transaction_id, span_id, "" if parent == _NO_SPAN else parent, *plain, events, links, types]
    return SpanRow(*fields)


def _log(transaction_id: str, span_id: str, *rest: Any) -> LogRow:
    return LogRow(transaction_id, "" if span_id == _NO_SPAN else span_id, *rest)


def _access_log(transaction_id: str, trace_id: str, *rest: Any) -> AccessLogRow:
    ids = ["" if one == _NO_SPAN else one for one in rest[:3]]
    row = [transaction_id, "" if trace_id == _NO_TRACE else trace_id, *ids, *rest[3:]]
    row[_RECORD_ID] = str(row[_RECORD_ID])
    return AccessLogRow(*row)


_RECORD_ID: Final = list(AccessLogRow.__dataclass_fields__).index("record_id")
