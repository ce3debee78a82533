"""Sends requests over eight connections, one at a time on each. Half of them carry a traceparent that says not
sampled, the others none.
"""

import secrets
import selectors
import socket

CONNECTIONS = 8


def main(port: int, requests: int) -> None:
    """Send ``requests``; fails on any answer that isn't 200."""
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, bytearray())
        connection.sendall(_request(0))
    sent, answered = CONNECTIONS, 0
    while answered < requests:
        for key, _ in selector.select():
            connection, buffer = key.fileobj, key.data
            assert isinstance(connection, socket.socket)
            buffer += connection.recv(65536)
            if not buffer.endswith(b"\r\n\r\n"):  # the answer has no body
                continue
            if not buffer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"Unexpected answer: {bytes(buffer[:80])!r}")
            buffer.clear()
            answered += 1
            if sent < requests:
                connection.sendall(_request(sent))
                sent += 1
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr] # sockets, as registered
    selector.close()


def _request(number: int) -> bytes:
    traceparent = f"traceparent: 00-{secrets.token_hex(16)}-00f067aa0ba902b7-00\r\n" if number % 2 else ""
    return (
        f"GET /app HTTP/1.1\r\nhost: shop.example\r\nuser-agent: bench/1\r\naccept: */*\r\n{traceparent}\r\n".encode()
    )
