"""GET /api/v1/transactions/{id}/logs: every line that was written of one request, by time; as a page, or as it
arrives."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.routing import Match
from starlette.types import Scope

from weftline.collector.errors import AskOtherwise
from weftline.collector.store.line_filter import LineBounds, LineFilter, LineKind
from weftline.collector.store.protocol import AccessLogRow, Line, Lines, LogRow, Reader, SpanRow
from weftline.query import times
from weftline.query.routes.following import END, SSE, Followers, LastEventId
from weftline.query.routes.streams import MISSED, News, Poll
from weftline.query.routes.transactions import AnyId, found, unknown
from weftline.query.routes.views import NANO
from weftline.query.settings import QuerySettings
from weftline.query.timeline.lines import LEVELS, Place, in_order, kind_of_line, level, page, passes, said, severity
from weftline.query.timeline.outcome import is_error

LAST: Final = 2**63 - 1
"""ns: the last time that the store knows."""
LevelName = Literal["trace", "debug", "info", "warn", "error", "fatal"]


class LineView(BaseModel):
    """A line that an application logged, or a proxy's record of a request or of one attempt."""

    kind: LineKind
    time_unix_nano: Annotated[str, NANO] = Field(description="By the clock of who wrote it.")
    service: str
    proxy_role: str = Field(description="'' for an application.")
    level: str = Field(description="trace, debug, info, warn, error, fatal or ''; a proxy's record is info or error.")
    error: bool
    text: str = Field(description="The message; of a proxy's record its request and what came of it.")
    span_id: str
    transaction_id: str
    event_name: str
    scope_name: str
    response_code: int | None = Field(description="null for a log line.")
    response_flags: str
    attributes: Mapping[str, str]
    resource: Mapping[str, str]


class LinesView(BaseModel):
    """Lines by time."""

    transaction_id: str
    matched_alias: str | None
    lines: list[LineView]
    truncated: bool = Field(
        description="Not all lines were looked at for this page, as there are too many: `next` goes on behind those "
        "that were, and there may be lines that pass."
    )
    next: str | None = Field(description="`cursor` of the next page; null where there is nothing more.")


def router(
    reader: Reader, settings: QuerySettings, followers: Followers, clock: Callable[[], int] = time.time_ns
) -> APIRouter:
    """The route over ``reader``; ``clock`` in ns since the epoch."""
    routes = APIRouter(prefix="/api/v1", tags=["transactions"], route_class=_OfLines)

    @routes.get(
        "/transactions/{any_id:path}/logs",
        summary="Every line that was written of one request",
        response_model=LinesView,
        responses={
            200: {
                "content": SSE,
                "description": "With `follow`: an event `line` with a LineView each; `missed` where there are too many "
                f"to tell all; {END}",
            },
            400: {"description": "The id or a parameter can't be understood."},
            404: {"description": "Nothing is known under this id."},
        },
    )
    def logs(  # noqa: PLR0917 - the parameters of the route
        any_id: AnyId,
        least: Annotated[LevelName | None, Query(alias="level", description="This level and those above.")] = None,
        service: Annotated[list[str] | None, Query(description="One of these.")] = None,
        kind: Annotated[list[LineKind] | None, Query(description="One of these; all by default.")] = None,
        text: Annotated[str, Query(max_length=1000, description="Somewhere in the line, in any case.")] = "",
        since: Annotated[str, Query(description="`15m` (ago), ISO 8601 or Unix seconds.")] = "",
        until: Annotated[str, Query(description="As `since`.")] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
        cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
        follow: Annotated[bool, Query(description="Go on with what arrives, as Server-Sent Events.")] = False,
        last_event_id: LastEventId = "",
    ) -> Response:
        try:
            now = clock()
            wanted = LineFilter(
                services=frozenset(service or ()),
                kinds=frozenset(kind or ()),
                level=LEVELS[least] if least else 0,
                text=text,
                since=times.moment(since, now) if since else 0,
                until=times.moment(until, now) if until else LAST,
            )
            after = Place.of(cursor) if cursor else None
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        match = found(any_id, reader)
        bounds = LineBounds(settings.max_lines, settings.search_seconds)
        if follow:

            def begin(_: int | None) -> Poll:
                # One that isn't known any more tells all lines again.
                return New(reader, match.transaction_id, wanted, settings.max_rows, bounds).lines

            return followers.follow(f"{match.transaction_id} {wanted}", last_event_id, begin)
        # Lines of the cursor's own time that were told already come first.
        told = min(after.skipped, settings.max_lines) if after else 0
        begun = replace(wanted, since=min(max(wanted.since, after.time), LAST)) if after else wanted
        try:
            passing = look(reader, match.transaction_id, begun, limit + told + 1, bounds)
        except AskOtherwise as error:
            raise HTTPException(
                400, f"The lines can't be read because {error}. Ask for less time with `since` and `until`."
            ) from error
        if passing is None:
            raise unknown(any_id)
        lines, following = page(passing.rows, after, limit)
        unseen = passing.looked_until if following is None else None
        if unseen is not None:
            following = Place(unseen + 1, 0)
        body = LinesView(
            transaction_id=match.transaction_id,
            matched_alias=match.alias,
            lines=[line_view(row) for row in lines],
            truncated=unseen is not None,
            next=following.spelt if following else None,
        )
        return Response(body.model_dump_json(), media_type="application/json")

    return routes


class _OfLines(APIRoute):
    """Takes paths whose last part is `logs`: an id may end in `/logs`, too, and then has its slash percent-encoded."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # As it was sent: `path` is decoded. Not every server says it.
        raw = scope.get("raw_path") or b"/logs"
        return super().matches(scope) if raw.endswith(b"/logs") else (Match.NONE, {})


def look(reader: Reader, transaction_id: str, wanted: LineFilter, limit: int, bounds: LineBounds) -> Lines | None:
    """The first ``limit`` lines that pass; None where nothing is known under the ID. Raises `AskOtherwise`."""
    if few := reader.few(transaction_id):
        lines = [row for row in few.rows if not isinstance(row, SpanRow) and passes(wanted, row)]
        return Lines(in_order(lines)[:limit], None) if few.rows else None
    return reader.lines(transaction_id, wanted, limit, bounds)


class New:
    """The lines of one transaction that haven't been told yet; late ones too, whatever their time. At most ``limit``
    that pass are told: then comes `missed`, once."""

    def __init__(self, reader: Reader, transaction_id: str, wanted: LineFilter, limit: int, bounds: LineBounds) -> None:
        self._reader = reader
        self._id = transaction_id
        self._wanted = wanted
        self._limit = limit
        self._bounds = bounds
        self._told: Counter[bytes] = Counter()
        self._missed = False

    def lines(self) -> Iterator[News]:
        now: Counter[bytes] = Counter()
        for row in self._passing():
            if now.total() == self._limit:
                if not self._missed:
                    self._missed = True
                    yield MISSED
                return
            key = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            now[key] += 1
            if now[key] > self._told[key]:
                self._told[key] += 1
                yield News("line", line_view(row).model_dump_json())

    def _passing(self) -> Iterator[Line]:
        """One more than ``limit``, if there are so many: however many lines lie between them."""
        since: int | None = self._wanted.since
        while since is not None:
            wanted = replace(self._wanted, since=since)
            found = look(self._reader, self._id, wanted, self._limit + 1, self._bounds)
            if found is None:
                return
            yield from found.rows
            since = None if found.looked_until is None else found.looked_until + 1


def line_view(row: Line) -> LineView:
    """The JSON of a line."""
    number = severity(row)
    return LineView(
        kind=kind_of_line(row),
        time_unix_nano=str(row.time),
        service=row.service,
        proxy_role=row.proxy_role if isinstance(row, AccessLogRow) else "",
        level=level(number),
        error=is_error(row),
        text=said(row),
        span_id=row.span_id,
        transaction_id=row.transaction_id,
        event_name=row.event_name if isinstance(row, LogRow) else "",
        scope_name=row.scope_name if isinstance(row, LogRow) else "",
        response_code=row.response_code if isinstance(row, AccessLogRow) else None,
        response_flags=row.response_flags if isinstance(row, AccessLogRow) else "",
        attributes=row.attributes,
        resource=row.resource,
    )
