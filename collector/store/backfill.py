"""Makes derived tables anew out of the rows they are derived from, day by day: `weftline backfill`.

A view only sees what lands after it was made. After an upgrade that brings one, or changes one, the days before lack
what it makes; this runs the views' own queries over the stored rows of a day, beside the table, and puts the result
in the day's place at once (REPLACE PARTITION). So nothing doubles, readers see the old day or the new one, and what was
done is noted. A day whose rows were let go of is left as it is. Knows no view by name: they are read from the database.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from clickhouse_driver import Client

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing

logger = logging.getLogger(__name__)

ENDS_LATER: Final = frozenset({"events", "proxy_records"})
"""Tables whose rows lie at the end of a request: some of a day come of requests that began the day before."""
OWN_VALUES: Final[Mapping[str, Mapping[str, str]]] = {"events": {"stored": "toDateTime64(time, 3, 'UTC')"}}
"""Columns that are filled as a row lands: whoever follows new events must not be told of old ones again."""
DAYS: Final = {"transactions": "day"}
"""What says a row's day, of the sources in which it is not its time."""
QUIET_SECONDS: Final = 10.0
"""A view is run at most so long after the insert that it belongs to."""
ATTEMPTS: Final = 3
_FILL: Final = {
    "max_partitions_per_insert_block": 0,
    "insert_deduplicate": 0,
    "optimize_aggregation_in_order": 1,
    "max_bytes_before_external_group_by": 2 << 30,
}


@dataclass(frozen=True, slots=True)
class View:
    name: str
    table: str
    """which it fills"""
    source: str
    select: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    rows: int
    newest_block: int
    changed: int
    """s since the epoch"""


@dataclass(frozen=True, slots=True)
class Work:
    """One day of one derived table. ``reason`` says why nothing is done; '' where it is due."""

    table: str
    day: date
    rows: int
    """to be read"""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What there is: days of tables, what retention thinned out or dropped, what was made anew already."""

    views: tuple[View, ...]
    days: Mapping[tuple[str, date], Day]
    let_go: frozenset[tuple[str, date]]
    done: Mapping[tuple[str, date], str]


def plan(state: State, tables: Sequence[str], since: date, until: date, *, again: bool = False) -> list[Work]:
    """What is to be done for whole days ``since`` <= day <= ``until``, tables before those that read them. Pure."""
    work: list[Work] = []
    there = {key: it.rows for key, it in state.days.items()}
    for table in order(state.views):
        if tables and table not in tables:
            continue
        sources = sources_of(state.views, table)
        rows: dict[date, int] = {}
        for (source, day), count in there.items():
            for lands in _lands(table, day) if source in sources else ():
                if since <= lands <= until:
                    rows[lands] = rows.get(lands, 0) + count
        # What is derived from this table will find these days, also those that are not there yet.
        there |= {(table, day): there.get((table, day), 0) for day in rows}
        work += [Work(table, day, rows[day], _why_not(state, table, sources, day, again=again)) for day in sorted(rows)]
    return work


def _why_not(state: State, table: str, sources: Sequence[str], day: date, *, again: bool) -> str:
    if not again and state.done.get((table, day)) == definition(state.views, table):
        return "done before"
    if any((source, day) in state.let_go for source in sources):
        return "rows of this day were let go of"
    for source in sources:
        oldest = min((on for name, on in state.days if name == source), default=day)
        if day < oldest and (table, day) in state.days:
            return f"{source} of this day are no longer there"
    return ""


def order(views: Sequence[View]) -> list[str]:
    """Derived tables, each after those it is derived from."""
    found: list[str] = []
    left = sorted({view.table for view in views})
    while left:
        ready = [table for table in left if not set(sources_of(views, table)) & set(left)]
        assert ready, f"views in a circle: {left}"  # noqa: S101 - the schema's own mistake
        found += ready
        left = [table for table in left if table not in ready]
    return found


def sources_of(views: Sequence[View], table: str) -> list[str]:
    return sorted({view.source for view in views if view.table == table})


def definition(views: Sequence[View], table: str) -> str:
    """Changes when a view of the table does."""
    texts = sorted(f"{view.name}\0{view.select}" for view in views if view.table == table)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def read_state(client: Client) -> State:
    rows = client.execute(statements.rebuild("days"))
    views = client.execute(statements.rebuild("views"))
    let_go = client.execute(statements.step("runs"))
    done = client.execute(statements.rebuild("runs"))
    return State(
        tuple(View(name, table, source, select, tuple(columns)) for name, table, source, select, columns in views),
        {(table, date.fromisoformat(day)): Day(*rest) for table, day, *rest in rows},
        frozenset((table, date.fromisoformat(day)) for table, day, *_ in let_go),
        {(table, date.fromisoformat(day)): made_by for table, day, made_by in done},
    )


class Backfill:
    """Over one server. One thread calls it; another process may do the same at the same time. Raises `TryLater`."""

    def __init__(
        self,
        settings: ClickHouseSettings,
        *,
        quiet_seconds: float = QUIET_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._quiet_seconds = quiet_seconds
        self._sleep = sleep

    def plan(self, tables: Sequence[str], since: date, until: date, *, again: bool) -> list[Work]:
        with executing(self._settings), connect(self._settings) as client:
            return plan(read_state(client), tables, since, until, again=again)

    def run(self, work: Sequence[Work]) -> Iterator[tuple[Work, str]]:
        """Each piece with '' once it is done, or with why it could not be."""
        with executing(self._settings), connect(self._settings) as client:
            undivided = {name for (name,) in client.execute(statements.rebuild("undivided"))}
            for it in work:
                yield it, self._one(client, it, divided=it.table not in undivided)

    def _one(self, client: Client, it: Work, *, divided: bool) -> str:
        for _ in range(ATTEMPTS):
            before = self._wait_until_quiet(client, it)
            if before is None:
                break
            state = read_state(client)
            (self._replace if divided else self._add)(client, it, state.views)
            if not divided or self._stamp(read_state(client), it) == before:
                client.execute(
                    statements.rebuild("run"), [(it.table, it.day, definition(state.views, it.table), it.rows)]
                )
                logger.info("Made a day anew table=%s day=%s rows_read=%d.", it.table, it.day, it.rows)
                return ""
        return "rows of this day keep landing; stop ingest for it, or do it again later"

    def _stamp(self, state: State, it: Work) -> list[tuple[str, date, Day]]:
        sources = sources_of(state.views, it.table)
        return sorted(
            ((name, on, day) for (name, on), day in state.days.items() if name in sources and on in _days(it)),
            key=repr,
        )

    def _wait_until_quiet(self, client: Client, it: Work) -> list[tuple[str, date, Day]] | None:
        """What the rows are like once the views have surely seen all of them; None if they keep landing."""
        for _ in range(ATTEMPTS):
            stamp = self._stamp(read_state(client), it)
            [(now,)] = client.execute(statements.rebuild("now"))
            wait = max((day.changed for _, _, day in stamp), default=0) + self._quiet_seconds - now
            if wait <= 0:
                return stamp
            self._sleep(wait)
        return None

    def _replace(self, client: Client, it: Work, views: Sequence[View]) -> None:
        names = {"TABLE": it.table, "DAY": it.day.isoformat(), "STAGED": f"{it.table}_staged_{secrets.token_hex(4)}"}
        client.execute(_sql(statements.step("stage"), **names))
        try:
            self._fill(client, it, names["STAGED"], views)
            [(rows,)] = client.execute(_sql(statements.rebuild("rows_of_day"), **names))
            client.execute(_sql(statements.step("replace" if rows else "drop"), **names))
        finally:
            client.execute(_sql(statements.step("unstage"), **names))

    def _add(self, client: Client, it: Work, views: Sequence[View]) -> None:
        """To a table without days: its rows are newest times, which adding twice does not change."""
        self._fill(client, it, it.table, views)

    def _fill(self, client: Client, it: Work, target: str, views: Sequence[View]) -> None:
        days = ", ".join(f"\\'{day.isoformat()}\\'" for day in _days(it))
        own = OWN_VALUES.get(it.table, {})
        for view in views:
            if view.table != it.table:
                continue
            day = DAYS.get(view.source, "toDate(time)")
            of_days = f"{{'{self._settings.database}.{view.source}': '{day} IN ({days})'}}"
            columns = [f"`{name}`" for name in view.columns]
            client.execute(
                _sql(
                    statements.rebuild("fill"),
                    TARGET=target,
                    COLUMNS=", ".join([*columns, *own]),
                    VALUES=", ".join([*columns, *own.values()]),
                    SELECT=view.select,
                ),
                settings={**_FILL, "additional_table_filters": of_days},
            )


def _days(it: Work) -> list[date]:
    """Whose rows a day of the table comes of."""
    return [it.day - timedelta(days=1), it.day] if it.table in ENDS_LATER else [it.day]


def _lands(table: str, day: date) -> list[date]:
    """The other way round."""
    return [day, day + timedelta(days=1)] if table in ENDS_LATER else [day]


def _sql(text: str, **names: Any) -> str:
    """Names of tables, columns and a day, and the views' own text: all ours, none of it can be a parameter."""
    for placeholder, value in names.items():
        text = text.replace(f"${placeholder}", value)
    return text
