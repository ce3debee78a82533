"""What Jaeger's APIs call a trace: the spans of a transaction, with what only proxies and log lines know, if wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weftline.collector.store.protocol import Reader, SpanOutline, SpanRow
from weftline.query.settings import QuerySettings
from weftline.query.timeline.as_spans import as_spans


@dataclass(frozen=True, slots=True)
class Trace:
    """Its spans by time, at least one; ``truncated``: there are more than the service answers with."""

    spans: Sequence[SpanRow]
    truncated: bool


class Traces:
    """Reads traces by id. Calls block, are safe from several threads, and raise `TryLater`."""

    def __init__(self, reader: Reader, settings: QuerySettings) -> None:
        self._reader = reader
        self._most = settings.max_rows
        self._proxies = settings.jaeger_proxy_spans

    def get(self, ids: Sequence[str]) -> Mapping[str, Trace]:
        """Those of ``ids`` that are there, in their order."""
        if not self._proxies:
            return self._recorded(ids)
        found = {}
        for one in ids:
            if rows := self._reader.transaction(one, self._most + 1):
                found[one] = Trace(as_spans(one, rows[: self._most]), len(rows) > self._most)
        return found

    def found(self, ids: Sequence[str]) -> Mapping[str, Trace]:
        """As `get`, for what a search found: only where no span was recorded are all rows looked at.

        All spans come with one query, a whole transaction takes several; Jaeger's UI waits ten seconds for a list.
        """
        recorded = self._recorded(ids)
        others = self.get([one for one in ids if one not in recorded])
        return {one: trace for one in ids if (trace := recorded.get(one) or others.get(one))}

    def _recorded(self, ids: Sequence[str]) -> Mapping[str, Trace]:
        spans = self._reader.spans(ids, self._most + 1)
        return {one: Trace(spans[one][: self._most], len(spans[one]) > self._most) for one in ids if one in spans}

    def outlines(self, ids: Sequence[str]) -> Mapping[str, Sequence[SpanOutline]]:
        """As `found`, as far as a list of traces needs it."""
        recorded = self._reader.span_outlines(ids, self._most)
        if not self._proxies:
            return recorded
        others = self.get([one for one in ids if one not in recorded])
        return {**recorded, **{one: [_outline(span) for span in trace.spans] for one, trace in others.items()}}


def _outline(row: SpanRow) -> SpanOutline:
    error = row.status == "error"
    return SpanOutline(
        row.transaction_id, row.span_id, row.parent_span_id, row.time, row.duration, row.service, row.name, error
    )
