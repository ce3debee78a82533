"""Servers whose applications have no framework of their own plugin, and aiohttp and tornado: the same requests to all."""

import asyncio
import json
import logging
import threading
import wsgiref.simple_server
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gunicorn.http.wsgi
import httpx
import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
from aiohttp import web

import weftline.agent
from support import plain_apps
from support.otlp_sink import OtlpSink
from support.programs import Programs
from support.web_servers import asgi_server, wsgi_server
from weftline.agent import serve
from weftline.agent.plugins import wsgi
from weftline.agent.propagate import Incoming

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = logging.getLogger("shop")
QUIET = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx"}


@contextmanager
def wsgiref_server() -> Iterator[str]:
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, plain_apps.wsgi)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def loop_server(start: Callable[[], Any]) -> Iterator[str]:
    """Runs `start()`, which gives (port, stop), on an event loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port, stop = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def start_aiohttp() -> Any:
    async def order(request: web.Request) -> web.Response:
        LOG.info("order %s", request.match_info["number"])
        return web.json_response({"transaction": weftline.agent.transaction_id()})

    async def fails(request: web.Request) -> web.Response:
        raise LookupError("no such thing")

    async def teapot(request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Transaction-ID": "my own"})
        await response.prepare(request)
        await asyncio.sleep(0)
        LOG.info("streaming")
        await response.write(str(weftline.agent.transaction_id()).encode())
        return response

    app = web.Application()
    app.add_routes(
        [
            web.get("/orders/{number}", order),
            web.get("/fails", fails),
            web.get("/missing", teapot),
            web.get("/stream", stream),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner.addresses[0][1], runner.cleanup


class Order(tornado.web.RequestHandler):
    async def get(self, number: str) -> None:
        await asyncio.sleep(0)
        LOG.info("order %s", number)
        self.write({"transaction": weftline.agent.transaction_id()})


class Fails(tornado.web.RequestHandler):
    def get(self) -> None:
        raise LookupError("no such thing")


class Missing(tornado.web.RequestHandler):
    def get(self) -> None:
        raise tornado.web.HTTPError(404)


class Stream(tornado.web.RequestHandler):
    async def get(self) -> None:
        self.set_header("X-Transaction-ID", "my own")
        await self.flush()
        LOG.info("streaming")
        self.write(str(weftline.agent.transaction_id()))


async def start_tornado() -> Any:
    app = tornado.web.Application(
        [(r"/orders/(\d+)", Order), (r"/fails", Fails), (r"/missing", Missing), (r"/stream", Stream)]
    )
    server = tornado.httpserver.HTTPServer(app)
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)

    async def stop() -> None:
        server.stop()
        await server.close_all_connections()

    return sockets[0].getsockname()[1], stop


SERVERS = {
    "wsgi-wsgiref": wsgiref_server,
    "wsgi-werkzeug": lambda: wsgi_server(plain_apps.wsgi),
    "asgi-uvicorn": lambda: asgi_server(plain_apps.asgi),
    "aiohttp": lambda: loop_server(start_aiohttp),
    "tornado": lambda: loop_server(start_tornado),
}
ROUTES = {"aiohttp": "/orders/{number}", "tornado": r"/orders/(\d+)"}
SCOPES = {"aiohttp": "weftline.agent.aiohttp_server", "tornado": "weftline.agent.tornado"}


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str) -> Iterator[str]:
    with SERVERS[kind]() as url:
        yield url


def get(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def server_span(sink: OtlpSink) -> dict[str, Any]:
    (span,) = sink.wait(lambda s: s.spans(kind="SERVER"))
    return span


def test_a_request_in_full(start_agent: Callable[..., None], sink: OtlpSink, kind: str, url: str) -> None:
    start_agent(**QUIET)
    answer = get(
        f"{url}/orders/7?a=1&sig=secret",
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
    route = ROUTES.get(kind)
    assert span["name"] == (f"GET {route}" if route else "GET")
    assert span["attributes"].pop("network.protocol.version") in ("1.1", "1.0")
    assert span["attributes"].pop("http.route", None) == route
    assert span["attributes"] == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": "/orders/7",
        "url.query": "a=1&sig=REDACTED",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": httpx.URL(url).port,
        "user_agent.original": "test",
        "client.address": "10.1.2.3",
        "http.request.header.x-request-id": ["r-1"],
    }
    assert (span["status"], span["scope"][0]) == (0, SCOPES.get(kind, f"weftline.agent.{kind[:4]}"))
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["body"], log["trace_id"], log["span_id"]) == ("order 7", TRACE, span["span_id"])
    weftline.agent.stop()
    assert len(sink.spans()) == 1
    assert b"secret" not in b"".join(body for path, _, body in sink.requests if "traces" in path)


def test_sampled_out(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**QUIET)
    answer = get(f"{url}/orders/1", traceparent=f"00-{TRACE}-{SPAN}-00")
    assert answer.headers["x-transaction-id"] == answer.json()["transaction"] == TRACE
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["trace_id"], log["flags"], log["attributes"]["weftline.parent_span_id"]) == (TRACE, 0, SPAN)
    weftline.agent.stop()
    assert sink.spans() == []


def test_an_exception_becomes_a_500(start_agent: Callable[..., None], sink: OtlpSink, kind: str, url: str) -> None:
    start_agent(**QUIET)
    answer = get(f"{url}/fails")
    span = server_span(sink)
    assert (answer.status_code, span["status"]) == (500, 2)
    assert span["attributes"]["http.response.status_code"] == 500
    assert answer.headers["x-transaction-id"] == span["trace_id"]
    if kind != "wsgi-werkzeug":  # it catches the exception inside the function that is woven
        assert span["attributes"]["error.type"] == "LookupError"
        assert [event["exception.message"] for event in span["events"]] == ["no such thing"]


def test_a_404_is_no_error(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**QUIET)
    assert get(f"{url}/missing").status_code == 404
    span = server_span(sink)
    assert (span["attributes"]["http.response.status_code"], span["status"], span["events"]) == (404, 0, [])
    assert "error.type" not in span["attributes"]


def test_a_streamed_body_and_a_header_of_the_applications_own(
    start_agent: Callable[..., None], sink: OtlpSink, url: str
) -> None:
    start_agent(**QUIET)
    answer = get(f"{url}/stream", traceparent=f"00-{TRACE}-{SPAN}-01")
    assert (answer.text, answer.headers.get_list("x-transaction-id")) == (TRACE, ["my own"])
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    span = server_span(sink)
    assert log["span_id"] == span["span_id"]
    assert span["start"] <= log["time"] <= span["end"]


def test_requests_one_after_another_are_transactions_of_their_own(
    start_agent: Callable[..., None], sink: OtlpSink, url: str
) -> None:
    start_agent(**QUIET)
    with httpx.Client(trust_env=False) as client:
        ids = [client.get(f"{url}/orders/{number}").json()["transaction"] for number in range(5)]
    assert len(set(ids)) == 5
    spans = sink.wait(lambda s: len(s.spans()) == 5 and s.spans())
    assert [span["trace_id"] for span in spans] == ids
    assert {span["parent_id"] for span in spans} == {""}


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_gunicorn(sink: OtlpSink, tmp_path: Path, worker: str) -> None:
    with Programs(tmp_path, sink) as programs:
        url = programs.serve(
            "gunicorn",
            "-b",
            "127.0.0.1:{port}",
            "-w",
            "2",
            "-k",
            worker,
            "--access-logfile",
            "-",
            "support.plain_apps:wsgi",
        )
        order = programs.get(f"{url}/orders/7", traceparent=f"00-{TRACE}-{SPAN}-01")
        stream = programs.get(f"{url}/stream")
        failed = programs.get(f"{url}/fails")
    spans = sink.spans()
    assert order.json() == {"transaction": TRACE}
    assert stream.text == spans[1]["trace_id"]
    assert stream.headers.get_list("x-transaction-id") == ["my own"]
    assert failed.status_code == 500
    assert [span["attributes"]["http.response.status_code"] for span in spans] == [200, 200, 500]
    assert [span["attributes"].get("error.type") for span in spans] == [None, None, "LookupError"]
    access = sink.logs(logger="gunicorn.access")
    assert [log["span_id"] for log in access[:2]] == [span["span_id"] for span in spans[:2]]
    (error,) = (log for log in sink.logs(logger="gunicorn.error") if log["severity"][1] == "ERROR")
    assert (error["trace_id"], error["span_id"]) == (spans[2]["trace_id"], spans[2]["span_id"])


def test_an_answer_that_gunicorn_starts_anew_has_one_id() -> None:
    request = serve.begin(Incoming(int(TRACE, 16), 7, 0), "test", lambda _, __: "GET", None)
    read = SimpleNamespace(method="GET", version=(1, 1), weftline_transaction=request)
    response = gunicorn.http.wsgi.Response(read, None, SimpleNamespace())
    answers: list[tuple[str, list[tuple[str, str]], Any]] = [
        ("200 OK", [("x-shop", "1")], None),
        ("500 Internal Server Error", [], (ValueError, ValueError(), None)),
    ]
    for status, headers, exc_info in answers:
        wsgi.responding(response, status, headers)
        response.start_response(status, headers, exc_info)
    serve.finish(request)
    assert response.headers == [("x-transaction-id", TRACE), ("x-shop", "1")]
    assert request.status == 500


def test_gunicorn_with_flask_makes_one_span(sink: OtlpSink, tmp_path: Path) -> None:
    with Programs(tmp_path, sink) as programs:
        url = programs.serve("gunicorn", "-b", "127.0.0.1:{port}", "support.plain_apps:flask_app")
        answer = programs.get(f"{url}/orders/7", traceparent=f"00-{TRACE}-{SPAN}-01")
        stream = programs.get(f"{url}/stream")
    first, second = sink.spans()
    assert answer.headers.get_list("x-transaction-id") == [TRACE]
    assert (first["name"], first["scope"][0]) == ("GET /orders/<int:number>", "weftline.agent.flask")
    (log,) = sink.logs(logger="shop", body="streaming")
    assert stream.text == second["trace_id"]
    assert second["start"] <= log["time"] <= second["end"]


def test_flask_under_gunicorn_and_contrib_makes_contribs_span_only(sink: OtlpSink, tmp_path: Path) -> None:
    (tmp_path / "instrumented.py").write_text(
        "from opentelemetry.instrumentation.flask import FlaskInstrumentor\n"
        "from support.plain_apps import flask_app\n"
        "FlaskInstrumentor().instrument_app(flask_app)\n"
    )
    with Programs(tmp_path, sink) as programs:
        url = programs.serve("gunicorn", "-b", "127.0.0.1:{port}", "instrumented:flask_app")
        assert programs.get(f"{url}/orders/7").status_code == 200
    (span,) = sink.spans(kind="SERVER")
    assert span["scope"][0] == "opentelemetry.instrumentation.flask"
    (log,) = sink.logs(logger="shop")
    assert (log["trace_id"], log["span_id"]) == (span["trace_id"], span["span_id"])


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("wsgi", ("gunicorn", "-b", "127.0.0.1:{port}", "wrapped:app")),
        ("asgi", ("uvicorn", "--port", "{port}", "wrapped:app")),
    ],
)
def test_contribs_middleware_around_a_plain_application_is_not_doubled(
    sink: OtlpSink, tmp_path: Path, kind: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "wrapped.py").write_text(
        f"from opentelemetry.instrumentation.{kind} import OpenTelemetryMiddleware\n"
        f"from support.plain_apps import {kind}\n"
        f"app = OpenTelemetryMiddleware({kind})\n"
    )
    with Programs(tmp_path, sink) as programs:
        url = programs.serve(*command)
        answer = programs.get(f"{url}/orders/7", traceparent=f"00-{TRACE}-{SPAN}-01")
    (span,) = sink.spans(kind="SERVER")
    assert answer.json() == {"transaction": TRACE}
    assert (span["scope"][0], span["parent_id"]) == (f"opentelemetry.instrumentation.{kind}", SPAN)
    (log,) = sink.logs(logger="shop")
    assert log["span_id"] == span["span_id"]


def test_plain_apps_answer_json() -> None:
    assert json.loads(b"".join(plain_apps.wsgi({"PATH_INFO": "/orders/1"}, lambda *_: None))) == {"transaction": None}


def test_rules_by_route_and_other_formats_of_headers(
    start_agent: Callable[..., None], sink: OtlpSink, url: str
) -> None:
    start_agent(**QUIET, WEFTLINE_AGENT_SAMPLE_ROUTES="/orders=0")
    assert get(f"{url}/orders/1", b3=f"{TRACE}-{SPAN}-1").json() == {"transaction": TRACE}
    get(f"{url}/missing", b3=f"{TRACE}-{SPAN}-1")
    span = server_span(sink)
    assert (span["trace_id"], span["parent_id"], span["attributes"]["url.path"]) == (TRACE, SPAN, "/missing")


def test_headers_asked_for_are_recorded(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    asked = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    start_agent(
        **QUIET,
        **{f"{asked}SERVER_REQUEST": "x-shop-.*,authorization,cookie", f"{asked}SERVER_RESPONSE": "content-.*"},
        **{f"{asked}SANITIZE_FIELDS": ".*phone"},
    )
    get(f"{url}/orders/1", x_shop_cart="7", x_shop_phone="0123", x_other="1", authorization="Basic s", cookie="a=s")
    attributes = server_span(sink)["attributes"]
    recorded = {name: value for name, value in attributes.items() if ".header." in name}
    assert recorded.pop("http.response.header.content-type")[0].startswith("application/json")
    recorded.pop("http.response.header.content-length", None)  # not every server sends one
    assert recorded == {
        "http.request.header.x-shop-cart": ["7"],
        "http.request.header.x-shop-phone": ["[REDACTED]"],
        "http.request.header.authorization": ["[REDACTED]"],
        "http.request.header.cookie": ["[REDACTED]"],
    }
