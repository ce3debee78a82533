"""The Django plugin: a real project behind wsgiref, uvicorn and gunicorn, under runserver, and Django's test client."""

import logging
import wsgiref.simple_server
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from django.test import Client

import weftline.agent
from support import django_shop
from support.otlp_sink import OtlpSink
from support.programs import Programs
from support.web_servers import asgi_server, wsgi_server

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUIET = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx"}


@contextmanager
def wsgiref_server(app: Any) -> Iterator[str]:
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, app)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


SERVERS = {
    "wsgiref": lambda: wsgiref_server(django_shop.application),
    "werkzeug": lambda: wsgi_server(django_shop.application),
    "uvicorn": lambda: asgi_server(django_shop.asgi),
}


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "uvicorn":  # Django's ASGI handler knows no lifespan and says so with an exception
        monkeypatch.setattr("uvicorn.config.LIFESPAN", {"on": "uvicorn.lifespan.off:LifespanOff"})
    with SERVERS[request.param]() as url:
        yield url


def get(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def server_span(sink: OtlpSink) -> dict[str, Any]:
    (span,) = sink.wait(lambda s: s.spans(kind="SERVER"))
    return span


def test_a_request_in_full(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**QUIET)
    answer = get(
        f"{url}/orders/7/?a=1&sig=secret",
        traceparent=f"00-{TRACE}-{SPAN}-01",
        tracestate="a=1",
        x_request_id="r-1",
        authorization="Basic secret",
        cookie="session=secret",
        user_agent="test",
    )
    span = server_span(sink)
    assert answer.json()["transaction"] == TRACE
    assert answer.headers.get_list("x-transaction-id") == [TRACE]
    assert (span["trace_id"], span["parent_id"], span["tracestate"]) == (TRACE, SPAN, "a=1")
    assert span["name"] == "GET /orders/<int:number>/"
    protocol = span["attributes"].pop("network.protocol.version")
    assert protocol in ("1.1", "1.0")  # wsgiref speaks HTTP/1.0
    assert span["attributes"] == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/orders/<int:number>/",
        "url.path": "/orders/7/",
        "url.query": "a=1&sig=REDACTED",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": httpx.URL(url).port,
        "user_agent.original": "test",
        "client.address": "127.0.0.1",
        "http.request.header.x-request-id": ["r-1"],
    }
    assert (span["status"], span["scope"][0]) == (0, "weftline.agent.django")
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["body"], log["trace_id"], log["span_id"]) == ("order 7", TRACE, span["span_id"])
    weftline.agent.stop()
    assert len(sink.spans()) == 1
    assert b"secret" not in b"".join(body for path, _, body in sink.requests if "traces" in path)


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/old/7", 200, r"GET ^old/(?P<number>\d+)$"),
        ("/api/awaited/", 200, "GET /api/awaited/"),
        ("/missing/", 404, "GET /missing/"),
        ("/nowhere", 404, "GET"),
    ],
)
def test_routes(start_agent: Callable[..., None], sink: OtlpSink, url: str, path: str, status: int, name: str) -> None:
    start_agent(**QUIET)
    assert get(url + path).status_code == status
    span = server_span(sink)
    assert (span["name"], span["attributes"]["http.response.status_code"], span["status"]) == (name, status, 0)
    assert span["events"] == []


def test_an_exception_becomes_a_500_with_its_event(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**QUIET)
    answer = get(f"{url}/fails/")
    span = server_span(sink)
    assert (answer.status_code, span["status"], span["name"]) == (500, 2, "GET /fails/")
    assert answer.headers["x-transaction-id"] == span["trace_id"]
    assert span["attributes"]["error.type"] == "LookupError"
    (event,) = span["events"]
    assert event["exception.message"] == "no such thing"
    (log,) = sink.wait(lambda s: s.logs(logger="django.request"))
    assert (log["trace_id"], log["span_id"]) == (span["trace_id"], span["span_id"])


def test_sampled_out(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**QUIET)
    answer = get(f"{url}/orders/1/", traceparent=f"00-{TRACE}-{SPAN}-00")
    assert answer.headers["x-transaction-id"] == answer.json()["transaction"] == TRACE
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["trace_id"], log["flags"], log["attributes"]["weftline.parent_span_id"]) == (TRACE, 0, SPAN)
    weftline.agent.stop()
    assert sink.spans() == []


def test_a_streamed_body_is_in_the_transaction(start_agent: Callable[..., None], sink: OtlpSink, url: str) -> None:
    start_agent(**QUIET)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("warnings.warn", lambda *a, **k: None)  # Django warns of a synchronous body under ASGI
        assert get(f"{url}/stream/", traceparent=f"00-{TRACE}-{SPAN}-01").text == TRACE
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    span = server_span(sink)
    assert log["span_id"] == span["span_id"]
    assert span["start"] <= log["time"] <= span["end"]


def test_djangos_test_client(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(**QUIET)
    client = Client(raise_request_exception=False)
    assert client.get("/orders/7/").status_code == 200
    assert client.get("/fails/").status_code == 500
    with pytest.raises(LookupError):
        Client().get("/fails/")
    assert weftline.agent.transaction_id() is None
    spans = sink.wait(lambda s: len(s.spans()) == 3 and s.spans())
    assert [span["name"] for span in spans] == ["GET /orders/<int:number>/", "GET /fails/", "GET /fails/"]
    assert len({span["trace_id"] for span in spans}) == 3
    assert [span["attributes"].get("error.type") for span in spans] == [None, "LookupError", "LookupError"]


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "-b", "127.0.0.1:{port}", "-w", "2", "support.django_shop:application"),
        ("gunicorn", "-b", "127.0.0.1:{port}", "-k", "gthread", "--threads", "2", "support.django_shop:application"),
        ("uvicorn", "--port", "{port}", "--lifespan", "off", "support.django_shop:asgi"),
        ("python", "-m", "support.django_shop", "runserver", "--noreload", "{port}"),
    ],
    ids=["gunicorn-sync", "gunicorn-gthread", "uvicorn", "runserver"],
)
def test_under_weftline_agent_run(sink: OtlpSink, tmp_path: Path, command: tuple[str, ...]) -> None:
    with Programs(tmp_path, sink) as programs:
        url = programs.serve(*command)
        answers = [programs.get(f"{url}/orders/{number}/") for number in range(4)]
        failed = programs.get(f"{url}/fails/")
    spans = sink.spans()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert failed.status_code == 500
    assert [span["name"] for span in spans] == ["GET /orders/<int:number>/"] * 4 + ["GET /fails/"]
    assert [a.headers["x-transaction-id"] for a in [*answers, failed]] == [span["trace_id"] for span in spans]
    assert [a.json()["transaction"] for a in answers] == [span["trace_id"] for span in spans[:4]]
    assert len({span["trace_id"] for span in spans}) == 5
    assert [span["status"] for span in spans] == [0, 0, 0, 0, 2]


logging.getLogger("django.request").setLevel(logging.NOTSET)
