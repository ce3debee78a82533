"""`weftline dlq`: the messages that could not be stored, what is in them, and back to their topics with them."""

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import track
from rich.text import Text

from weftline.agent.env import SettingsError
from weftline.collector.errors import Misconfigured, TryLater
from weftline.query.cli.entry_text import printable

if TYPE_CHECKING:  # what they import starts slowly
    from weftline.collector.ingest.replay import DeadLetterBox, Letter


@click.group(epilog="Exit codes: 0 done, 1 Kafka is away, 2 wrong usage or no such letter.")
def dlq() -> None:
    """Look after the messages that could not be stored (topic weftline_dead_letters). Configured by WEFTLINE_KAFKA_…"""


@dlq.command("list")
@click.option("--all", "with_replayed", is_flag=True, help="Also those that went back already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_letters(*, with_replayed: bool, as_json: bool) -> None:
    """List what was put aside, oldest first: its id, when, where it came from, how large it is, and why."""
    with _box() as box:
        letters = [it for it in box.letters() if with_replayed or not it.replayed]
    if as_json:
        click.echo(json.dumps([_as_json(it) for it in letters], ensure_ascii=False, indent=2))
        return
    if not letters:
        click.echo("Nothing waits.", err=True)
    console = Console()
    for it in letters:
        head = Text(f"{it.id:<10}", "bold").append(f"{_when(it)}  ", "not bold dim")
        head.append(f"{printable(it.topic)}-{it.partition}@{it.offset}  {it.size:,} bytes", "not bold")
        head.append("  replayed" if it.replayed else "", "green")
        for line in (head, Text("  " + printable(" ".join(it.reason.split())), "red")):
            line.truncate(console.width, overflow="ellipsis" if not console.options.ascii_only else "crop")
            console.print(line, highlight=False, no_wrap=True)


@dlq.command()
@click.argument("letter")
@click.option("--raw", type=click.Path(dir_okay=False, path_type=Path), help="Write the message's bytes to this file.")
def show(letter: str, raw: Path | None) -> None:
    """Show one letter: where it came from, why it was put aside, and its message."""
    from weftline.collector.ingest.replay import describe

    with _box() as box:
        [found] = _chosen(box.letters(), [letter])
        message = box.message(found)
    if raw:
        raw.write_bytes(message)
    for name, value in _as_json(found).items():
        click.echo(f"{name}: {printable(str(value))}")
    click.echo("")
    click.echo("\n".join(printable(line) for line in describe(found.topic, message).splitlines()))


@dlq.command()
@click.argument("letter", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that wait.")
@click.option("--again", is_flag=True, help="Also those that went back already.")
def replay(letter: tuple[str, ...], *, everything: bool, again: bool) -> None:
    """Put messages back to the topics they came from, after what refused them was mended.

    What went back already stays where it is, so doing it twice, or going on after it broke off, is safe.
    """
    if bool(letter) == everything:
        raise click.UsageError("Name the letters, or say --all.")
    with _box() as box:
        letters = box.letters()
        chosen = list(letters) if everything else _chosen(letters, letter)
        refused: list[Misconfigured] = []
        waiting = [it for it in chosen if again or not it.replayed]
        if waiting:
            for it in track(waiting, "Replaying", console=Console(stderr=True), transient=True):
                try:
                    box.replay(it)
                except Misconfigured as error:  # the others can go back all the same
                    refused.append(error)
    click.echo(f"Put {len(waiting) - len(refused)} messages back; {len(chosen) - len(waiting)} had gone back before.")
    for one in refused:
        click.echo(f"weftline: {one}", err=True)
    sys.exit(2 if refused else 0)


@contextmanager
def _box() -> "Iterator[DeadLetterBox]":
    """The topic; ends the process with the error's text and exit code."""
    from weftline.collector.wiring import open_dead_letters

    try:
        with closing(open_dead_letters(os.environ)) as box:
            yield box
    except (SettingsError, Misconfigured, TryLater) as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(1 if isinstance(error, TryLater) else 2)


def _chosen(letters: "Sequence[Letter]", ids: Sequence[str]) -> "list[Letter]":
    known = {it.id: it for it in letters}
    for unknown in (it for it in ids if it not in known):
        raise Misconfigured(f"There is no dead letter {unknown}. `weftline dlq list --all` shows them.")
    return [known[it] for it in dict.fromkeys(ids)]


def _as_json(letter: "Letter") -> dict[str, object]:
    return {**dataclasses.asdict(letter), "time": _when(letter)}


def _when(letter: "Letter") -> str:
    return datetime.fromtimestamp(letter.time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
