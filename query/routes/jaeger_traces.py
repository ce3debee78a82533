"""What Jaeger's APIs call a trace: the spans of a transaction, with what only proxies and log lines know, if wanted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from weftline.collector.store.protocol import Reader, SpanOutline, SpanRow
from weftline.query.routes.jaeger_adjust import adjust
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
        self._most_skew = round(settings.jaeger_max_clock_skew * 10**9)

    def get(self, ids: Sequence[str], *, raw: bool = False) -> Mapping[str, Trace]:
        """Those of ``ids`` that are there, in their order; ``raw`` leaves out Jaeger's adjusters."""
        if not self._proxies:
            return self._recorded(ids, raw=raw)
        found = {}
        for one in ids:
            if rows := self._reader.transaction(one, self._most + 1):
                found[one] = self._trace(as_spans(one, rows[: self._most]), len(rows) > self._most, raw=raw)
        return found

    def found(self, ids: Sequence[str], *, raw: bool = False) -> Mapping[str, Trace]:
        """As `get`, for what a search found: only where no span was recorded are other rows looked at.

        All spans come with one query, and all other rows with two: Jaeger's UI waits ten seconds for a list.
        """
        recorded = self._recorded(ids, raw=raw)
        others = self._made(ids, recorded, raw=raw)
        return {one: trace for one in ids if (trace := recorded.get(one) or others.get(one))}

    def _recorded(self, ids: Sequence[str], *, raw: bool) -> Mapping[str, Trace]:
        spans = self._reader.spans(ids, self._most + 1)
        return {
            one: self._trace(spans[one][: self._most], len(spans[one]) > self._most, raw=raw)
            for one in ids
            if one in spans
        }

    def _trace(self, spans: Sequence[SpanRow], truncated: bool, *, raw: bool) -> Trace:
        return Trace(spans if raw else adjust(spans, self._most_skew), truncated)

    def _made(self, ids: Sequence[str], recorded: Collection[str], *, raw: bool = False) -> Mapping[str, Trace]:
        """Those of ``ids`` without a recorded span, of their other rows; none where proxies' spans aren't wanted."""
        others = [one for one in ids if one not in recorded] if self._proxies else []
        rows = self._reader.records_of(others, self._most + 1)
        return {
            one: self._trace(as_spans(one, rows[one][: self._most]), len(rows[one]) > self._most, raw=raw)
            for one in others
            if one in rows
        }

    def outlines(self, ids: Sequence[str]) -> Mapping[str, Sequence[SpanOutline]]:
        """As `found`, as far as a list of traces needs it."""
        recorded = self._reader.span_outlines(ids, self._most)
        others = self._made(ids, recorded)
        return {**recorded, **{one: [_outline(span) for span in trace.spans] for one, trace in others.items()}}


def _outline(row: SpanRow) -> SpanOutline:
    error = row.status == "error"
    return SpanOutline(
        row.transaction_id, row.span_id, row.parent_span_id, row.time, row.duration, row.service, row.name, error
    )
