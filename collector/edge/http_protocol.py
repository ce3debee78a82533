"""Uvicorn's HTTP/1.1 protocol with two limits that it lacks: how long headers may be and how long they may take."""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol


class _HeadersTooLarge(Exception):  # noqa: N818 - names the answer
    pass


def limited(max_header_bytes: int, read_seconds: float) -> type[HttpToolsProtocol]:
    """A protocol class for ``uvicorn.Config(http=...)``.

    Headers, with the request line, beyond ``max_header_bytes`` are answered with 431; a connection that does not
    bring whole headers within ``read_seconds`` is closed (between requests uvicorn's own keep-alive timeout holds).
    """

    class Limited(HttpToolsProtocol):
        _head = 0
        _reading = True
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
            super().connection_made(transport)
            self._expect_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            self._headers_done()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._reading:
                self._head += len(data)
            super().data_received(data)
            # A single endless header is never shown to on_header.
            if self._reading and self._head > max_header_bytes and not self.transport.is_closing():
                self.send_400_response("Invalid HTTP request received.")

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._size = 0
            if not self._reading:
                self._expect_headers()

        def on_url(self, url: bytes) -> None:
            self._grow(len(url))
            super().on_url(url)

        def on_header(self, name: bytes, value: bytes) -> None:
            self._grow(len(name) + len(value))
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._headers_done()
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            too_large = self._reading and self._head > max_header_bytes
            if not too_large:
                super().send_400_response(msg)
                return
            body = f"The headers are larger than {max_header_bytes} bytes.\n".encode()
            head = b"content-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[431] + head + body)
            self.transport.close()

        def _grow(self, size: int) -> None:
            self._size += size
            if self._size > max_header_bytes:
                self._head = self._size
                raise _HeadersTooLarge

        def _expect_headers(self) -> None:
            self._reading, self._head = True, 0
            self._deadline = self.loop.call_later(read_seconds, self.transport.close)

        def _headers_done(self) -> None:
            self._reading = False
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Limited
