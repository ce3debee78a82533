"""`Writer` over ClickHouse's HTTP port: hands on the bytes, ClickHouse decodes the protobuf itself.

A Python loop over spans costs 40 µs a span, this costs 0.1 µs here and 6 µs in the server (`bench/ingest`). Where there
is an encoder (`native`) spans become columns here: 1 µs a span, and 2 µs in the server.
"""

import zlib
from collections.abc import Collection, Sequence

from weftline.collector.metrics import NATIVE_BATCHES
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_http import ClickHouseHttp
from weftline.collector.store.protocol import Signal, SpanEncoder
from weftline.collector.varint import varint

_ONE_BLOCK = str(1 << 40)  # rows


class ClickHouseWriter:
    """See `Writer` for what it owes."""

    def __init__(self, settings: ClickHouseSettings, spans: SpanEncoder | None = None) -> None:
        self._http = ClickHouseHttp(settings)
        self._spans = spans

    def insert(self, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = "") -> None:
        if not messages:
            return
        if signal is Signal.SPANS and self._spans and (block := self._spans.encode(messages, tenant)):
            NATIVE_BATCHES.labels("encoded").inc()
            self._http.post({"query": statements.insert_spans_native(), **_once(token)}, list(block.pieces()))
            return
        if signal is Signal.SPANS and self._spans:
            NATIVE_BATCHES.labels("left_to_clickhouse").inc()
        insert = statements.insert(signal)
        # ProtobufList wants the length of the whole list first; the messages behind it are one valid list as they are.
        size = sum(map(len, messages))
        self._http.post(
            {
                "query": insert.statement,
                "format_schema": insert.schema,
                "format_schema_source": "string",
                "format_schema_message_name": insert.message,
                "param_tenant": tenant,
                **_once(token),
            },
            [varint(size), *messages],
        )

    def stored(self, hashes: Collection[bytes], token: str) -> set[bytes]:
        if not hashes:
            return set()
        # Only digits go into the text, and the text into the body: tens of thousands of hashes don't fit into a URL.
        query = statements.read("stored_messages").replace("$TOKEN", str(_number(token)))
        query = query.replace("$HASHES", ",".join(it.hex() for it in hashes))
        answer = self._http.post({"max_query_size": str(1 << 28)}, [query.encode()])
        return {answer[at : at + 16] for at in range(0, len(answer), 16)}

    def remember(self, hashes: Sequence[bytes], token: str) -> None:
        if hashes:
            number = _number(token).to_bytes(4, "little")
            # Without a token: a note that a killed server only took for stored would be missing for good. And not
            # asynchronously, which waits for other inserts.
            self._http.post(
                {"query": statements.text("insert/stored_messages.sql").strip(), "async_insert": "0"},
                [b"".join(it + number for it in hashes)],
            )

    def check(self) -> None:
        self._http.post({"query": "SELECT 1 FORMAT Null"})

    def close(self) -> None:
        self._http.close()


def _once(token: str) -> dict[str, str]:
    """Settings of an insert that is stored once under its token, as one block."""
    return {
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
    }


def _number(token: str) -> int:
    return zlib.crc32(token.encode())
