"""GET /api/v1/search, /search/follow, /search/fields, /services, /operations: transactions by what is known of them."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from weftline.collector.errors import AskOtherwise
from weftline.collector.store.protocol import Reader
from weftline.collector.store.searcher import FACETS, Facet, Hit, Place, Searcher
from weftline.query.problems import MisreadSearch
from weftline.query.routes.following import END, SSE, Followers, LastEventId
from weftline.query.routes.streams import MISSED, News, Poll
from weftline.query.search import Question, SearchSyntaxError, find_page, understand
from weftline.query.search.fields import ATTRIBUTE_OPERATORS, FIELDS, OPERATORS
from weftline.query.search.tail import Tail
from weftline.query.settings import QuerySettings
from weftline.query.timeline import flags

PLACE: Final = re.compile(r"([0-9]{1,19})-([0-9a-f]{32})")
FACET_TRANSACTIONS: Final = 10_000
"""Facets count the newest so many of the transactions found."""


class HitView(BaseModel):
    """A transaction in one line."""

    transaction_id: str
    start_unix_nano: str = Field(description="Nanoseconds since the epoch, as a decimal string.")
    duration_ns: int = Field(description="From its first row to the end of its last.")
    root: str = Field(description="What its first span or access log was; '' where only log lines are known.")
    response_code: int | None = Field(
        description="Of its first access log (0: the client left first); null without one."
    )
    response_flags: list[str] = Field(description="All of its access logs' flags.")
    response_flags_text: str = Field(description="The flags in words.")
    services: list[str]
    spans: int
    logs: int
    access_logs: int
    errors: int = Field(description="Rows that report a failure.")


class FacetView(BaseModel):
    """How many of the transactions looked at have a value."""

    value: str
    transactions: int


class FacetsView(BaseModel):
    """What the transactions found have in common."""

    of: int = Field(description="The newest so many of them were counted.")
    by: dict[str, list[FacetView]] = Field(
        description="service, status, root (without query string), response_code, flags: most frequent first; "
        "duration: upper bounds of a histogram's buckets in ns."
    )


class SearchView(BaseModel):
    """A page of transactions, newest first."""

    transactions: list[HitView]
    since_unix_nano: str = Field(description="The search looks at transactions that began then or later …")
    until_unix_nano: str = Field(description="… and then or earlier.")
    searched_since_unix_nano: str = Field(description="How far back this page looked.")
    complete: bool = Field(description="There is nothing more.")
    cut: str = Field(description="Why this page ended early, if it did; '' otherwise.")
    next: str | None = Field(description="`cursor` of the next page; null where there is nothing more.")
    facets: FacetsView | None = Field(description="With `facets=true`.")


class FieldView(BaseModel):
    """A field of the search language."""

    name: str
    type: str
    operators: list[str]
    description: str
    values: list[str] = Field(description="All there are, where they can be counted.")


class LanguageView(BaseModel):
    """What can be asked for."""

    fields: list[FieldView]
    attribute_operators: list[str] = Field(description="Every other name with a dot is an attribute and takes these.")


class OperationView(BaseModel):
    """A name of spans of one kind."""

    name: str
    kind: str = Field(description="internal, server, client, producer, consumer or unspecified.")


class OperationsView(BaseModel):
    """Names and kinds of a service's spans, sorted; none for a service that sent no spans."""

    operations: list[OperationView]


class ServicesView(BaseModel):
    """Names of all services that sent anything, sorted."""

    services: list[str]


def router(
    reader: Reader,
    searcher: Searcher,
    settings: QuerySettings,
    followers: Followers,
    clock: Callable[[], int] = time.time_ns,
) -> APIRouter:
    """The routes over ``searcher``; ``clock`` in ns since the epoch. They block: FastAPI runs them in its threads."""
    routes = APIRouter(prefix="/api/v1", tags=["search"])

    @routes.get(
        "/search",
        summary="Transactions by what is known of them",
        responses={400: {"description": "The search can't be understood or costs too much; says why, and where."}},
    )
    def search(  # noqa: PLR0917 - the parameters of the route
        q: Annotated[str, Query(description='Such as `service=cart status=error duration>500ms log:"timeout"`.')] = "",
        since: Annotated[str, Query(description="`15m` (ago), ISO 8601 or Unix seconds; an hour ago by default.")] = "",
        until: Annotated[str, Query(description="As `since`; now by default.")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
        cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
        facets: Annotated[bool, Query(description="Count what the transactions found have in common.")] = False,
    ) -> SearchView:
        question, before = _question(q, since, until, clock()), _place(cursor)
        seconds = settings.search_seconds
        try:
            found = find_page(searcher, question, before, limit=limit, seconds=seconds, monotonic=time.monotonic)
            counted = (
                searcher.facets(question.condition, question.window, FACET_TRANSACTIONS, seconds) if facets else None
            )
        except AskOtherwise as error:
            raise HTTPException(
                400, f"The search can't be answered because {error}. Narrow its time or add a term."
            ) from error
        return SearchView(
            transactions=[_hit(hit) for hit in found.hits],
            since_unix_nano=str(question.window.since),
            until_unix_nano=str(question.window.until),
            searched_since_unix_nano=str(found.searched_since),
            complete=found.complete,
            cut=found.reason,
            next=f"{found.next.start}-{found.next.transaction_id}" if found.next else None,
            facets=None if counted is None else _facets(counted),
        )

    @routes.get(
        "/search/follow",
        summary="Transactions as they happen",
        response_model=None,
        responses={
            200: {
                "content": SSE,
                "description": "Server-Sent Events: `transaction` with a HitView each, once nothing more arrives "
                f"of it; `missed` where there were too many to tell all; {END}",
            },
            400: {"description": "The search can't be understood; says why, and where."},
            503: {"description": "Too many follow something; `Retry-After` says when to come back."},
        },
    )
    def follow(
        q: Annotated[str, Query(description="As of `/search`; its `since` and `until` don't count.")] = "",
        last_event_id: LastEventId = "",
    ) -> Response:
        condition = _question(q, "", "", clock()).condition

        def begin(since: int | None) -> Poll:
            tail = Tail(searcher, condition, clock, time.monotonic, since)
            return lambda: _news(tail)

        return followers.follow(f"search {q}", last_event_id, begin)

    @routes.get("/search/fields", summary="The fields of the search language")
    def fields() -> LanguageView:
        return LanguageView(
            fields=[
                FieldView(
                    name=field.name,
                    type=field.type,
                    operators=OPERATORS[field.type].split(),
                    description=field.says,
                    values=list(field.values),
                )
                for field in FIELDS.values()
            ],
            attribute_operators=ATTRIBUTE_OPERATORS.split(),
        )

    @routes.get(
        "/operations", summary="What a service's spans are called", responses={400: {"description": "No `service`."}}
    )
    def operations(service: Annotated[str, Query(min_length=1, description="Its name.")]) -> OperationsView:
        known = reader.operations(service)
        return OperationsView(operations=[OperationView(name=it.name, kind=it.kind) for it in known])

    @routes.get("/services", summary="Names of all services")
    def services() -> ServicesView:
        return ServicesView(services=list(reader.services()))

    return routes


def _news(tail: Tail) -> Iterator[News]:
    for hit in tail.news():
        yield News("transaction", _hit(hit).model_dump_json())
    if tail.missed:
        yield MISSED


def _question(q: str, since: str, until: str, now: int) -> Question:
    try:
        return understand(q, now, since, until)
    except SearchSyntaxError as error:
        # The text under the message shows where, also in a terminal.
        text = f"{error}\n  {q}\n  {' ' * (error.column - 1)}{'^' * error.length}"
        raise MisreadSearch(text, error.column, error.length) from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    if not (found := PLACE.fullmatch(cursor)) or int(found[1]) >= 2**63:
        raise HTTPException(400, "`cursor` is not one that this API gave as `next`.")
    return Place(int(found[1]), found[2])


def _hit(hit: Hit) -> HitView:
    return HitView(
        transaction_id=hit.transaction_id,
        start_unix_nano=str(hit.start),
        duration_ns=hit.duration,
        root=hit.root,
        response_code=hit.response_code if hit.access_logs else None,
        response_flags=list(hit.response_flags),
        response_flags_text=flags.explain(",".join(hit.response_flags)),
        services=list(hit.services),
        spans=hit.spans,
        logs=hit.logs,
        access_logs=hit.access_logs,
        errors=hit.errors,
    )


def _facets(counted: Sequence[Facet]) -> FacetsView:
    by: dict[str, list[FacetView]] = {name: [] for name in FACETS if name != "found"}
    of = 0
    for facet in counted:
        if facet.name == "found":
            of = facet.transactions
        else:
            by[facet.name].append(FacetView(value=facet.value, transactions=facet.transactions))
    return FacetsView(of=of, by=by)
