"""The edge's two ports in a thread of the test's process, over a bus that holds requests on demand.

The bus is a fake: a store that is slow exactly as long as a test wants can't be had.
"""

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from support.otlp import span, spans_request
from weftline.collector.edge import http_protocol, otlp_grpc, otlp_http
from weftline.collector.edge.admission import Admission, RateLimit
from weftline.collector.edge.cors import Cors
from weftline.collector.edge.http_app import HttpApp
from weftline.collector.edge.otlp import MetricsRefusal, Receiver
from weftline.collector.store.protocol import Signal

PROTOBUF = {"content-type": "application/x-protobuf"}
MESSAGE = spans_request(*(span("0af7651916cd43dd8448eb211c80319c", f"{n:016x}") for n in range(1, 200)))


class HoldingBus:
    """Takes messages; answers while `open` is set, or with `error`."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.messages: list[bytes] = []
        self.error: Exception | None = None

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"", tenant: str = "") -> None:
        if self.error:
            raise self.error
        self.messages.append(message)
        await asyncio.to_thread(self.open.wait)

    async def check(self) -> None: ...

    async def close(self) -> None: ...


class Running:
    def __init__(self, **settings: float) -> None:
        self.settings = {"pending": 1 << 24, "request": 1 << 20, "header": 8192, "rate": 0, "read": 30.0, **settings}
        self.bus = HoldingBus()
        self.port = self.grpc_port = 0

    def post(self, body: bytes = MESSAGE, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            fields = PROTOBUF | {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", "/v1/traces", body, fields)
            answer = connection.getresponse()
            answer.body = answer.read()  # type: ignore[attr-defined]
            return answer
        finally:
            connection.close()

    async def serve(self, listener: socket.socket, ready: threading.Event) -> None:
        of = self.settings
        admission, rate = Admission(int(of["pending"])), RateLimit(int(of["rate"]), time.monotonic)
        metrics = MetricsRefusal()
        grpc_server, self.grpc_port = otlp_grpc.create_server(
            Receiver(self.bus, admission, "otlp_grpc"), "127.0.0.1:0", max_request_bytes=int(of["request"]),
            max_header_bytes=int(of["header"]), rate=rate, metrics=metrics,
        )  # fmt: skip
        app = HttpApp(
            otlp_http.routes(Receiver(self.bus, admission, "otlp_http"), metrics), self.bus, admission, rate,
            Cors(["https://shop.example"]), max_request_bytes=int(of["request"]), read_seconds=of["read"],
        )  # fmt: skip
        self.server = uvicorn.Server(
            uvicorn.Config(
                app, http=http_protocol.limited(int(of["header"]), of["read"]), log_config=None, access_log=False,
                lifespan="off",
            )
        )  # fmt: skip
        await grpc_server.start()
        ready.set()
        await self.server.serve(sockets=[listener])
        await grpc_server.stop(0)


@contextmanager
def running(**settings: float) -> Iterator[Running]:
    it = Running(**settings)
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        it.port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda: asyncio.run(it.serve(listener, ready)))
        thread.start()
        try:
            assert ready.wait(20)
            while not it.server.started:
                time.sleep(0.01)
            yield it
        finally:
            it.bus.open.set()
            it.server.should_exit = True
            thread.join(20)
