"""WebSockets under each of uvicorn's implementations: a span a connection, whose transaction is the messages' too."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketException
from starlette.responses import PlainTextResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import weftline.agent
from support.otlp_sink import OtlpSink
from support.web_servers import asgi_server
from weftline.agent.weave.versions import allows

pytestmark = [
    pytest.mark.socket,
    pytest.mark.filterwarnings("ignore:websockets.*legacy.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The `websockets` implementation is deprecated"),
    pytest.mark.filterwarnings("ignore:remove second argument of ws_handler:DeprecationWarning"),
]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = logging.getLogger("chat")
Start = Callable[..., None]


def fastapi_app() -> FastAPI:
    app = FastAPI()

    @app.websocket("/rooms/{name}")
    async def room(socket: WebSocket, name: str) -> None:
        await socket.accept(headers=[(b"x-room", name.encode())])
        async for text in socket.iter_text():
            LOG.info("said %s", text)
            await socket.send_text(str(weftline.agent.transaction_id()))

    @app.websocket("/closed")
    async def closed(socket: WebSocket) -> None:
        raise WebSocketException(1008)

    @app.websocket("/denied")
    async def denied(socket: WebSocket) -> None:
        await socket.send_denial_response(PlainTextResponse("no", 429))

    @app.websocket("/fails/{when}")
    async def fails(socket: WebSocket, when: str) -> None:
        if when == "later":
            await socket.accept()
        raise LookupError("no such thing")

    @app.websocket("/waits")
    async def waits(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive_text()  # raises WebSocketDisconnect

    return app


async def plain_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        LOG.info("said")
        await send({"type": "websocket.send", "text": str(weftline.agent.transaction_id())})
        await send({"type": "websocket.close"})


@pytest.fixture(params=["websockets", "websockets-sansio", "wsproto"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "websockets-sansio":
        pytest.importorskip("uvicorn.protocols.websockets.websockets_sansio_impl", reason="uvicorn before 0.35")
    with asgi_server(fastapi_app(), ws=request.param) as url:
        yield url.replace("http", "ws")


def dial(url: str, **headers: str) -> ClientConnection:
    return connect(url, additional_headers=headers, proxy=None, open_timeout=10, close_timeout=10)


def server_span(sink: OtlpSink) -> dict[str, Any]:
    (span,) = sink.wait(lambda s: s.spans(kind="SERVER"))
    return span


def test_a_conversation(start_agent: Start, sink: OtlpSink, url: str) -> None:
    start_agent()
    with dial(f"{url}/rooms/7?sig=s3cret", traceparent=f"00-{TRACE}-{SPAN}-01") as socket:
        assert socket.response is not None
        assert socket.response.headers["x-transaction-id"] == TRACE
        assert socket.response.headers["x-room"] == "7"
        for text in ("a", "b"):
            socket.send(text)
            assert socket.recv(10) == TRACE
        assert sink.spans(kind="SERVER") == []  # it is still open
    span = server_span(sink)
    assert (span["name"], span["trace_id"], span["parent_id"]) == ("GET /rooms/{name}", TRACE, SPAN)
    expected = {
        "http.request.method": "GET",
        "http.route": "/rooms/{name}",
        "http.response.status_code": 101,
        "url.scheme": "ws",
        "url.path": "/rooms/7",
        "url.query": "sig=REDACTED",
        "server.address": "127.0.0.1",
    }
    assert {name: span["attributes"].get(name) for name in expected} == expected
    assert (span["status"], span["events"], span["scope"][0]) == (0, [], "weftline.agent.starlette")
    logs = sink.wait(lambda s: len(found := s.logs(logger="chat")) == 2 and found)
    assert {(log["trace_id"], log["span_id"]) for log in logs} == {(TRACE, span["span_id"])}


def test_sampled_out(start_agent: Start, sink: OtlpSink, url: str) -> None:
    start_agent()
    with dial(f"{url}/rooms/7", traceparent=f"00-{TRACE}-{SPAN}-00") as socket:
        socket.send("a")
        assert socket.recv(10) == TRACE
    (log,) = sink.wait(lambda s: s.logs(logger="chat"))
    assert (log["trace_id"], log["attributes"]["weftline.parent_span_id"]) == (TRACE, SPAN)
    weftline.agent.stop()
    assert sink.spans() == []


@pytest.mark.parametrize(("path", "status"), [("closed", 403), ("denied", 429), ("nowhere", 403)])
def test_a_handshake_that_is_refused(start_agent: Start, sink: OtlpSink, url: str, path: str, status: int) -> None:
    if path == "denied" and not allows(">=0.25", uvicorn.__version__):
        pytest.skip("uvicorn before 0.25 answers every refused handshake with 403")
    start_agent()
    with pytest.raises(InvalidStatus) as refused:
        dial(f"{url}/{path}")
    assert refused.value.response.status_code == status
    span = server_span(sink)
    assert (span["attributes"]["http.response.status_code"], span["status"]) == (status, 0)


@pytest.mark.parametrize(("when", "status"), [("at-once", 500), ("later", 101)])
def test_an_application_that_fails(start_agent: Start, sink: OtlpSink, url: str, when: str, status: int) -> None:
    start_agent()
    if when == "later":
        with dial(f"{url}/fails/{when}") as socket, pytest.raises(ConnectionClosed):
            socket.recv(10)
    else:
        with pytest.raises(InvalidStatus):
            dial(f"{url}/fails/{when}")
    span = server_span(sink)
    assert (span["attributes"]["http.response.status_code"], span["status"]) == (status, 2)
    assert span["attributes"]["error.type"] == "LookupError"
    assert [event["exception.message"] for event in span["events"]] == ["no such thing"]


def test_a_client_that_leaves_is_no_error(start_agent: Start, sink: OtlpSink, url: str) -> None:
    start_agent()
    with dial(f"{url}/waits"):
        pass
    span = server_span(sink)
    assert (span["attributes"]["http.response.status_code"], span["status"], span["events"]) == (101, 0, [])


def test_an_application_without_a_framework(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    with asgi_server(plain_app) as url, dial(url.replace("http", "ws") + "/x") as socket:
        text = socket.recv(10)
    span = server_span(sink)
    assert (span["name"], span["trace_id"], span["scope"][0]) == ("GET", text, "weftline.agent.asgi")
    (log,) = sink.wait(lambda s: s.logs(logger="chat"))
    assert log["span_id"] == span["span_id"]
