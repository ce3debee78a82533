"""GET /api/v1/transactions/{id}: every row of one transaction, in causal order, as JSON, lines of JSON, or text."""

from contextlib import closing
from typing import Annotated, Final

from fastapi import APIRouter, Header, HTTPException, Path, Query, Response
from starlette.responses import StreamingResponse

from weftline.collector.store.protocol import Reader
from weftline.query.identifiers import TRACE_ID, MalformedIdError, Match, find, normalise
from weftline.query.routes.transaction_answers import MEDIA_TYPES, Format, as_json, as_lines, as_text, wanted
from weftline.query.routes.views import TransactionView
from weftline.query.settings import QuerySettings
from weftline.query.timeline import assemble
from weftline.query.timeline.kept import Kept, keep

ONE_PIECE: Final = 2_000
"""Rows up to which an answer is sent whole: pieces cost a change of thread each."""
NDJSON: Final = "A line with all but the entries, of the kind `transaction`, then a line an entry."

AnyId = Annotated[
    str,
    Path(
        description="A transaction ID (32 hex digits), a whole `traceparent`, an x-request-id, or any other alias, "
        "percent-encoded; the slash before `logs` at its end must be (`%2Flogs`), others may be.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    ),
]


def router(reader: Reader, settings: QuerySettings) -> APIRouter:
    """The routes over ``reader``. They block, so FastAPI runs them in its threads."""
    routes = APIRouter(prefix="/api/v1", tags=["transactions"])

    @routes.get(
        "/transactions/{any_id:path}",
        summary="Everything known about one request",
        response_model=TransactionView,
        responses={
            200: {
                "content": {
                    MEDIA_TYPES[Format.NDJSON]: {"schema": {"type": "string", "description": NDJSON}},
                    "text/plain": {"schema": {"type": "string", "description": "What `weftline tx` prints."}},
                }
            },
            400: {"description": "The id can't name a transaction; the message says why."},
            404: {"description": "Nothing is known under this id."},
        },
    )
    def transaction(
        any_id: AnyId,
        form: Annotated[
            Format | None, Query(alias="format", description="Instead of the header `Accept`; JSON by default.")
        ] = None,
        width: Annotated[int, Query(ge=40, le=400, description="Of text, in columns.")] = 100,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        form = wanted(form, accept)
        limit = settings.max_streamed_rows if form is Format.NDJSON else settings.max_rows
        match, kept = look_up(any_id, reader, limit)
        timeline = assemble(match.transaction_id, kept.rows)
        match form:
            case Format.JSON:
                pieces = as_json(match, timeline, kept)
            case Format.NDJSON:
                pieces = as_lines(match, timeline, kept)
            case Format.TEXT:
                pieces = as_text(match, timeline, kept, width)
        # Ready-made bytes: FastAPI would validate every entry a second time. A short answer goes out in one piece.
        media_type = MEDIA_TYPES[form]
        if len(kept.rows) <= ONE_PIECE:
            return Response(b"".join(pieces), media_type=media_type)
        return StreamingResponse(pieces, media_type=media_type)

    return routes


def look_up(any_id: str, reader: Reader, limit: int) -> tuple[Match, Kept]:
    """What ``any_id`` names, and at most ``limit`` of its rows, at least one. Raises HTTP's 400 and 404."""
    try:
        given = normalise(any_id)
    except MalformedIdError as error:
        raise HTTPException(400, str(error)) from error
    # What looks like a transaction ID nearly always is one: its rows are asked for before anything else.
    few = reader.few(given) if TRACE_ID.fullmatch(given) else None
    if few and few.rows and not few.aliased:
        return Match(given, None, ()), keep([few.rows], limit)
    match = found(any_id, reader)
    if not few or match.transaction_id != given:
        few = reader.few(match.transaction_id)
    if few:
        kept = keep([few.rows], limit)
    else:
        # One row more than allowed tells a full answer from a cut one.
        with closing(reader.transaction_blocks(match.transaction_id, limit + 1)) as blocks:
            kept = keep(blocks, limit)
    if not kept.rows:
        raise unknown(any_id)
    return match, kept


def found(any_id: str, reader: Reader) -> Match:
    """What ``any_id`` names. Raises HTTP's 400 and 404."""
    try:
        match = find(any_id, reader.resolve)
    except MalformedIdError as error:
        raise HTTPException(400, str(error)) from error
    if not match:
        raise unknown(any_id)
    return match


def unknown(any_id: str) -> HTTPException:
    """The answer where there is nothing."""
    return HTTPException(404, f"No transaction is known under '{any_id.strip()}'.")
