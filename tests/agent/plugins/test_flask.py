"""The Flask plugin: a real Flask application behind a real server."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flask import Flask, Response, abort
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import weftline.agent
from support.otlp_sink import OtlpSink
from support.web_servers import wsgi_server

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = logging.getLogger("shop")


def application() -> Flask:
    app = Flask("shop")
    app.logger.handlers.clear()

    @app.get("/orders/<int:number>")
    def order(number: int) -> dict[str, Any]:
        LOG.info("order %d", number)
        return {"transaction": weftline.agent.transaction_id()}

    @app.get("/fails")
    def fails() -> str:
        raise LookupError("no such thing")

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            LOG.info("streaming")
            yield str(weftline.agent.transaction_id())

        return Response(body())

    @app.get("/teapot")
    def teapot() -> str:
        abort(418)

    @app.get("/unavailable")
    def unavailable() -> Response:
        return Response("later", 503, {"X-Transaction-ID": "my own"})

    return app


@pytest.fixture
def url() -> Iterator[str]:
    with wsgi_server(application()) as url:
        yield url


def get(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def server_span(sink: OtlpSink) -> dict[str, Any]:
    (span,) = sink.wait(lambda s: s.spans(kind="SERVER"))
    return span


ONLY_FLASK = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx"}


def test_a_request_in_full(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**ONLY_FLASK)
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
    assert answer.headers["x-transaction-id"] == TRACE
    assert (span["trace_id"], span["parent_id"], span["tracestate"], span["name"]) == (
        TRACE,
        SPAN,
        "a=1",
        "GET /orders/<int:number>",
    )
    assert span["attributes"] == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/orders/<int:number>",
        "url.path": "/orders/7",
        "url.query": "a=1&sig=REDACTED",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": httpx.URL(url).port,
        "network.protocol.version": "1.1",
        "user_agent.original": "test",
        "client.address": "10.1.2.3",
        "http.request.header.x-request-id": ["r-1"],
    }
    assert (span["status"], span["scope"][0], span["service"]) == (0, "weftline.agent.flask", "shop")
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["body"], log["trace_id"], log["span_id"], log["flags"]) == ("order 7", TRACE, span["span_id"], 1)
    assert "weftline.parent_span_id" not in log["attributes"]
    weftline.agent.stop()
    everything = b"".join(body for _, _, body in sink.requests)
    assert b"Basic secret" not in everything
    assert b"session=secret" not in everything
    assert b"secret" not in b"".join(body for path, _, body in sink.requests if "traces" in path)


def test_without_headers_a_new_transaction_begins(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**ONLY_FLASK)
    first, second = get(f"{url}/orders/1"), get(f"{url}/orders/2")
    spans = sink.wait(lambda s: len(s.spans()) == 2 and s.spans())
    ids = [span["trace_id"] for span in spans]
    assert ids == [first.json()["transaction"], second.json()["transaction"]]
    assert ids == [first.headers["x-transaction-id"], second.headers["x-transaction-id"]]
    assert len(set(ids)) == 2
    assert {span["parent_id"] for span in spans} == {""}


@pytest.mark.parametrize("traceparent", ["", "rubbish", f"ff-{TRACE}-{SPAN}-01"])
def test_x_transaction_id_names_the_trace_when_traceparent_does_not(
    start_agent: Callable[..., None], sink: OtlpSink, url: str, traceparent: str
) -> None:
    start_agent(**ONLY_FLASK)
    answer = get(f"{url}/orders/1", traceparent=traceparent, x_transaction_id="b" * 32)
    assert answer.headers["x-transaction-id"] == "b" * 32
    span = server_span(sink)
    assert (span["trace_id"], span["parent_id"]) == ("b" * 32, "")


def test_sampled_out_ids_flow_and_logs_arrive(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**ONLY_FLASK)
    answer = get(f"{url}/orders/1", traceparent=f"00-{TRACE}-{SPAN}-00")
    assert answer.headers["x-transaction-id"] == answer.json()["transaction"] == TRACE
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["trace_id"], log["flags"]) == (TRACE, 0)
    assert log["span_id"] not in ("", SPAN)
    assert log["attributes"]["weftline.parent_span_id"] == SPAN
    weftline.agent.stop()
    assert sink.spans() == []


def test_an_exception_becomes_a_500_with_its_event(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**ONLY_FLASK)
    assert get(f"{url}/fails").status_code == 500
    span = server_span(sink)
    assert (span["status"], span["name"]) == (2, "GET /fails")
    assert span["attributes"]["error.type"] == "LookupError"
    assert span["attributes"]["http.response.status_code"] == 500
    (event,) = span["events"]
    assert (event["exception.type"], event["exception.message"]) == ("LookupError", "no such thing")
    assert 'raise LookupError("no such thing")' in event["exception.stacktrace"]
    (log,) = sink.wait(lambda s: [log for log in s.logs() if log["severity"][1] == "ERROR"])
    assert (log["span_id"], log["attributes"]["exception.type"]) == (span["span_id"], "LookupError")


@pytest.mark.parametrize(
    ("path", "status", "name", "error", "header"),
    [
        ("/teapot", 418, "GET /teapot", None, None),
        ("/nowhere", 404, "GET", None, None),
        ("/unavailable", 503, "GET /unavailable", "503", "my own"),
    ],
)
def test_other_statuses(
    start_agent: Callable[..., None],
    sink: OtlpSink,
    url: str,
    path: str,
    status: int,
    name: str,
    error: Any,
    header: Any,
) -> None:
    start_agent(**ONLY_FLASK)
    answer = get(url + path)
    span = server_span(sink)
    assert (answer.status_code, span["name"]) == (status, name)
    assert span["attributes"]["http.response.status_code"] == status
    assert span["attributes"].get("error.type") == error
    assert span["status"] == (2 if error else 0)
    assert answer.headers["x-transaction-id"] == header or header is None


@pytest.mark.parametrize("flags", ["01", "00"])
def test_the_servers_access_log_and_a_streamed_body_belong_to_the_request(
    start_agent: Callable[..., None], sink: OtlpSink, url: str, flags: str
) -> None:
    start_agent(**ONLY_FLASK)
    assert get(f"{url}/stream", traceparent=f"00-{TRACE}-{SPAN}-{flags}").text == TRACE
    access = sink.wait(lambda s: s.logs(logger="werkzeug", trace_id=TRACE))
    body = sink.wait(lambda s: s.logs(logger="shop", trace_id=TRACE))
    assert "/stream" in access[0]["body"]
    assert access[0]["span_id"] == body[0]["span_id"] != ""
    assert ("weftline.parent_span_id" in access[0]["attributes"]) is (flags == "00")
    assert get(f"{url}/orders/1").headers["x-transaction-id"] != TRACE


def test_an_application_mounted_in_another_makes_one_span(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**ONLY_FLASK)
    inner = application()
    outer = Flask("outer")
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/shop": inner.wsgi_app})  # type: ignore[method-assign]
    with wsgi_server(outer) as url:
        assert get(f"{url}/shop/orders/1").status_code == 200
    span = server_span(sink)
    assert (span["name"], span["attributes"]["url.path"]) == ("GET /orders/<int:number>", "/shop/orders/1")


def test_after_stop_nothing_is_left(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    original = Flask.wsgi_app.__code__
    start_agent(**ONLY_FLASK)
    assert Flask.wsgi_app.__code__ is not original
    weftline.agent.stop()
    assert Flask.wsgi_app.__code__ is original
    assert "x-transaction-id" not in get(f"{url}/orders/1").headers
    assert sink.requests == []


def test_the_context_is_empty_after_a_request(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**ONLY_FLASK)
    app = application()
    # Closed as a server would: else a span ends when the body is collected, maybe in the next test.
    with app.test_client().get("/fails") as failed:
        assert failed.status_code == 500
    with app.test_client().get("/orders/1") as answer:
        assert answer.status_code == 200
    assert weftline.agent.transaction_id() is None


def test_advice_that_fails_leaves_the_request_alone(
    start_agent: Callable[..., None], sink: OtlpSink, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from weftline.agent import counters, serve

    def fail(*args: Any) -> None:
        raise RuntimeError("defect")

    monkeypatch.setattr(serve, "begin", fail)
    start_agent(**ONLY_FLASK, WEFTLINE_AGENT_STRICT="false")
    assert get(f"{url}/orders/1").json() == {"transaction": None}
    assert counters.snapshot()["contained", "flask.app:Flask.wsgi_app"] == 1
