"""The edge's HTTP application with all its receivers in this process, over a bus in memory that keeps what it is given."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from weftline.collector.edge import jaeger_http, otlp_http, zipkin_http
from weftline.collector.edge.admission import Admission, RateLimit
from weftline.collector.edge.cors import Cors
from weftline.collector.edge.http_app import HttpApp
from weftline.collector.edge.otlp import MetricsRefusal, Receiver
from weftline.collector.store.protocol import Signal


@dataclass
class Kept:
    """A bus."""

    messages: list[tuple[Signal, bytes]] = field(default_factory=list)

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"", tenant: str = "") -> None:
        assert len(transaction) in (0, 16)
        self.messages.append((signal, message))

    async def check(self) -> None: ...

    async def close(self) -> None: ...


class EdgeApp:
    """Answers requests one after the other, without a socket."""

    def __init__(self, max_request_bytes: int = 1 << 20) -> None:
        self.bus = Kept()
        admission, rate = Admission(1 << 24), RateLimit(0, time.monotonic)

        def receiver(protocol: str) -> Receiver:
            return Receiver(self.bus, admission, protocol)

        routes = {
            **otlp_http.routes(receiver("otlp_http"), MetricsRefusal()),
            **zipkin_http.routes(receiver("zipkin")),
            **jaeger_http.routes(receiver("jaeger")),
        }
        cors = Cors(["https://*.example"])
        self.app = HttpApp(
            routes, self.bus, admission, rate, cors, max_request_bytes=max_request_bytes, read_seconds=10
        )
        self.paths = {path: list(route.dialects) for path, route in routes.items()}
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.close()

    def post(self, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> tuple[int, bytes]:
        """(status, body); headers in latin-1, as a server gives them."""
        sent: list[dict[str, Any]] = []
        pieces = [body[: len(body) // 2], body[len(body) // 2 :]]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(event: Any) -> None:
            sent.append(event)

        scope = {
            "type": "http", "method": method, "path": path, "client": ("192.0.2.1", 1),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }  # fmt: skip
        self._runner.run(self.app(scope, receive, send))
        return sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:])
