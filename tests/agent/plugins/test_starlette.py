"""The Starlette and FastAPI plugins: real applications behind uvicorn."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

import weftline.agent
from support.otlp_sink import OtlpSink
from support.web_servers import asgi_server

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = logging.getLogger("pay")
QUIET = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx,requests"}


def fastapi_app() -> FastAPI:
    app = FastAPI()
    router = APIRouter(prefix="/v1")

    @app.get("/pay/{number}")
    async def pay(number: int) -> dict[str, Any]:
        LOG.info("paying %d", number)
        await asyncio.sleep(0)
        return {"transaction": weftline.agent.transaction_id()}

    @app.get("/sync/{number}")
    def sync(number: int) -> dict[str, Any]:
        LOG.info("in a worker thread")
        return {"transaction": weftline.agent.transaction_id()}

    @router.get("/included/{name}")
    async def included(name: str) -> str:
        return name

    @app.get("/fails")
    async def fails() -> None:
        raise LookupError("no such thing")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    sub = FastAPI()

    @sub.get("/deep/{x}")
    async def deep(x: str) -> str:
        return x

    app.include_router(router)
    app.mount("/sub", sub)
    return app


def starlette_app(**options: Any) -> Starlette:
    async def pay(request: Request) -> JSONResponse:
        LOG.info("paying %s", request.path_params["number"])
        return JSONResponse({"transaction": weftline.agent.transaction_id()})

    async def fails(request: Request) -> None:
        raise LookupError("no such thing")

    async def stream(request: Request) -> StreamingResponse:
        async def body() -> Any:
            LOG.info("first part")
            yield "a"
            await asyncio.sleep(0.01)
            LOG.info("second part")
            yield "b"

        return StreamingResponse(body())

    async def deep(request: Request) -> PlainTextResponse:
        return PlainTextResponse("deep")

    return Starlette(
        routes=[
            Route("/pay/{number:int}", pay),
            Route("/fails", fails),
            Route("/stream", stream),
            Mount("/sub", routes=[Route("/deep/{x}", deep)]),
        ],
        **options,
    )


def get(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def server_span(sink: OtlpSink) -> dict[str, Any]:
    (span,) = sink.wait(lambda s: s.spans(kind="SERVER"))
    return span


@pytest.mark.parametrize(
    ("app", "route"), [(fastapi_app, "/pay/{number}"), (starlette_app, "/pay/{number}")], ids=["fastapi", "starlette"]
)
def test_a_request_in_full(start_agent: Callable[..., None], sink: OtlpSink, app: Any, route: str) -> None:
    start_agent(**QUIET)
    with asgi_server(app()) as url:
        answer = get(
            f"{url}/pay/7?a=1&sig=secret",
            traceparent=f"00-{TRACE}-{SPAN}-01",
            tracestate="a=1",
            x_request_id="r-1",
            x_forwarded_for="10.1.2.3, 10.9.9.9",
            authorization="Basic secret",
            cookie="session=secret",
            user_agent="test",
        )
    span = server_span(sink)
    assert answer.json() == {"transaction": TRACE}
    assert answer.headers.get_list("x-transaction-id") == [TRACE]
    assert (span["trace_id"], span["parent_id"], span["tracestate"]) == (TRACE, SPAN, "a=1")
    assert span["name"] == f"GET {route}"
    assert span["attributes"] == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": route,
        "url.path": "/pay/7",
        "url.query": "a=1&sig=REDACTED",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": httpx.URL(url).port,
        "network.protocol.version": "1.1",
        "user_agent.original": "test",
        "client.address": "10.1.2.3",
        "http.request.header.x-request-id": ["r-1"],
    }
    assert (span["status"], span["scope"][0], span["service"]) == (0, "weftline.agent.starlette", "shop")
    (log,) = sink.wait(lambda s: s.logs(logger="pay"))
    assert (log["body"], log["trace_id"], log["span_id"], log["flags"]) == ("paying 7", TRACE, span["span_id"], 1)
    weftline.agent.stop()
    assert b"secret" not in b"".join(body for path, _, body in sink.requests if "traces" in path)


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/v1/included/x", 200, "GET /v1/included/{name}"),
        ("/sub/deep/x", 200, "GET /sub/deep/{x}"),
        ("/teapot", 418, "GET /teapot"),
        ("/openapi.json", 200, "GET /openapi.json"),  # no route of FastAPI's own kind
        ("/nowhere", 404, "GET"),
    ],
)
def test_routes(start_agent: Callable[..., None], sink: OtlpSink, path: str, status: int, name: str) -> None:
    start_agent(**QUIET)
    with asgi_server(fastapi_app()) as url:
        assert get(url + path).status_code == status
    span = server_span(sink)
    assert (span["name"], span["attributes"]["http.response.status_code"], span["status"]) == (name, status, 0)


def test_mounted_route_of_starlette(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**QUIET)
    with asgi_server(starlette_app()) as url:
        get(f"{url}/sub/deep/x")
        get(f"{url}/sub/nowhere")
    spans = sink.wait(lambda s: len(s.spans()) == 2 and s.spans())
    assert [span["name"] for span in spans] == ["GET /sub/deep/{x}", "GET /sub/{path}"]


def test_worker_threads_are_in_the_transaction(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**QUIET)
    with asgi_server(fastapi_app()) as url:
        answer = get(f"{url}/sync/1")
    assert answer.json()["transaction"] == answer.headers["x-transaction-id"] == server_span(sink)["trace_id"]


def test_a_streamed_body_is_inside_the_span(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**QUIET)
    with asgi_server(starlette_app()) as url:
        assert get(f"{url}/stream").text == "ab"
    span = server_span(sink)
    logs = sink.wait(lambda s: len(s.logs(logger="pay")) == 2 and s.logs(logger="pay"))
    assert {log["span_id"] for log in logs} == {span["span_id"]}
    assert span["end"] - span["start"] >= 10_000_000


@pytest.mark.parametrize("app", [fastapi_app, starlette_app])
def test_an_exception_and_the_servers_log_of_it(start_agent: Callable[..., None], sink: OtlpSink, app: Any) -> None:
    start_agent(**QUIET)
    with asgi_server(app()) as url:
        answer = get(f"{url}/fails")
    span = server_span(sink)
    assert (answer.status_code, span["status"], span["name"]) == (500, 2, "GET /fails")
    assert answer.headers["x-transaction-id"] == span["trace_id"]
    assert span["attributes"]["error.type"] == "LookupError"
    (event,) = span["events"]
    assert event["exception.message"] == "no such thing"
    (log,) = sink.wait(lambda s: s.logs(logger="uvicorn.error", severity=(17, "ERROR")))
    assert (log["trace_id"], log["span_id"]) == (span["trace_id"], span["span_id"])


def test_sampled_out(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**QUIET)
    with asgi_server(fastapi_app()) as url:
        answer = get(f"{url}/pay/1", traceparent=f"00-{TRACE}-{SPAN}-00")
        get(f"{url}/fails", traceparent=f"00-{TRACE}-{SPAN}-00")
    assert answer.headers["x-transaction-id"] == answer.json()["transaction"] == TRACE
    logs = sink.wait(lambda s: s.logs(logger="uvicorn.error", severity=(17, "ERROR"))) + sink.logs(logger="pay")
    assert {(log["trace_id"], log["flags"]) for log in logs} == {(TRACE, 0)}
    assert {log["attributes"]["weftline.parent_span_id"] for log in logs} == {SPAN}
    assert len({log["span_id"] for log in logs}) == 2
    weftline.agent.stop()
    assert sink.spans() == []


def test_a_lifespan_makes_no_span(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    entered = []

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        entered.append(weftline.agent.transaction_id())
        yield

    start_agent(**QUIET)
    app = FastAPI(lifespan=lifespan)
    with asgi_server(app) as url:
        get(f"{url}/nowhere")
    assert entered == [None]
    assert [span["name"] for span in sink.wait(lambda s: s.spans())] == ["GET"]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """The application's own OpenTelemetry SDK, set for this test only."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


def test_fastapis_own_tracing_is_not_doubled(
    start_agent: Callable[..., None], sink: OtlpSink, provider: InMemorySpanExporter
) -> None:
    pytest.importorskip("fastapi.telemetry", reason="FastAPI of this version doesn't trace")
    with asgi_server(fastapi_app()) as url:
        get(f"{url}/pay/1")
    assert provider.get_finished_spans(), "FastAPI doesn't trace by itself any more: this test proves nothing"
    provider.clear()
    start_agent(**QUIET)
    with asgi_server(fastapi_app()) as url:
        get(f"{url}/pay/1")
        get(f"{url}/sub/deep/x")
    assert len(sink.wait(lambda s: len(s.spans()) == 2 and s.spans())) == 2
    assert provider.get_finished_spans() == ()


def test_starlettes_own_tracing_is_not_doubled(
    start_agent: Callable[..., None], sink: OtlpSink, provider: InMemorySpanExporter
) -> None:
    own = pytest.importorskip("starlette.middleware.opentelemetry", reason="Starlette of this version doesn't trace")
    with asgi_server(starlette_app(middleware=[Middleware(own.OpenTelemetryMiddleware)])) as url:
        get(f"{url}/pay/1")
        assert provider.get_finished_spans()
        provider.clear()
        start_agent(**QUIET)
        get(f"{url}/pay/1")
    assert server_span(sink)["name"] == "GET /pay/{number}"
    assert provider.get_finished_spans() == ()
