"""A TCP proxy in front of a real server that can be slow, or away, or open to reads only."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self


class SlowProxy:
    """Listens on ``port``, a free one. ``delay`` is how many seconds answers take longer; None: nobody answers at all.

    ``readonly`` gives every request ClickHouse's setting of that name: an embedded ClickHouse has no users to give it to.
    """

    def __init__(self, upstream_port: int) -> None:
        self.delay: float | None = 0.0
        self.readonly = False
        self._upstream = ("127.0.0.1", upstream_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """All connections that there are."""
        for connection in list(self._open):
            self._close(connection)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.delay is None:
                    client.close()
                    continue
                server = socket.create_connection(self._upstream)
                self._open |= {client, server}
                threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.delay is None:
                    break
                if answers:
                    time.sleep(self.delay)
                elif self.readonly:
                    data = data.replace(b"POST /?", b"POST /?readonly=1&", 1)
                target.sendall(data)
        self._close(source)
        self._close(target)

    def _close(self, connection: socket.socket) -> None:
        self._open.discard(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
