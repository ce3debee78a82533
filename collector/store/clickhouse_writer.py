"""`Writer` over ClickHouse's HTTP port: hands on the bytes, ClickHouse decodes the protobuf itself.

A Python loop over spans costs 40 µs a span, this costs 0.1 µs here and 6 µs in the server (`bench/ingest`).
"""

import http.client
import queue
from collections.abc import Sequence
from urllib.parse import urlencode

from weftline.collector.errors import TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_errors import translate
from weftline.collector.store.protocol import Signal

_ONE_BLOCK = str(1 << 40)  # rows


class ClickHouseWriter:
    """See `Writer` for what it owes. Idle connections are kept for the next caller, whatever thread it is on."""

    def __init__(self, settings: ClickHouseSettings, keep: int = 8) -> None:
        self._settings = settings
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue(keep)

    def insert(self, signal: Signal, messages: Sequence[bytes], token: str) -> None:
        if not messages:
            return
        insert = statements.insert(signal)
        # ProtobufList wants the length of the whole list first; the messages behind it are one valid list as they are.
        size = sum(map(len, messages))
        self._post(
            {
                "query": insert.statement,
                "format_schema": insert.schema,
                "format_schema_source": "string",
                "format_schema_message_name": insert.message,
                "insert_deduplication_token": token,
                "deduplicate_blocks_in_dependent_materialized_views": "1",
                # One insert is one block: all rows or none, and the token stands for exactly these rows. Blocks of the
                # default size would be written one by one, and those before a bad message would stay.
                "max_block_size": _ONE_BLOCK,
                "max_insert_block_size": _ONE_BLOCK,
                "min_insert_block_size_rows": _ONE_BLOCK,
                "min_insert_block_size_bytes": "0",
                # A sender's clock can be anywhere; the limit would refuse its neighbours with it.
                "max_partitions_per_insert_block": "0",
            },
            [_varint(size), *messages],
            size,
        )

    def check(self) -> None:
        self._post({"query": "SELECT 1 FORMAT Null"}, [], 0)

    def close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _post(self, parameters: dict[str, str], body: Sequence[bytes], size: int) -> None:
        s = self._settings
        path = "/?" + urlencode({"database": s.database, **parameters})
        headers = {"Content-Length": str(size + (len(body[0]) if body else 0))}
        if s.user != "default" or s.password:
            headers |= {"X-ClickHouse-User": s.user, "X-ClickHouse-Key": s.password}
        connection = self._connection()
        try:
            reused = connection.sock is not None
            try:
                response = self._exchange(connection, path, headers, body)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if not reused:
                    raise
                # The server closes idle connections; the token makes sending again safe.
                connection.close()
                response = self._exchange(connection, path, headers, body)
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise TryLater(f"ClickHouse at {s.host}:{s.http_port} does not answer: {error!r}") from error
        except BaseException:
            connection.close()
            raise
        if response.status != 200:
            connection.close()  # it may have answered without reading the whole body
            code = int(response.headers.get("X-ClickHouse-Exception-Code") or 0)
            raise translate(code, text.decode("utf-8", "replace"))
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            kind = http.client.HTTPSConnection if self._settings.secure else http.client.HTTPConnection
            return kind(self._settings.host, self._settings.http_port, timeout=self._settings.timeout)

    @staticmethod
    def _exchange(
        connection: http.client.HTTPConnection, path: str, headers: dict[str, str], body: Sequence[bytes]
    ) -> http.client.HTTPResponse:
        connection.request("POST", path, body=iter(body), headers=headers, encode_chunked=False)
        return connection.getresponse()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
