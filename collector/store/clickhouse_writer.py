"""`Writer` over ClickHouse's HTTP port: hands on the bytes, ClickHouse decodes the protobuf itself.

A Python loop over spans costs 40 µs a span, this costs 0.1 µs here and 6 µs in the server (`bench/ingest`).
"""

import http.client
import queue
import zlib
from collections.abc import Collection, Sequence
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
        )

    def stored(self, hashes: Collection[bytes], token: str) -> set[bytes]:
        if not hashes:
            return set()
        # Only digits go into the text, and the text into the body: tens of thousands of hashes don't fit into a URL.
        query = statements.read("stored_messages").replace("$TOKEN", str(_number(token)))
        query = query.replace("$HASHES", ",".join(it.hex() for it in hashes))
        answer = self._post({"max_query_size": str(1 << 28)}, [query.encode()])
        return {answer[at : at + 16] for at in range(0, len(answer), 16)}

    def remember(self, hashes: Sequence[bytes], token: str) -> None:
        if hashes:
            number = _number(token).to_bytes(4, "little")
            self._post(
                {"query": statements.text("insert/stored_messages.sql").strip(), "insert_deduplication_token": token},
                [b"".join(it + number for it in hashes)],
            )

    def check(self) -> None:
        self._post({"query": "SELECT 1 FORMAT Null"}, [])

    def close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _post(self, parameters: dict[str, str], body: Sequence[bytes]) -> bytes:
        s = self._settings
        path = "/?" + urlencode({"database": s.database, **parameters})
        headers = {"Content-Length": str(sum(map(len, body)))}
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
        return text

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


def _number(token: str) -> int:
    return zlib.crc32(token.encode())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
