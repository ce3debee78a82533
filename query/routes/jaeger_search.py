"""What Jaeger's search parameters ask for, as our conditions: one span that satisfies everything. Pure.

Jaeger's memory store is the reference for what matches (attributes by their text, wherever a span has them). Where
proxies' records and log lines are shown as spans (`timeline/as_spans`), one of those may satisfy it all, too.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from weftline.collector.store.conditions import AnyOf, Attribute, Column, HasRow, Operator, RowKind, Test, Within
from weftline.collector.store.searcher import Searcher, Window
from weftline.query.search import Question, find_page
from weftline.query.settings import QuerySettings
from weftline.query.timeline.outcome import ERROR_SEVERITY

EARLIER: Final = 3_600_000_000_000
"""A trace whose matching span began in time may itself have begun so much earlier, in ns."""
LATEST: Final = 2**63 - 1
RECORD_COLUMNS: Final = {
    "response_flags": Column("flags", many=True),
    "response_code_details": Column("details"),
    "upstream_cluster": Column("cluster"),
    "upstream_host": Column("upstream"),
    "route_name": Column("route"),
    "node_id": Column("node"),
    "protocol": Column("protocol"),
    "rpc.grpc.status_code": Column("grpc_status"),
}
"""Tags of a span that was made of a proxy's record (`timeline/as_spans`) which are no attributes of the record."""


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Times in ns since the epoch, both within; durations in ns, 0 where none is asked for."""

    start: int
    end: int
    service: str = ""
    operation: str = ""
    min_duration: int = 0
    max_duration: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    limit: int = 100

    def question(self, *, proxies: bool = False) -> Question:
        """The traces that have such a span; with ``proxies`` those with such a proxy's record or log line, too."""
        tests = [
            Test(Column("time_ns"), Operator.GREATER_OR_EQUAL, self.start),
            Test(Column("time_ns"), Operator.LESS_OR_EQUAL, self.end),
        ]
        tests += self._service()
        if self.operation:
            tests.append(Test(Column("name"), Operator.EQUAL, self.operation))
        tests += self._durations()
        tests += [_attribute(key, value) for key, value in self.attributes.items()]
        begin = min(max(0, self.start - EARLIER), LATEST)
        window = Window(begin, min(max(self.end, begin), LATEST))
        has_span = HasRow(RowKind.SPAN, tuple(tests))
        if not proxies:
            return Question(has_span, window)
        others = [one for one in (self._record(), self._line()) if one]
        return Question(AnyOf((has_span, *others)), window)

    def _record(self) -> HasRow | None:
        """A proxy's record that satisfies everything; None where only a span can."""
        tests = self._service()
        if self.operation:
            method, space, path = self.operation.partition(" ")
            if not space:
                return None
            # Spans made of records are named without the query string.
            pattern = rf"^{re.escape(path)}(\?|$)"
            tests += [Test(Column("method"), Operator.EQUAL, method), Test(Column("path"), Operator.MATCHES, pattern)]
        tests += self._durations()
        for key, value in self.attributes.items():
            if key == "span.kind":
                if value.lower() != "server":
                    return None
            elif key in ("scope.name", "scope.version"):
                return None
            elif test := _special(key, value):
                tests.append(test)
            elif column := RECORD_COLUMNS.get(key):
                wanted = value.split(",") if column.many else [value]
                tests += [Test(column, Operator.EQUAL, one) for one in wanted]
            else:
                tests.append(_own_attribute(key, value))
        return HasRow(RowKind.ACCESS_LOG, tuple(tests))

    def _line(self) -> HasRow | None:
        if self.operation or self.min_duration or self.max_duration:
            return None
        tests = self._service()
        for key, value in self.attributes.items():
            if key == "error" and value == "true":
                tests.append(Test(Column("level"), Operator.GREATER_OR_EQUAL, ERROR_SEVERITY))
            elif _special(key, value):
                return None
            else:
                tests.append(_own_attribute(key, value))
        return HasRow(RowKind.LOG, tuple(tests))

    def _service(self) -> list[Test]:
        return [Test(Column("service"), Operator.EQUAL, self.service)] if self.service else []

    def _durations(self) -> list[Test]:
        tests = []
        if self.min_duration:
            tests.append(Test(Column("duration"), Operator.GREATER_OR_EQUAL, max(0, self.min_duration)))
        if self.max_duration:
            tests.append(Test(Column("duration"), Operator.LESS_OR_EQUAL, max(0, self.max_duration)))
        return tests


def _own_attribute(key: str, value: str) -> Test:
    if key.startswith("resource."):
        return Test(Attribute(key.removeprefix("resource."), Within.RESOURCE), Operator.EQUAL, value)
    return Test(Attribute(key), Operator.EQUAL, value)


def _attribute(key: str, value: str) -> Test:
    if test := _special(key, value):
        return test
    if key.startswith("resource."):
        return Test(Attribute(key.removeprefix("resource."), Within.RESOURCE), Operator.EQUAL, value)
    return Test(Attribute(key, Within.SPAN), Operator.EQUAL, value)


def _special(key: str, value: str) -> Test | None:
    """The keys that are no attributes; `error` with anything but true and false matches nothing."""
    column, wanted, negated = key, value, False
    match key:
        case "error":
            column, wanted, negated = "status", "error" if value in ("true", "false") else "", value == "false"
        case "span.status":
            column, wanted = "status", {"OK": "ok", "ERROR": "error"}.get(value.upper(), "unset")
        case "span.kind":
            column, wanted = "kind", value.lower()
        case "scope.name":
            column = "scope"
        case "scope.version":
            column = "scope_version"
        case _:
            return None
    return Test(Column(column), Operator.EQUAL, wanted, negated)


def find_traces(
    searcher: Searcher, query: TraceQuery, settings: QuerySettings, monotonic: Callable[[], float]
) -> Sequence[str]:
    """Ids of the newest traces that match, as far as `search_seconds` suffice: Jaeger's clients wait ten and can't go
    on from a place. Raises `AskOtherwise` and `TryLater`."""
    question = query.question(proxies=settings.jaeger_proxy_spans)
    seconds = settings.search_seconds
    found = find_page(searcher, question, None, limit=query.limit, seconds=seconds, monotonic=monotonic)
    # Conditions on records and lines have no time: what was over before the search's time begins is left out here.
    return [hit.transaction_id for hit in found.hits if hit.start + hit.duration >= query.start]
