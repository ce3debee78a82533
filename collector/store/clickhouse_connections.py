"""Connections to ClickHouse's native port, kept for the next caller, whatever thread it is on."""

import queue
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from weftline.collector.errors import AskOtherwise, TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.not_utf8 import holds_bytes, text
from weftline.collector.store.tenants import Ask, nobody_in_particular, only

ASK_OTHERWISE: Final = {
    158: "it reads too many rows",
    159: "it takes too long",
    160: "it takes too long",
    191: "too many transactions fulfil one of its parts",
    241: "it needs too much memory",
    427: "ClickHouse can't read its regular expression (RE2 syntax)",
}
"""ClickHouse's error code -> why a query can't be answered as it is."""
BLOCK_ROWS: Final = 1024
"""Of a query that is read in blocks: few, because wide rows take a hundred times their size on the wire."""
AT_ONCE: Final = 32
"""Queries beside those of the callers' own threads."""
_LINES: Final = {
    # The driver's own: no decoding.
    "strings_as_bytes": True,
    # A look-up reads a few granules: more threads cost more than they save, and so does telling what it did.
    "max_threads": 1,
    "send_profile_events": 0,
}


def read_only(seconds: float, memory: int) -> dict[str, Any]:
    """ClickHouse's settings for a query that only reads, whatever the user may do, and fails when it takes longer or
    more bytes."""
    return {
        "readonly": 2,
        "max_execution_time": max(seconds, 0.001),
        "timeout_overflow_mode": "throw",
        "max_memory_usage": memory,
    }


ON_CLUSTER: Final = {
    # What a subquery asks for is on the shard of the transaction; where it may not be, the SQL says GLOBAL.
    "distributed_product_mode": "local",
    # An insert is durable on every shard when it returns.
    "distributed_foreground_insert": 1,
}


def connect(settings: ClickHouseSettings, database: str | None = None) -> Client:
    """A client of the native port, of all rows unless ``database`` is given; it connects when it is first used."""
    return Client(
        host=settings.host,
        port=settings.tcp_port,
        database=settings.whole if database is None else database,
        user=settings.user,
        password=settings.password,
        secure=settings.secure,
        connect_timeout=5,
        send_receive_timeout=settings.timeout,
        sync_request_timeout=5,
        settings=ON_CLUSTER if settings.cluster else None,
    )


@contextmanager
def executing(settings: ClickHouseSettings, *, bounded: bool = False) -> Iterator[None]:
    """Turns the driver's errors into ours; a read has no data of its own that could be bad.

    Only a ``bounded`` query can be asked otherwise: where the bounds are the server's own, it may be busy with others.
    """
    try:
        yield
    except ServerException as error:
        if bounded and (reason := ASK_OTHERWISE.get(error.code)):
            raise AskOtherwise(reason) from error
        raise TryLater(f"ClickHouse refused with code={error.code}: {' '.join(error.message.split())[:500]}") from error
    except (Error, OSError, EOFError) as error:
        raise TryLater(f"ClickHouse at {settings.host}:{settings.tcp_port} does not answer: {error!r}") from error


class ClickHouseConnections:
    """At most ``keep`` idle connections; more callers at a time open more. Safe from several threads.

    ``ask`` says for whom, at each query; a query reads the rows of that tenant alone.
    """

    def __init__(self, settings: ClickHouseSettings, ask: Ask = nobody_in_particular, keep: int = 8) -> None:
        self._settings = settings
        self._ask = ask
        self._idle: queue.LifoQueue[Client] = queue.LifoQueue(keep)
        # They only wait for ClickHouse. What finds none free waits for one; none waits for another.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="clickhouse")

    def execute(
        self, sql: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of a query. ``settings`` are ClickHouse's own and bound it. Raises `TryLater` and `AskOtherwise`."""
        asker = self._ask()
        with executing(self._settings, bounded=settings is not None), self._client(asker.tenant, sql) as client:
            rows: list[tuple[Any, ...]] = client.execute(sql, dict(parameters), settings=settings)
        asker.rows += len(rows)
        return [text(row) if holds_bytes(row) else row for row in rows]

    def lines(
        self, sql: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[bytes, ...]]:
        """The rows of a query whose columns are all strings, as bytes. ``settings`` and errors as of `execute`."""
        asker = self._ask()
        rows = self._lines(asker.tenant, sql, parameters, settings)
        asker.rows += len(rows)
        return rows

    def lines_at_once(self, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[tuple[bytes, ...]]]:
        """As `lines`, of several queries at the same time: a connection each, the last one's on the caller's thread."""
        asker = self._ask()
        *others, last = asked
        running = [self._threads.submit(self._lines, asker.tenant, *one) for one in others]
        of_last = self._lines(asker.tenant, *last)
        answers = [*(one.result() for one in running), of_last]
        asker.rows += sum(map(len, answers))
        return answers

    def _lines(
        self, tenant: str, sql: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[bytes, ...]]:
        with executing(self._settings, bounded=settings is not None), self._client(tenant, sql) as client:
            rows: list[tuple[bytes, ...]] = client.execute(
                sql, dict(parameters), settings={**_LINES, **(settings or {})}
            )
        return rows

    def blocks(self, sql: str, parameters: Mapping[str, Any]) -> Generator[list[tuple[bytes, ...]], None, None]:
        """As `lines`, in blocks of `BLOCK_ROWS` at most, as they arrive."""
        asker = self._ask()
        with executing(self._settings), self._client(asker.tenant, sql) as client:
            settings = {**_LINES, "max_block_size": BLOCK_ROWS}
            for block in client.execute_iter(sql, dict(parameters), settings=settings, chunk_size=BLOCK_ROWS):
                asker.rows += len(block)
                yield block

    @contextmanager
    def _client(self, tenant: str, sql: str) -> Iterator[Client]:
        """A connection on which the query ``sql`` sees the rows of ``tenant``."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = connect(self._settings)
        client.settings = {**(ON_CLUSTER if self._settings.cluster else {}), **only(tenant, self._settings, sql)}
        try:
            yield client
        except ServerException:
            # The connection is good: the server read the query to its end and said no.
            self._keep(client)
            raise
        except BaseException:
            client.disconnect()
            raise
        self._keep(client)

    def close(self) -> None:
        """Let go of idle connections. Calls after it still work; they connect anew."""
        while True:
            try:
                self._idle.get_nowait().disconnect()
            except queue.Empty:
                return

    def _keep(self, client: Client) -> None:
        try:
            self._idle.put_nowait(client)
        except queue.Full:
            client.disconnect()
