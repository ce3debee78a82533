"""`weftline backfill`: what an upgrade brought for rows that were stored before it."""

import os
import sys
from datetime import UTC, date, datetime, timedelta

import click

from weftline.agent.env import SettingsError
from weftline.collector.errors import Misconfigured, TryLater
from weftline.query.cli.progress import Steps, steps


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day: write 2026-11-22.") from None


@click.command(
    epilog="Exit codes: 0 done, 1 some days could not be, 2 wrong usage, 3 ClickHouse is away, 130 interrupted."
)
@click.option("--table", "tables", multiple=True, help="This derived table only.  [default: all]  Repeatable.")
@click.option("--since", callback=_day, help="First day, UTC.  [default: the oldest]")
@click.option("--until", callback=_day, help="Last day.  [default: yesterday: today's rows are still landing]")
@click.option("--again", is_flag=True, help="Also days that were made by the same views before.")
@click.option("--dry-run", is_flag=True, help="Only say what is due.")
def backfill(*, tables: tuple[str, ...], since: date | None, until: date | None, again: bool, dry_run: bool) -> None:
    """Make derived tables (transactions, aliases, edges, rates …) anew out of the stored rows, day by day.

    For days from before an upgrade that brought or changed a view: it only saw what landed after it. Each day is
    replaced at once, so nothing doubles; what is done is noted, so the same command goes on after Ctrl-C.
    Configured by WEFTLINE_CLICKHOUSE_…
    """
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    failed = False
    with steps() as shown:
        try:
            failed = _run(tables, since or date.min, until or yesterday, shown, again=again, dry_run=dry_run)
        except (SettingsError, Misconfigured) as error:
            shown.say(f"weftline: {error}")
            sys.exit(2)
        except TryLater as error:
            shown.say(f"weftline: {error} Once it is back, the same command goes on where this one stopped.")
            sys.exit(3)
        except KeyboardInterrupt:
            shown.say("Interrupted. The same command goes on where this one stopped.")
            sys.exit(130)
    sys.exit(1 if failed else 0)


def _run(tables: tuple[str, ...], since: date, until: date, shown: Steps, *, again: bool, dry_run: bool) -> bool:
    """Whether some days could not be made."""
    from weftline.collector.wiring import open_backfills

    shards = [(shard, shard.plan(tables, since, until, again=again)) for shard in open_backfills(os.environ)]
    for _, work in shards:
        for it in work:
            if it.reason and (dry_run or it.reason != "done before"):
                shown.say(f"{it.day}  {it.table:<14}left as it is: {it.reason}")
            elif not it.reason and dry_run:
                click.echo(f"{it.day}  {it.table:<14}{it.rows:,} rows to read")
    if dry_run:
        return False
    due = [(shard, [it for it in work if not it.reason]) for shard, work in shards]
    if not any(work for _, work in due):
        click.echo("Nothing is due.")
    rows, failed = 0, False
    shown.begin("backfill", sum(it.rows for _, work in due for it in work))
    for shard, work in due:
        for it, problem in shard.run(work):
            rows += it.rows
            shown.show(rows, rows)
            if problem:
                failed = True
                shown.say(f"weftline: {it.day} of {it.table} is as it was: {problem}.")
            else:
                click.echo(f"{it.day}  {it.table:<14}out of {it.rows:,} rows")
    return failed
