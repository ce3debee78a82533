"""The fields of the search language: one table, which also is its documentation.

A field is a column of the views `schema/*_searchable_*.sql`, of one kind of row or of several; adding one touches a
view and this table. Every name that is none of these is an attribute, if it has a dot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from weftline.collector.store.conditions import Column, RowKind

SPAN, ACCESS_LOG, LOG = RowKind.SPAN, RowKind.ACCESS_LOG, RowKind.LOG


class Type(StrEnum):
    """What a field's values are, and so which operators make sense."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    """``500ms``, ``1.5s``, ``2m``; stored in nanoseconds"""
    LEVEL = "level"
    """trace, debug, info, warn, error, fatal, or OpenTelemetry's severity number"""
    TIME = "time"
    """when the transaction began: ``15m`` (ago), ``2026-11-22T14:05``, or Unix seconds"""
    NAME = "name"
    """a transaction ID or alias, whole"""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    says: str
    rows: Mapping[RowKind, Column] = field(default_factory=dict)
    """Where it is a column of rows; empty for what is of the transaction as a whole."""
    whole: Column | None = None
    """The column of `searchable_transactions`."""
    values: tuple[str, ...] = ()
    """All there are, where they can be counted."""


def _on(*kinds: RowKind, column: str, many: bool = False) -> Mapping[RowKind, Column]:
    return MappingProxyType(dict.fromkeys(kinds, Column(column, many)))


_ALL: Final = (
    Field("service", Type.TEXT, "service.name of whoever sent the row", _on(SPAN, ACCESS_LOG, LOG, column="service")),
    Field("status", Type.TEXT, "of a span; an access log is an error from 500 on and without a response",
          _on(SPAN, ACCESS_LOG, column="status"), values=("unset", "ok", "error")),
    Field("duration", Type.DURATION, "of one span or one proxied request", _on(SPAN, ACCESS_LOG, column="duration")),
    Field("name", Type.TEXT, "of a span", _on(SPAN, column="name")),
    Field("kind", Type.TEXT, "of a span", _on(SPAN, column="kind"),
          values=("internal", "server", "client", "producer", "consumer", "unspecified")),
    Field("status_message", Type.TEXT, "of a span", _on(SPAN, column="status_message")),
    Field("event", Type.TEXT, "name of one of a span's events", _on(SPAN, column="event", many=True)),
    Field("scope", Type.TEXT, "instrumentation scope of a span, logger of a log line", _on(SPAN, LOG, column="scope")),
    Field("log", Type.TEXT, "text of a log line", _on(LOG, column="log")),
    Field("level", Type.LEVEL, "severity of a log line", _on(LOG, column="level")),
    Field("flags", Type.TEXT, "one of an access log's response flags: UO, UF, NR …",
          _on(ACCESS_LOG, column="flags", many=True)),
    Field("code", Type.NUMBER, "response code of an access log; 0 where the client left first",
          _on(ACCESS_LOG, column="code")),
    Field("details", Type.TEXT, "response code details of an access log", _on(ACCESS_LOG, column="details")),
    Field("method", Type.TEXT, "of a proxied request", _on(ACCESS_LOG, column="method")),
    Field("path", Type.TEXT, "of a proxied request, with its query", _on(ACCESS_LOG, column="path")),
    Field("authority", Type.TEXT, "of a proxied request: its host", _on(ACCESS_LOG, column="authority")),
    Field("protocol", Type.TEXT, "of a proxied request", _on(ACCESS_LOG, column="protocol")),
    Field("cluster", Type.TEXT, "upstream cluster of a proxied request", _on(ACCESS_LOG, column="cluster")),
    Field("upstream", Type.TEXT, "upstream host of a proxied request", _on(ACCESS_LOG, column="upstream")),
    Field("attempts", Type.NUMBER, "upstream attempts of a proxied request", _on(ACCESS_LOG, column="attempts")),
    Field("route", Type.TEXT, "name of the route a proxy chose", _on(ACCESS_LOG, column="route")),
    Field("proxy", Type.TEXT, "role of the proxy", _on(ACCESS_LOG, column="proxy"),
          values=("edge", "gateway", "sidecar-inbound", "sidecar-outbound")),
    Field("node", Type.TEXT, "node id of the proxy", _on(ACCESS_LOG, column="node")),
    Field("grpc_status", Type.TEXT, "of a proxied gRPC request", _on(ACCESS_LOG, column="grpc_status")),
    Field("total", Type.DURATION, "from a transaction's first row to its last", whole=Column("total_duration")),
    Field("spans", Type.NUMBER, "how many the transaction has", whole=Column("spans")),
    Field("logs", Type.NUMBER, "how many log lines the transaction has", whole=Column("logs")),
    Field("access_logs", Type.NUMBER, "how many the transaction has", whole=Column("access_logs")),
    Field("errors", Type.NUMBER, "rows of the transaction that report a failure", whole=Column("errors")),
    Field("root", Type.TEXT, "what a transaction's first span or access log was", whole=Column("root")),
    Field("alias", Type.NAME, "an alias: an x-request-id, or what the application set"),
    Field("id", Type.NAME, "a transaction ID, or an alias"),
    Field("since", Type.TIME, "transactions that began then or later"),
    Field("until", Type.TIME, "transactions that began then or earlier"),
)  # fmt: skip

FIELDS: Final[Mapping[str, Field]] = MappingProxyType({one.name: one for one in _ALL})

TEXT: Final = Field("", Type.TEXT, "any text of a row", _on(SPAN, ACCESS_LOG, LOG, column="text"))
"""A word alone: in a log line, a span's name or message, a proxied request's path or failure."""

OPERATORS: Final[Mapping[Type, str]] = MappingProxyType({
    Type.TEXT: "= != ~ !~ :",
    Type.NUMBER: "= != < <= > >=",
    Type.DURATION: "= != < <= > >=",
    Type.LEVEL: "= < <= > >=",
    Type.TIME: "=",
    Type.NAME: "=",
})  # fmt: skip
ATTRIBUTE_OPERATORS: Final = "= != ~ !~ : < <= > >="
