"""GET /api/v1/compare: how two requests differ."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from weftline.collector.store.protocol import Reader
from weftline.query.routes.transactions import look_up
from weftline.query.routes.views import HeadView, head
from weftline.query.settings import QuerySettings
from weftline.query.timeline import Kind, Timeline, assemble
from weftline.query.timeline.compare import Change, Side, compare

MOST_ROWS: Final = 5_000


class SideView(BaseModel):
    """What one of the transactions has of a row."""

    count: int = Field(description="0: it has none.")
    errors: int
    duration_ns: int = Field(description="Of all of them; 0 for log lines.")
    self_ns: int
    outcomes: list[str] = Field(description="Response codes and flags, each once.", examples=[["503 UF"]])
    entry: int | None = Field(description="Index of the first in that transaction's `entries`.")


class RowView(BaseModel):
    """Rows with the same name under the same causes."""

    depth: int
    kind: Kind
    service: str
    proxy_role: str = Field(description="'' for an application.")
    name: str = Field(description="Without query strings, numbers and ids.")
    change: Change = Field(description="B against A: the first that holds, as listed.")
    a: SideView
    b: SideView


class CompareView(BaseModel):
    """Two transactions side by side."""

    a: HeadView
    b: HeadView
    rows: list[RowView] = Field(description="Both trees as one, each row before those it caused; A's order first.")
    differences: int = Field(description="How many of all rows are not the same.")
    truncated: bool = Field(description="There are more rows than these.")


def router(reader: Reader, settings: QuerySettings) -> APIRouter:
    """The route over ``reader``."""
    routes = APIRouter(prefix="/api/v1", tags=["transactions"])

    @routes.get(
        "/compare",
        summary="How two requests differ",
        responses={
            400: {"description": "An id can't name a transaction; the message says why."},
            404: {"description": "Nothing is known under one of the ids."},
        },
    )
    def compare_two(
        a: Annotated[str, Query(description="Any id of the one.")],
        b: Annotated[str, Query(description="Any id of the other.")],
        changed: Annotated[bool, Query(description="Only rows that differ.")] = False,
    ) -> CompareView:
        (head_a, one), (head_b, other) = side(a), side(b)
        pairs = list(compare(one.entries, other.entries))
        rows = [pair for pair in pairs if not changed or pair.change is not Change.SAME]
        return CompareView(
            a=head_a,
            b=head_b,
            rows=[
                RowView(
                    depth=it.depth, kind=it.kind, service=it.service, proxy_role=it.proxy_role, name=it.name,
                    change=it.change, a=_side(it.a), b=_side(it.b),
                )
                for it in rows[:MOST_ROWS]
            ],
            differences=sum(pair.change is not Change.SAME for pair in pairs),
            truncated=len(rows) > MOST_ROWS,
        )  # fmt: skip

    def side(any_id: str) -> tuple[HeadView, Timeline]:
        match, kept = look_up(any_id, reader, settings.max_rows)
        timeline = assemble(match.transaction_id, kept.rows)
        return head(match, timeline, truncated=kept.truncated), timeline

    return routes


def _side(side: Side) -> SideView:
    return SideView(
        count=side.count,
        errors=side.errors,
        duration_ns=side.duration,
        self_ns=side.self_time,
        outcomes=list(side.outcomes),
        entry=side.first,
    )
