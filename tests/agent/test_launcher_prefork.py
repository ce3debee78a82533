"""Servers that fork their workers, under `weftline-agent run`: every request one span, from the worker that served it."""

import concurrent.futures
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from support.launched import RUN, get, programs, write
from support.otlp_sink import OtlpSink
from weftline.deploy.local.ports import free_port

pytestmark = [pytest.mark.socket, pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")]

WSGI = """
    import logging, os, threading, time
    from flask import Flask
    logging.basicConfig(level=logging.INFO)
    app = Flask("shop")

    @app.get("/order")
    def order():
        time.sleep(0.02)
        logging.getLogger("shop").info("an order")
        return str(os.getpid())
"""
ASGI = """
    import asyncio, logging, os
    from fastapi import FastAPI
    logging.basicConfig(level=logging.INFO)
    app = FastAPI()

    @app.get("/order")
    async def order():
        await asyncio.sleep(0.02)
        logging.getLogger("shop").info("an order")
        return os.getpid()
"""
GUNICORN = ("gunicorn", "-w", "2", "-b", "127.0.0.1:{port}", "--graceful-timeout", "5")
SERVERS = {
    "sync": (*GUNICORN, "wsgiapp:app"),
    "gthread": (*GUNICORN, "-k", "gthread", "--threads", "4", "wsgiapp:app"),
    "preload": (*GUNICORN, "--preload", "wsgiapp:app"),
    "gevent": (*GUNICORN, "-k", "gevent", "wsgiapp:app"),
    "gevent-preload": (*GUNICORN, "-k", "gevent", "--preload", "wsgiapp:app"),
    "uvicorn-worker": (*GUNICORN, "-k", "uvicorn.workers.UvicornWorker", "asgiapp:app"),
    "uvicorn-workers": ("uvicorn", "asgiapp:app", "--workers", "2", "--port", "{port}"),
}
REQUESTS = 40
"""At the least."""


@pytest.mark.parametrize("server", SERVERS)
def test_prefork(sink: OtlpSink, tmp_path: Path, server: str) -> None:
    write(tmp_path, "wsgiapp.py", WSGI)
    write(tmp_path, "asgiapp.py", ASGI)
    port = free_port()
    url = f"http://127.0.0.1:{port}/order"
    command = [part.format(port=port) for part in SERVERS[server]]
    with programs(tmp_path, sink.url) as run:
        # long before the delay is over the workers are told to end: their end sends what waits
        process = run(RUN, "run", *command, OTEL_BSP_SCHEDULE_DELAY="60000", HOME=str(tmp_path))
        answers = [get(url, process)]
        deadline = time.monotonic() + 30
        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            # The first worker answers while the second, on a busy machine, still imports.
            while len(answers) < REQUESTS or len({answer.text for answer in answers}) < 2:
                answers += clients.map(lambda _: httpx.get(url, trust_env=False, timeout=20), range(8))
                assert time.monotonic() < deadline, "only one worker answers"
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert {answer.status_code for answer in answers} == {200}
    assert "MonkeyPatchWarning" not in out
    assert "Traceback" not in out, out

    spans, logs = sink.spans(kind="SERVER"), sink.logs(logger="shop")
    assert len(sink.spans()) == len(spans) == len(logs) == len(answers), out
    asked = {answer.headers["x-transaction-id"]: answer.text for answer in answers}
    assert {span["trace_id"] for span in spans} == {log["trace_id"] for log in logs} == set(asked)
    served = {(asked[span["trace_id"]], span["resource"]["service.instance.id"]) for span in spans}
    workers = {pid for pid, _ in served}
    assert len(workers) == len({instance for _, instance in served}) == len(served)
    assert len(workers) == 2
