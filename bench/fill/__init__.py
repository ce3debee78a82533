"""Fills a store with many transactions that resemble real ones, inside ClickHouse: for benchmarks of reading.

A transaction is `SPANS` spans in a tree of calls, `PROXIES` access logs and `LINES` log lines, over `SERVICES` services
and 400 routes. Everything follows from its number, so `transaction_id` finds any of them. The views are filled as on ingest.
"""

import time
from collections.abc import Callable
from importlib.resources import files
from typing import Final

from clickhouse_driver import Client

SPANS: Final = 30
PROXIES: Final = 8
LINES: Final = 12
SERVICES: Final = 120
ROWS: Final = SPANS + PROXIES + LINES
HOURS: Final = 24
"""Over which the transactions are spread, the last of them now."""
BATCH: Final = 30_000
"""Transactions an insert."""


def fill(client: Client, spans: int, *, now: int, tell: Callable[[str], None] = lambda _: None) -> int:
    """Insert about ``spans`` spans and what belongs to them; ``now`` in ns. Returns the number of transactions."""
    transactions = max(1, spans // SPANS)
    spacing = HOURS * 3600 * 10**9 // transactions
    begun, told = time.monotonic(), 0.0
    for first in range(0, transactions, BATCH):
        last = min(first + BATCH, transactions)
        values = {
            "first": first, "last": last, "per": SPANS, "proxies": PROXIES, "lines": LINES, "services": SERVICES,
            "start": now - transactions * spacing, "spacing": spacing,
        }  # fmt: skip
        for name in ("spans", "access_logs", "logs"):
            client.execute(files("bench.fill").joinpath(f"{name}.sql").read_text(encoding="utf-8"), values)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            tell(f"  {last * SPANS:,} of {transactions * SPANS:,} spans after {told - begun:.0f} s")
    return transactions


def transaction_id(client: Client, number: int) -> str:
    """The id of transaction ``number``, counted from 0."""
    ((found,),) = client.execute("SELECT lower(hex(sipHash128(toUInt64(%(n)s), 'transaction')))", {"n": number})
    return str(found)
