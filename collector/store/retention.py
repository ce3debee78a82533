"""Lets go of old rows, a day (a partition) at a time: no row is ever rewritten in place, nothing is searched for.

A day that is too old goes as a whole, unless failed or slow transactions are kept longer: then what stays of it is
copied into a table beside it, which takes the day's place in one step. Doing it twice, or by two processes at a time,
ends in the same rows.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from clickhouse_driver import Client

from weftline.collector.settings import ClickHouseSettings, RetentionSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing
from weftline.collector.store.cluster import one_a_shard

logger = logging.getLogger(__name__)

OF_TRANSACTIONS: Final = ("spans", "logs", "access_logs", "transactions", "transaction_times", "aliases", "request_ids")
"""Tables whose rows belong to a transaction: these can be thinned out, `transactions` after those that ask it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one day of one table."""

    table: str
    day: date
    failed: bool
    slow: bool
    """which transactions stay; neither: the day goes as a whole"""

    @property
    def rule(self) -> str:
        return "+".join(name for name, stays in (("failed", self.failed), ("slow", self.slow)) if stays)


@dataclass(frozen=True, slots=True)
class Done:
    """What was let go of."""

    table: str
    day: date
    rule: str
    """which transactions stayed: failed, slow, failed+slow; '' for none"""
    rows_before: int
    rows: int


def days_kept(settings: RetentionSettings) -> Mapping[str, int]:
    """Table → days it is kept, by its own setting; 0: for ever."""
    signals = (settings.spans_days, settings.logs_days, settings.access_logs_days)
    # What leads to rows of a transaction stays as long as any of them.
    longest = 0 if 0 in signals else max(signals)
    return {
        "spans": settings.spans_days,
        "logs": settings.logs_days,
        "access_logs": settings.access_logs_days,
        "aliases": longest,
        "request_ids": longest,
        "events": settings.events_days,
        "half_edges": settings.edges_days,
        "span_metrics": settings.metrics_days,
        "proxy_stats": settings.metrics_days,
        "proxy_records": settings.metrics_days,
        "transaction_times": longest,
        "transactions": longest,
    }


def plan(settings: RetentionSettings, days: Sequence[tuple[str, date]], today: date) -> list[Plan]:
    """What is due for the (table, day)s there are. A day counts from its end: ``1`` keeps today and yesterday."""
    kept = days_kept(settings)

    def over(day: date, limit: int) -> bool:
        return day < today - timedelta(days=limit)

    due = []
    for table, day in days:
        if not (limit := kept[table]) or not over(day, limit):
            continue
        longer = table in OF_TRANSACTIONS
        failed = longer and not over(day, settings.failed_days)
        slow = longer and settings.slow_seconds > 0 and not over(day, settings.slow_days)
        due.append(Plan(table, day, failed, slow))
    # `transactions` says which have failed: it comes last, and oldest days first.
    order = list(kept)
    return sorted(due, key=lambda it: (order.index(it.table), it.day))


def retain(
    clickhouse: ClickHouseSettings, settings: RetentionSettings, today: date, *, dry_run: bool = False
) -> list[Done]:
    """Let go of what is due; ``dry_run`` only says what (rows that would stay are not counted). Raises `TryLater`.

    What lands in a day while it is being thinned out may go with it: it is older than its retention. On a cluster each
    shard lets go of its own rows, told one after the other: a transaction is on one with all its rows.
    """
    return [done for server in one_a_shard(clickhouse) for done in _retain(server, settings, today, dry_run=dry_run)]


def _retain(clickhouse: ClickHouseSettings, settings: RetentionSettings, today: date, *, dry_run: bool) -> list[Done]:
    kept = days_kept(settings)
    with executing(clickhouse), connect(clickhouse) as client:
        there = {
            (table, date.fromisoformat(day)): rows
            for table, day, rows, _ in client.execute(_sql("partitions"), {"tables": list(kept)})
        }
        before = {
            (table, date.fromisoformat(day)): (rule, rows) for table, day, rule, rows in client.execute(_sql("runs"))
        }
        done = []
        for it in plan(settings, list(there), today):
            rows = there[it.table, it.day]
            if it.rule and before.get((it.table, it.day)) == (it.rule, rows):
                continue
            left = 0 if dry_run else _thin_out(client, it, settings) if it.rule else _drop(client, it)
            done.append(Done(it.table, it.day, it.rule, rows, left))
            if not dry_run:
                logger.info(
                    "Let go of old rows table=%s day=%s kept=%s rows_before=%d rows=%d.",
                    it.table, it.day, it.rule or "none", rows, left,
                )  # fmt: skip
    return done


def _drop(client: Client, it: Plan) -> int:
    client.execute(_sql("drop", TABLE=it.table, DAY=it.day.isoformat()))
    # For a backfill: what was derived from this day must not be made anew out of nothing.
    client.execute(_sql("run"), [(it.table, it.day, it.rule, 0)])
    return 0


def _thin_out(client: Client, it: Plan, settings: RetentionSettings) -> int:
    """Leave only the transactions of the plan's rule; returns how many rows that are."""
    # A name of its own: another process may be at the same day.
    staged = f"{it.table}_staged_{secrets.token_hex(4)}"
    names = {"TABLE": it.table, "DAY": it.day.isoformat(), "STAGED": staged}
    columns = ", ".join(f"`{name}`" for (name,) in client.execute(_sql("columns"), {"table": it.table}))
    client.execute(_sql("stage", **names))
    try:
        client.execute(
            _sql("fill", COLUMNS=columns, **names),
            {"failed": int(it.failed), "slow": int(it.slow), "slow_ns": round(settings.slow_seconds * 10**9)},
        )
        [(rows,)] = client.execute(_sql("count", **names))
        client.execute(_sql("replace" if rows else "drop", **names))
    finally:
        client.execute(_sql("unstage", **names))
    client.execute(_sql("run"), [(it.table, it.day, it.rule, rows)])
    return int(rows)


def _sql(name: str, **names: str) -> str:
    """`retain/<name>.sql` with names of tables and a day in it, which are ours and can't be parameters."""
    sql = statements.step(name)
    for placeholder, value in names.items():
        sql = sql.replace(f"${placeholder}", value)
    return sql
