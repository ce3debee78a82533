"""The same small shop as a plain WSGI application, a plain ASGI application, and with Flask (and bodies of all kinds)."""

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import flask

import weftline.agent

LOG = logging.getLogger("shop")
logging.getLogger().setLevel(logging.INFO)


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """`/orders/N`, `/stream`, `/fails`; 404 for the rest."""
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise LookupError("no such thing")
    if path.startswith("/orders/"):
        LOG.info("order %s", path.rpartition("/")[2])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"transaction": weftline.agent.transaction_id()}).encode()]
    if path == "/stream":
        start_response("200 OK", [("X-Transaction-ID", "my own")])
        return _body()
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


def _body() -> Iterator[bytes]:
    LOG.info("streaming")
    yield str(weftline.agent.transaction_id()).encode()


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same, and a lifespan."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    path, status, headers, body = scope["path"], 404, [], b""
    if path == "/fails":
        raise LookupError("no such thing")
    if path.startswith("/orders/"):
        LOG.info("order %s", path.rpartition("/")[2])
        status, body = 200, json.dumps({"transaction": weftline.agent.transaction_id()}).encode()
        headers = [(b"content-type", b"application/json")]
    if path == "/stream":
        status, headers = 200, [(b"X-Transaction-ID", b"my own")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/stream":
        LOG.info("streaming")
        body = str(weftline.agent.transaction_id()).encode()
    await send({"type": "http.response.body", "body": body})


flask_app = flask.Flask("shop")


@flask_app.get("/orders/<int:number>")
def order(number: int) -> dict[str, Any]:
    LOG.info("order %d", number)
    return {"transaction": weftline.agent.transaction_id()}


@flask_app.get("/stream")
def stream() -> flask.Response:
    return flask.Response(_body())


@flask_app.get("/breaks")
def breaks() -> flask.Response:
    def body() -> Iterator[str]:
        yield "a"
        raise LookupError("no such thing")

    return flask.Response(body())


@flask_app.get("/closes")
def closes() -> flask.Response:
    response = flask.Response(_body())
    response.call_on_close(lambda: LOG.info("closed in %s", weftline.agent.transaction_id()))
    return response


@flask_app.get("/file")
def file() -> flask.Response:
    return flask.send_file(__file__, mimetype="text/x-python")
