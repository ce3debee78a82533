"""Real web servers on free loopback ports, in threads of the test's process: werkzeug for WSGI, uvicorn for ASGI."""

import inspect
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from werkzeug.serving import make_server


@contextmanager
def wsgi_server(app: Any) -> Iterator[str]:
    """Serves a WSGI application; its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def asgi_server(app: Any, **options: Any) -> Iterator[str]:
    """Serves an ASGI application; its URL. `options` are uvicorn's."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    options = {"log_config": None, "lifespan": "on", **options}
    if "timeout_graceful_shutdown" in inspect.signature(uvicorn.Config).parameters:  # since 0.22
        options["timeout_graceful_shutdown"] = 2
    server = uvicorn.Server(uvicorn.Config(app, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
