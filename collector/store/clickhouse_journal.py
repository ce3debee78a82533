"""`Journal` as a table of ClickHouse's: one row a group of messages, in a partition of its own."""

import json
from collections.abc import Sequence

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_http import ClickHouseHttp
from weftline.collector.store.cluster import local
from weftline.collector.store.protocol import Begun, Signal
from weftline.collector.varint import read_varint, varint


class ClickHouseJournal:
    """See `Journal`."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        # On a cluster the journal is the server's own: a partition of a table over all shards can't be dropped.
        self._http = ClickHouseHttp(local(settings))

    def begin(
        self, token: str, signal: Signal, hashes: Sequence[bytes], messages: Sequence[bytes], tenant: str = ""
    ) -> None:
        row = [*map(_text, (token, signal.value, tenant)), varint(len(hashes)), *hashes, varint(len(messages))]
        for message in messages:
            row += (varint(len(message)), message)
        self._http.post(
            {"query": statements.text("insert/direct_inserts.sql").strip(), "async_insert": "0"},
            row,
        )

    def begun(self) -> Sequence[Begun]:
        answer = self._http.post({"query": statements.read("direct_inserts")})
        return [
            Begun(
                token,
                Signal(signal),
                int(time),
                (int(now) - int(time)) / 1e6,
                frozenset(map(bytes.fromhex, hashes)),
                tenant,
            )
            for token, signal, tenant, time, now, hashes in map(json.loads, answer.splitlines())
        ]

    def messages(self, token: str) -> Sequence[bytes]:
        answer = self._http.post({"query": statements.read("direct_insert_messages"), "param_token": token})
        if not answer:
            return []
        count, at = read_varint(answer, 0)
        messages = []
        for _ in range(count):
            size, at = read_varint(answer, at)
            messages.append(answer[at : at + size])
            at += size
        return messages

    def end(self, token: str) -> None:
        self._http.post({"query": statements.text("insert/direct_inserts_end.sql").strip(), "param_token": token})

    def close(self) -> None:
        """Let go of idle connections. Calls after it still work; they connect anew."""
        self._http.close()


def _text(text: str) -> bytes:
    it = text.encode()
    return varint(len(it)) + it
