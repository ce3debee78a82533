"""Senders of OTLP/HTTP requests, many at once, each over a connection of its own."""

import http.client
import threading
from collections.abc import Sequence


def send(port: int, bodies: Sequence[bytes], senders: int) -> None:
    """Send each of ``bodies`` once; returns when all are answered. Ends the benchmark when one is refused."""
    remaining = iter(bodies)
    lock = threading.Lock()
    failures: list[str] = []

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                body = next(remaining, None)
            if body is None:
                break
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                failures.append(f"{answer.status} {text[:200]!r}")
                break
        connection.close()

    threads = [threading.Thread(target=sender) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"Not accepted: {failures[0]}")
