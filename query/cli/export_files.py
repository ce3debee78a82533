"""`weftline export`: rows of the store as OTLP, for another store or for later."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weftline.agent.env import SettingsError
from weftline.collector.errors import Misconfigured, TryLater
from weftline.query import times
from weftline.query.cli.progress import Steps, steps

if TYPE_CHECKING:  # what they import starts slowly
    from weftline.collector.store.exporter import Exporter, Selection


@click.command(
    "export",
    epilog="Exit codes: 0 done, 1 nothing is there, 2 wrong usage or unknown ID, 3 ClickHouse is away, "
    "130 interrupted.",
)
@click.option("--since", help="`15m` (ago), ISO 8601 or Unix seconds.  [default: the first row]")
@click.option("--until", help="The same; rows from then on are left out.  [default: now]")
@click.option(
    "--transaction", "ids", multiple=True, metavar="ID", help="A transaction by any of its names. Repeatable."
)
@click.option("--service", "services", multiple=True, help="Rows of this service only. Repeatable.")
@click.option("--tenant", default="", help="Rows of this tenant, where tenants are told apart.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "protobuf"]),
    default="json",
    show_default=True,
    help="A JSON request a line, or protobuf framed as by the Collector's file exporter.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File, compressed if it ends in .gz or .zst.  [default: standard output]",
)
@click.option("--overwrite", is_flag=True, help="Also if the file is there.")
def export_files(
    *,
    since: str | None,
    until: str | None,
    ids: tuple[str, ...],
    services: tuple[str, ...],
    tenant: str,
    form: str,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Write spans, log lines and access logs as OTLP; `weftline import` makes the same rows of it.

    After Ctrl-C the same command goes on with the day it was at. Configured by WEFTLINE_CLICKHOUSE_…
    """
    asked: dict[str, object] = {
        "since": since,
        "until": until,
        "transactions": [*ids],
        "services": [*services],
        **({"tenant": tenant} if tenant else {}),
        "format": form,
    }
    with steps() as shown:
        try:
            sys.exit(_run(asked, output, shown, overwrite=overwrite))
        except (SettingsError, Misconfigured, ValueError) as error:
            shown.say(f"weftline: {error}")
            sys.exit(2)
        except TryLater as error:
            shown.say(f"weftline: {error}" + (" The same command goes on where this one stopped." if output else ""))
            sys.exit(3)
        except BrokenPipeError:
            sys.stdout = None  # whoever read it has enough; Python would complain when it flushes
            sys.exit(0)
        except KeyboardInterrupt:
            shown.say("Interrupted." + (" The same command goes on where this one stopped." if output else ""))
            sys.exit(130)


def _run(asked: dict[str, object], output: Path | None, shown: Steps, *, overwrite: bool) -> int:
    from weftline.collector.transfer.export import ENCODERS, Note, OutputFile, pieces, write_piece
    from weftline.collector.wiring import open_exporter

    exporter = open_exporter(os.environ, str(asked.get("tenant", "")))
    selection = _selection(asked, exporter)
    file = OutputFile(output) if output else None
    note = file.begin(asked, selection, overwrite=overwrite) if file else Note(asked, selection)
    there = pieces(exporter, note.selection)
    rows = 0
    encode = ENCODERS[str(asked["format"])]
    shown.begin("export", sum(it.rows for it in there))
    for piece in there:
        if (piece.table, piece.day) not in note.done:
            if file is None:
                for written in write_piece(exporter, note.selection, piece, encode, sys.stdout.buffer):
                    shown.show(rows + written, rows + written)
            else:
                with file.piece() as out:
                    for written in write_piece(exporter, note.selection, piece, encode, out):
                        shown.show(rows + written, rows + written)
                note = file.finished(note, piece)
        rows += piece.rows
    if file:
        file.end()
    sys.stdout.flush()
    click.echo(f"Wrote {rows:,} rows of {len({it.day for it in there})} days.", err=True)
    return 0 if rows else 1


def _selection(asked: dict[str, object], exporter: "Exporter") -> "Selection":
    from weftline.collector.store.exporter import Selection

    now = time.time_ns()
    found: list[str] = []
    for any_id in asked["transactions"]:  # type: ignore[attr-defined] # a list
        ids = exporter.resolve(any_id)
        if not ids:
            raise Misconfigured(f"No transaction is known under {any_id!r}.")
        found += ids
    since = times.moment(str(asked["since"]), now) if asked["since"] else 0
    until = times.moment(str(asked["until"]), now) if asked["until"] else now if asked["since"] else times.LATEST
    if since > until:
        raise Misconfigured("The time ends before it begins: --since is later than --until.")
    return Selection(since, until, tuple(dict.fromkeys(found)), tuple(asked["services"]))  # type: ignore[arg-type] # of str
