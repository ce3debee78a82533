"""gunicorn's own ASGI worker under `weftline-agent run`: HTTP and WebSockets, plain applications and a framework's."""

import textwrap
from pathlib import Path
from typing import Any

import gunicorn
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from support.otlp_sink import OtlpSink
from support.programs import Programs
from weftline.agent.weave.versions import allows

NEWEST = allows(">=27", gunicorn.__version__)
"""Before, it closes the connection of a handshake that it refuses, and can't give its own answers headers."""
pytestmark = [
    pytest.mark.socket,
    pytest.mark.skipif(
        not allows(">=25.1", gunicorn.__version__),
        reason="gunicorn before 24 has no ASGI worker, before 25.1 no chunks",
    ),
]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GUNICORN = ("gunicorn", "-k", "asgi", "-b", "127.0.0.1:{port}", "-w", "2", "--access-logfile", "-")
CHAT = """
    import logging
    import weftline.agent
    logging.getLogger().setLevel(logging.INFO)

    async def plain(scope, receive, send):
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        await receive()
        if scope["path"] == "/denied":
            await send({"type": "websocket.close"})
            return
        if scope["path"] == "/fails":
            raise LookupError("no such thing")
        await send({"type": "websocket.accept"})
        if scope["path"] == "/fails/later":
            raise LookupError("no such thing")
        logging.getLogger("chat").info("said")
        await send({"type": "websocket.send", "text": str(weftline.agent.transaction_id())})
        await receive()
"""
FASTAPI = """
    import logging
    from fastapi import FastAPI
    import weftline.agent
    logging.getLogger().setLevel(logging.INFO)
    app = FastAPI()

    @app.get("/orders/{number}")
    async def order(number: int) -> str | None:
        logging.getLogger("shop").info("order %d", number)
        return weftline.agent.transaction_id()
"""


def write(folder: Path, name: str, source: str) -> None:
    (folder / name).write_text(textwrap.dedent(source))


def test_a_plain_application(sink: OtlpSink, tmp_path: Path) -> None:
    with Programs(tmp_path, sink) as programs:
        url = programs.serve(*GUNICORN, "support.plain_apps:asgi")
        order = programs.get(f"{url}/orders/7?a=1", traceparent=f"00-{TRACE}-{SPAN}-01", x_request_id="r-1")
        stream = programs.get(f"{url}/stream")
        failed = programs.get(f"{url}/fails")
        sampled_out = programs.get(f"{url}/orders/8", traceparent=f"00-{TRACE}-{SPAN}-00")
    spans = sink.spans()
    assert order.json() == sampled_out.json() == {"transaction": TRACE}
    assert order.headers.get_list("x-transaction-id") == sampled_out.headers.get_list("x-transaction-id") == [TRACE]
    assert (stream.text, stream.headers.get_list("x-transaction-id")) == (spans[1]["trace_id"], ["my own"])
    assert failed.status_code == 500
    if NEWEST:
        assert failed.headers["x-transaction-id"] == spans[2]["trace_id"]
    assert [(span["kind"], span["scope"][0], span["status"]) for span in spans] == [
        ("SERVER", "weftline.agent.asgi", status) for status in (0, 0, 2)
    ]
    assert (spans[0]["trace_id"], spans[0]["parent_id"], spans[0]["name"]) == (TRACE, SPAN, "GET")
    assert [span["attributes"]["http.response.status_code"] for span in spans] == [200, 200, 500]
    assert [span["attributes"].get("error.type") for span in spans] == [None, None, "LookupError"]
    access = sink.logs(logger="gunicorn.access")
    assert [log["span_id"] for log in access[:3]] == [span["span_id"] for span in spans]
    assert (access[3]["trace_id"], access[3]["attributes"]["weftline.parent_span_id"]) == (TRACE, SPAN)
    (error,) = (log for log in sink.logs(logger="gunicorn.error") if log["severity"][1] == "ERROR")
    assert (error["trace_id"], error["span_id"]) == (spans[2]["trace_id"], spans[2]["span_id"])


def test_fastapi_makes_one_span(sink: OtlpSink, tmp_path: Path) -> None:
    write(tmp_path, "shop.py", FASTAPI)
    with Programs(tmp_path, sink) as programs:
        url = programs.serve(*GUNICORN, "shop:app")
        answer = programs.get(f"{url}/orders/7", traceparent=f"00-{TRACE}-{SPAN}-01")
        programs.get(f"{url}/nowhere")
    first, second = sink.spans()
    assert (answer.json(), answer.headers.get_list("x-transaction-id")) == (TRACE, [TRACE])
    assert (first["name"], first["scope"][0]) == ("GET /orders/{number}", "weftline.agent.starlette")
    assert (second["name"], second["attributes"]["http.response.status_code"]) == ("GET", 404)
    (log,) = sink.logs(logger="shop")
    access = sink.logs(logger="gunicorn.access")
    assert log["span_id"] == access[0]["span_id"] == first["span_id"]
    assert access[1]["span_id"] == second["span_id"]
    assert access[0]["time"] <= first["end"]


def test_websockets(sink: OtlpSink, tmp_path: Path) -> None:
    write(tmp_path, "chat.py", CHAT)
    with Programs(tmp_path, sink) as programs:
        url = programs.serve(*GUNICORN, "chat:plain").replace("http", "ws")
        headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        with connect(f"{url}/room", additional_headers=headers, proxy=None) as socket:
            assert socket.response is not None
            assert socket.response.headers["x-transaction-id"] == socket.recv(10) == TRACE
        for path, status in (("denied", 403), ("fails", 500)) if NEWEST else ():
            with pytest.raises(InvalidStatus) as refused:
                connect(f"{url}/{path}", proxy=None)
            assert refused.value.response.status_code == status
        with connect(f"{url}/fails/later", proxy=None):
            pass
    spans: dict[str, Any] = {span["attributes"]["url.path"]: span for span in sink.spans(kind="SERVER")}
    outcomes = {
        path: (span["attributes"]["http.response.status_code"], span["status"], span["attributes"].get("error.type"))
        for path, span in spans.items()
    }
    refused_ones = {"/denied": (403, 0, None), "/fails": (500, 2, "LookupError")} if NEWEST else {}
    assert outcomes == {"/room": (101, 0, None), "/fails/later": (101, 2, "LookupError"), **refused_ones}
    (log,) = sink.logs(logger="chat")
    assert (log["trace_id"], log["span_id"]) == (TRACE, spans["/room"]["span_id"])
