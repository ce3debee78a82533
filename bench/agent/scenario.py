"""One contender, one framework, one process: drives the application in the process and prints what it cost.

usage: python -m bench.agent.scenario flask|fastapi plain|weftline|contrib|ddtrace on|off REQUESTS
Prints JSON: start (CPU ms to instrument and import), request (CPU µs, export included), memory (KiB at the end).
"""

import asyncio
import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.agent import application, contender

WARM_UP = 500
PARENT = "00-%032x-00f067aa0ba902b7-%s"

Drive = Callable[[int, str], None]


def main() -> None:
    framework, name, sampled, requests = sys.argv[1:]
    began = time.process_time()
    flush = contender.start(name)
    app = getattr(application, framework)()
    contender.instrument(name, app, "")
    started = time.process_time() - began
    drive = (_wsgi if framework == "flask" else _asgi)(app)
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


def _wsgi(app: Any) -> Drive:
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


def _asgi(app: Any) -> Drive:
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
