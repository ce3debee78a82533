"""GET /api/v1/transactions/{id}: every row of one transaction, in causal order."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response

from weftline.collector.store.protocol import Reader
from weftline.query.identifiers import MalformedIdError, find
from weftline.query.problems import ProblemAnswer
from weftline.query.routes.views import TransactionView, view
from weftline.query.settings import QuerySettings
from weftline.query.timeline import assemble

AnyId = Annotated[
    str,
    Path(
        description="A transaction ID (32 hex digits), a whole `traceparent`, an x-request-id, or any other alias, "
        "percent-encoded.",
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
            400: {"model": ProblemAnswer, "description": "The id can't name a transaction; the message says why."},
            404: {"model": ProblemAnswer, "description": "Nothing is known under this id."},
            503: {"model": ProblemAnswer, "description": "The store is away; `Retry-After` says when to come back."},
            "default": {"model": ProblemAnswer, "description": "Any other error."},
        },
    )
    def transaction(any_id: AnyId) -> Response:
        try:
            match = find(any_id, reader.resolve)
        except MalformedIdError as error:
            raise HTTPException(400, str(error)) from error
        # One row more than allowed tells a full answer from a cut one.
        rows = reader.transaction(match.transaction_id, settings.max_rows + 1) if match else ()
        if not match or not rows:
            raise HTTPException(404, f"No transaction is known under '{any_id.strip()}'.")
        truncated = len(rows) > settings.max_rows
        timeline = assemble(match.transaction_id, rows[: settings.max_rows])
        # Ready-made bytes: FastAPI would validate every entry a second time.
        body = view(match, timeline, truncated=truncated).model_dump_json()
        return Response(body, media_type="application/json")

    return routes
