"""What Jaeger's search parameters ask for, as our conditions: one span that satisfies everything. Pure.

Jaeger's memory store is the reference for what matches (attributes by their text, wherever a span has them).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from weftline.collector.store.conditions import Attribute, Column, HasRow, Operator, RowKind, Test, Within
from weftline.collector.store.searcher import Searcher, Window
from weftline.query.search import Question, find_page

EARLIER: Final = 3_600_000_000_000
"""A trace whose matching span began in time may itself have begun so much earlier, in ns."""
LATEST: Final = 2**63 - 1


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

    def question(self) -> Question:
        """The traces that have such a span."""
        tests = [
            Test(Column("time_ns"), Operator.GREATER_OR_EQUAL, self.start),
            Test(Column("time_ns"), Operator.LESS_OR_EQUAL, self.end),
        ]
        if self.service:
            tests.append(Test(Column("service"), Operator.EQUAL, self.service))
        if self.operation:
            tests.append(Test(Column("name"), Operator.EQUAL, self.operation))
        if self.min_duration:
            tests.append(Test(Column("duration"), Operator.GREATER_OR_EQUAL, max(0, self.min_duration)))
        if self.max_duration:
            tests.append(Test(Column("duration"), Operator.LESS_OR_EQUAL, max(0, self.max_duration)))
        tests += [_attribute(key, value) for key, value in self.attributes.items()]
        begin = min(max(0, self.start - EARLIER), LATEST)
        return Question(HasRow(RowKind.SPAN, tuple(tests)), Window(begin, min(max(self.end, begin), LATEST)))


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


def find_traces(searcher: Searcher, query: TraceQuery, seconds: float, monotonic: Callable[[], float]) -> Sequence[str]:
    """Ids of the newest traces that match, as far as ``seconds`` suffice: Jaeger's clients wait ten and can't go on
    from a place. Raises `AskOtherwise` and `TryLater`."""
    found = find_page(searcher, query.question(), None, limit=query.limit, seconds=seconds, monotonic=monotonic)
    return [hit.transaction_id for hit in found.hits]
