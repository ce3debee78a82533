"""One contender, one framework, one process: drives the application in the process and prints what it cost.

usage: python -m bench.agent.scenario flask|fastapi bare|weftline|contrib on|off SINK_PORT REQUESTS
Prints JSON: start (CPU ms to instrument and import), request (CPU µs, export included), memory (KiB at the end).
"""

import asyncio
import functools
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

WARM_UP = 500
PARENT = "00-%032x-00f067aa0ba902b7-%s"


def main() -> None:
    framework, contender, sampled, port, requests = sys.argv[1:]
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
    os.environ["OTEL_SERVICE_NAME"] = "bench"
    os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = "100000"  # nobody may save by dropping
    began = time.process_time()
    flush: Callable[[], Any] = bool  # the bare program has nothing to send
    if contender == "weftline":
        flush = _agent()
    elif contender == "contrib":
        flush = _sdk().force_flush
    drive = (_flask if framework == "flask" else _fastapi)(contender == "contrib")
    started = time.process_time() - began
    flags = "01" if sampled == "on" else "00"
    drive(WARM_UP, flags)
    flush()
    began = time.process_time()
    drive(int(requests), flags)
    flush()
    spent = time.process_time() - began
    print(
        json.dumps(
            {
                "start": started * 1e3,
                "request": spent / int(requests) * 1e6,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        )
    )


def _agent() -> Callable[[], Any]:
    import weftline.agent.auto  # noqa: F401 - importing it is what starts the agent
    from weftline.agent import lifecycle

    return functools.partial(lifecycle.flush, 30)


def _sdk() -> Any:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _flask(contrib: bool) -> Callable[[int, str], None]:
    import flask

    app = flask.Flask("bench")

    @app.get("/items/<name>")
    def items(name: str) -> dict[str, Any]:
        return {"name": name, "items": list(range(20))}

    if contrib:
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        FlaskInstrumentor().instrument_app(app)
    logging.getLogger("werkzeug").disabled = True
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/items/a", "QUERY_STRING": "", "SCRIPT_NAME": "", "SERVER_NAME": "shop",
        "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "HTTP_HOST": "shop:8080",
        "HTTP_USER_AGENT": "bench/1", "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip

    def drive(count: int, flags: str) -> None:
        for number in range(1, count + 1):
            answer = app({**environ, "HTTP_TRACEPARENT": PARENT % (number, flags)}, lambda *_: None)
            b"".join(answer)
            answer.close()

    return drive


def _fastapi(contrib: bool) -> Callable[[int, str], None]:
    import fastapi

    app = fastapi.FastAPI()

    @app.get("/items/{name}")
    async def items(name: str) -> dict[str, Any]:
        return {"name": name, "items": list(range(20))}

    if contrib:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        pass

    async def run(count: int, flags: str) -> None:
        for number in range(1, count + 1):
            scope = {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/items/a",
                "raw_path": b"/items/a", "query_string": b"", "root_path": "", "scheme": "http", "server": ("shop", 8080),
                "client": ("127.0.0.1", 1), "state": {},
                "headers": [(b"host", b"shop:8080"), (b"user-agent", b"bench/1"), (b"traceparent", (PARENT % (number, flags)).encode())],
            }  # fmt: skip
            await app(scope, receive, send)

    loop = asyncio.new_event_loop()
    return lambda count, flags: loop.run_until_complete(run(count, flags))


if __name__ == "__main__":
    main()
