"""The demo's real Envoys around plain stand-ins for its services, and their access logs put into a real store."""

import http.client
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.otlp_grpc_sink import Sink, otlp_grpc_sink
from support.traced_apps import Visit, traced_apps
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.deploy.demo import mesh
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Collector
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

Json = dict[str, Any]


@dataclass(slots=True)
class ShopMesh:
    """edge → [cart's inbound → cart → cart's outbound] → [payment's inbound → payment → payment's outbound] → ledger"""

    ports: mesh.Ports
    sink: Sink
    visits: list[Visit] = field(default_factory=list)
    _stored: int = 0

    def send(
        self, path: str, headers: Mapping[str, str] | None = None, *, leave_after: float | None = None
    ) -> tuple[int, str]:
        """(status, x-transaction-id) of a POST at the edge; with ``leave_after`` seconds the client leaves: (0, '')."""
        connection = http.client.HTTPConnection(HOST, self.ports.edge, timeout=20)
        connection.request("POST", path, headers=dict(headers or {}))
        if leave_after is not None:
            time.sleep(leave_after)
            assert connection.sock is not None
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            return 0, ""
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers["x-transaction-id"]

    def sent_by(self, path: str) -> str:
        """A transaction ID of our own for a request whose client doesn't wait for the answer."""
        trace_id = secrets.token_hex(16)
        self.send(path, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}, leave_after=0.3)
        return trace_id

    def store(self, writer: ClickHouseWriter) -> None:
        """Put what has come since the last call into the store, once no more comes."""
        self.sink.settle(lambda sink: len(sink.log_requests) > self._stored)
        with self.sink.changed:
            messages = self.sink.log_requests[self._stored :]
            self._stored = len(self.sink.log_requests)
        writer.insert(Signal.LOGS, messages, secrets.token_hex(8))


@contextmanager
def shop_mesh(folder: Path, change: Callable[[str, Json], None] = lambda _name, _config: None) -> Iterator[ShopMesh]:
    """Running; ``change`` gets each proxy's name (edge, cart, payment) and bootstrap before it starts."""
    ports = mesh.Ports.choose(free_port)
    with ExitStack() as stack:
        running = ShopMesh(ports, stack.enter_context(otlp_grpc_sink()))
        stack.enter_context(
            traced_apps(
                running.visits,
                cart=ports.cart,
                cart_outbound=ports.cart_outbound,
                payment=ports.payment,
                payment_outbound=ports.payment_outbound,
            )
        )
        collector = Collector(Address(HOST, running.sink.port), protocol="grpc")
        for name, proxy in (("edge", mesh.edge), ("cart", mesh.cart_sidecar), ("payment", mesh.payment_sidecar)):
            config = bootstrap(proxy(ports, collector))
            change(name, config)
            stack.enter_context(Envoy(name, folder, config))
        yield running
