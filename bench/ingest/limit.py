"""What storing costs whoever sends: blocks that are ready, into the table alone and into the table with all that views keep."""

import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.cpu import cpu_seconds
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.native.encoder import SpanEncoder
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.clickhouse import ClickHouse

MESSAGES = 250
"""A batch, as ingest makes them: 50,000 spans."""


@dataclass
class _Ready:
    """An encoder and its block, made before the time is taken."""

    rows: list[bytes]

    def encode(self, messages: Sequence[bytes], tenant: str = "") -> "_Ready":
        return self

    def pieces(self) -> Iterator[bytes | memoryview]:
        return iter(self.rows)


@dataclass
class Limit:
    clickhouse: ClickHouse
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"table": [], "table and views": []})
    """Per span."""

    def __post_init__(self) -> None:
        self._settings = ClickHouseSettings(
            http_port=self.clickhouse.http_port, tcp_port=self.clickhouse.tcp_port, database="ready"
        )
        self._encoder = SpanEncoder()
        self._tokens = itertools.count()
        migrate(self._settings)
        with connect(self._settings) as client:
            views = "SELECT name FROM system.tables WHERE database = 'ready' AND engine = 'MaterializedView'"
            self._views = [name for (name,) in client.execute(views)]

    def round(self, bodies: Sequence[bytes], *, warm_up: bool) -> None:
        """One batch into each. Server only: the client does nothing but send."""
        block = self._encoder.encode(bodies[:MESSAGES])
        assert block is not None
        writer = ClickHouseWriter(self._settings, spans=_Ready([bytes(it) for it in block.pieces()]))
        pid = self.clickhouse.pid
        assert pid is not None
        with connect(self._settings) as client:
            client.execute("SYSTEM STOP MERGES")
            for name in self.seconds:
                if name == "table":
                    for view in self._views:
                        client.execute(f"DETACH TABLE {view}")
                start = cpu_seconds(pid)
                for _ in range(4):
                    writer.insert(Signal.SPANS, [b""], f"ready-{next(self._tokens)}")
                if not warm_up:
                    self.seconds[name].append((cpu_seconds(pid) - start) / 4 / block.rows)
                if name == "table":
                    for view in self._views:
                        client.execute(f"ATTACH TABLE {view}")
            client.execute("SYSTEM START MERGES")
        writer.close()

    def print(self, reached: float) -> None:
        """``reached``: spans per CPU second of the whole way."""
        print(f"\n{'ready blocks → ClickHouse':<40}{'ClickHouse':>24}{'spans per CPU s':>18}{'reached':>10}")
        for name, seconds in self.seconds.items():
            limit = 1 / statistics.median(seconds)
            print(f"{name:<40}{1e6 / limit:>21.2f} µs{limit:>18,.0f}{reached / limit:>10.0%}")
