"""`weftline import`: files of other tracing systems, and of `weftline export`, into the store."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from weftline.agent.env import SettingsError
from weftline.collector.errors import Misconfigured, TryLater
from weftline.query.cli.entry_text import printable
from weftline.query.cli.progress import Steps, steps

SHOWN: Final = 20
"""Refusals that are told one by one."""


@click.command(
    "import",
    epilog="Exit codes: 0 all is stored, 1 some of it can't be, 2 wrong usage or no such file, 3 ClickHouse is away, "
    "130 interrupted.",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--from-start", is_flag=True, help="Take no notice of where an import of the same file broke off.")
@click.option("--tenant", default="", help="Make them rows of this tenant, where tenants are told apart.")
def import_files(*, files: tuple[str, ...], from_start: bool, tenant: str) -> None:
    """Store spans and logs out of files: OTLP JSON (also a request a line) or protobuf, Jaeger JSON, Zipkin v2 JSON.

    Formats, gzip and zstd are recognised by content; - is standard input. What is stored already is left out, so doing
    it again, or going on after Ctrl-C, doubles nothing. Configured by WEFTLINE_CLICKHOUSE_…
    """
    refused = 0

    def refuse(place: str, reason: str) -> None:
        nonlocal refused
        refused += 1
        if refused <= SHOWN:
            shown.say(f"weftline: {printable(place)}: {printable(reason)}")

    with steps() as shown:
        code = _run(files, shown, refuse, tenant, from_start=from_start)
        if refused > SHOWN:
            shown.say(f"weftline: … and {refused - SHOWN} more.")
    sys.exit(code or (1 if refused else 0))


def _run(
    files: tuple[str, ...], shown: Steps, refuse: Callable[[str, str], None], tenant: str, *, from_start: bool
) -> int:
    from weftline.collector.transfer.documents import documents
    from weftline.collector.transfer.input import STDIN, open_input
    from weftline.collector.transfer.note import Note
    from weftline.collector.wiring import open_loader

    counts = None
    try:
        with closing(open_loader(os.environ, refuse, tenant)) as opened:
            counts = opened.loader.counts
            for file in files:
                with open_input(file) as source:
                    note = Note(Path(file)) if file != STDIN and Path(file).is_file() else None
                    skip = note.load() if note and not from_start else 0
                    if skip:
                        shown.say(f"{printable(file)}: going on after document {skip:,}.")
                    shown.begin(printable(source.name), source.size)
                    for done in opened.loader.load(source.name, documents(source.stream, time.time_ns()), skip):
                        shown.show(source.position, counts.stored + counts.known)
                        if note:
                            note.save(done)
                    if note:
                        note.remove()
    except (SettingsError, Misconfigured) as error:
        shown.say(f"weftline: {error}")
        return 2
    except TryLater as error:
        shown.say(f"weftline: {error} Once it is back, the same command goes on where this one stopped.")
        return 3
    except KeyboardInterrupt:
        shown.say("Interrupted. The same command goes on where this one stopped.")
        return 130
    finally:
        if counts:
            click.echo(
                f"Stored {counts.stored:,} spans and log records; {counts.known:,} were there already; "
                f"{counts.refused:,} refused."
            )
    return 0
