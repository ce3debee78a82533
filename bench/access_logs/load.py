"""Requests without a client in the way: pipelined over a few connections; answers are only counted."""

import socket
import sys
import threading
import time
from collections.abc import Callable

_REQUEST = b"GET /pay?order=4711 HTTP/1.1\r\nhost: shop.example\r\nuser-agent: bench\r\n\r\n"
_DEPTH = 16


def send(port: int, requests: int, *, connections: int = 4) -> None:
    """As fast as can be; returns when all are answered."""
    _in_threads(connections, lambda: _send(port, requests // connections, 0.0, threading.Event()))


def send_until(stop: threading.Event, port: int, *, rate: float, connections: int = 4) -> None:
    """``rate`` requests a second, all connections together; returns when ``stop`` is set and all are answered."""
    _in_threads(connections, lambda: _send(port, sys.maxsize, rate / connections, stop))


def _in_threads(connections: int, work: Callable[[], None]) -> None:
    failures: list[str] = []

    def sender() -> None:
        try:
            work()
        except OSError as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=sender) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"A connection failed: {failures[0]}")


def _send(port: int, count: int, rate: float, stop: threading.Event) -> None:
    began, sent = time.monotonic(), 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        while sent < count and not stop.is_set():
            batch = min(_DEPTH, count - sent)
            connection.sendall(_REQUEST * batch)
            sent += batch
            answered, rest = 0, b""
            while answered < batch:
                data = connection.recv(1 << 16)
                if not data:
                    raise ConnectionError("Envoy closed the connection")
                data = rest + data
                answered += data.count(b"HTTP/1.1 200")
                rest = data[-11:]
            if rate:
                time.sleep(max(0.0, began + sent / rate - time.monotonic()))
