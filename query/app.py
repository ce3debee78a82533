"""The query service's HTTP application. Building it does no I/O: a store that is away fails requests, not the start.

/api/v1/*            ours; errors as {"error": {"code": …, "message": …}}
/api/*, /api/v3/*    Jaeger's HTTP APIs v1 and v3, with Jaeger's error texts; /analytics/* is its UI's, too
/health              whether the store answers
/openapi.json        the description of it all
everything else      the UI, ours or Jaeger's
"""

import importlib.metadata
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from weftline.collector.access.gate import OPEN, Access
from weftline.collector.errors import TryLater
from weftline.collector.store.protocol import Reader
from weftline.collector.store.searcher import Searcher
from weftline.query import problems
from weftline.query.access.audit import Audit, Audits
from weftline.query.access.gate import Gate
from weftline.query.access.headers import SecurityHeaders
from weftline.query.base_path import UnderBasePath
from weftline.query.description import complete
from weftline.query.routes import (
    compare,
    events,
    health,
    jaeger_analytics,
    jaeger_metrics,
    jaeger_ui,
    jaeger_v1,
    jaeger_v3,
    logs,
    mesh,
    propagation,
    red,
    search,
    transactions,
    ui,
)
from weftline.query.routes.following import Followers
from weftline.query.settings import QuerySettings

logger = logging.getLogger(__name__)


def create_app(
    reader: Reader,
    searcher: Searcher,
    settings: QuerySettings,
    access: Access = OPEN,
    audit: Audit = Audits(),  # noqa: B008 - it is frozen
    *,
    followers: Followers | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> FastAPI:
    """The application over ``reader`` and ``searcher``, which are called from several threads at a time.

    ``access`` decides who may ask; ``audit`` is told what they asked; ``clock`` in ns since the epoch. The store learns
    from `current_asker` for whom.
    """
    app = _Service(
        allowed_origins=settings.cors_allowed_origins,
        title="weftline",
        version=importlib.metadata.version("weftline"),
        summary="Every log of one request by one transaction ID.",
        # Swagger's page loads scripts from the internet; the description itself is enough for every tool.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    followers = followers or Followers()
    # Before the transaction itself, whose id takes all of the path.
    app.include_router(logs.router(reader, settings, followers, clock))
    app.include_router(transactions.router(reader, settings))
    app.include_router(compare.router(reader, settings))
    app.include_router(search.router(reader, searcher, settings, followers, clock))
    app.include_router(jaeger_v1.router(reader, searcher, settings))
    app.include_router(jaeger_metrics.router(reader))
    app.include_router(jaeger_analytics.router(reader, searcher, settings))
    app.include_router(jaeger_v3.router(reader, searcher, settings))
    app.include_router(events.router(reader, clock))
    app.include_router(mesh.router(reader, clock))
    app.include_router(propagation.router(reader, clock))
    app.include_router(red.router(reader, clock))
    app.include_router(health.router(reader))
    app.include_router(jaeger_ui.router(settings) if settings.jaeger_ui else ui.router(settings))
    app.add_middleware(Gate, access=access, audit=audit, base=settings.base)
    if settings.base:
        app.add_middleware(UnderBasePath, base_path=settings.base)
    app.add_exception_handler(TryLater, _try_later)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
    return app


class _Service(FastAPI):
    def __init__(self, *, allowed_origins: Sequence[str], **described: Any) -> None:
        super().__init__(**described)
        self._allowed_origins = allowed_origins

    def build_middleware_stack(self) -> ASGIApp:
        # Around all of it: Starlette's own layer for errors is outside of what add_middleware() adds.
        return SecurityHeaders(super().build_middleware_stack(), self._allowed_origins)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema:
            return self.openapi_schema
        return complete(super().openapi())


async def _try_later(request: Request, error: Exception) -> Response:
    assert isinstance(error, TryLater)  # noqa: S101 - Starlette's handlers are typed for any exception
    logger.warning("The store can't answer path=%s: %s", request.url.path, error)
    return problems.answer(request, 503, f"The store can't answer now: {error}", retry_after=error.seconds)


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    message = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return problems.answer(request, 400, message)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    place = (error.column, error.length) if isinstance(error, problems.MisreadSearch) else None
    return problems.answer(request, error.status_code, str(error.detail), headers=error.headers, place=place)


async def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette's outermost layer raises it again, so that the server logs it with its stack.
    logger.error("Answering failed path=%s error=%r.", request.url.path, error)
    return problems.answer(request, 500, "The query service failed on this request; its log has the reason.")
