"""`weftline logs ID`: every line that was written of one request, by time; also as they arrive."""

import json
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from weftline.query.cli.client import LOST, follow, get
from weftline.query.cli.entry_text import LEVEL_STYLES, printable
from weftline.query.cli.options import exit_on_error, url_option

Json = Mapping[str, Any]

SHORT_ROLES: Final = {"sidecar-inbound": "inbound", "sidecar-outbound": "outbound"}
LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
PAGE: Final = 10_000
"""Lines asked for at a time."""


@click.command(
    epilog="Exit codes: 0 found, 1 unknown or no such line, 2 malformed id or wrong usage, 3 the service can't be "
    "reached.",
)
@click.argument("any_id", metavar="ID")
@click.option("--level", type=click.Choice(LEVELS), help="This level and those above.")
@click.option("--service", multiple=True, help="Of this service; may be repeated.")
@click.option("--text", default="", help="Only lines that have this in them, in any case.")
@click.option("--kind", multiple=True, type=click.Choice(("log", "access_log", "attempt")), help="May be repeated.")
@click.option("--since", default="", help="15m (ago), 2026-11-22T14:05 (UTC) or Unix seconds.")
@click.option("--until", default="", help="As --since.")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on with what arrives, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@url_option
@click.pass_context
def logs(  # noqa: PLR0917 - the command's options
    context: click.Context, any_id: str, level: str | None, service: tuple[str, ...], text: str, kind: tuple[str, ...],
    since: str, until: str, following: bool, as_json: bool, url: str,
) -> None:  # fmt: skip
    """Print every line that was written of one request.

    Of applications and of proxies, in order of time. ID is a transaction ID, a whole traceparent, an x-request-id, or
    an alias the application set.
    """
    path = f"/api/v1/transactions/{urllib.parse.quote(any_id, safe='')}/logs"
    parameters: dict[str, object] = {
        "level": level, "service": service, "text": text, "kind": kind, "since": since, "until": until,
    }  # fmt: skip
    console = Console()
    printed = 0
    with exit_on_error(), suppress(KeyboardInterrupt):
        for line in _followed(path, url, parameters) if following else _paged(path, url, parameters):
            printed += 1
            if as_json:
                click.echo(json.dumps(line, ensure_ascii=False))
            else:
                show(line, console)
    if not printed and not following:
        click.echo("weftline: The transaction is known, but no line of it is such.", err=True)
        context.exit(1)


def show(line: Json, console: Console) -> None:
    """Print one line: wrapped with an indent on a terminal, whole where its output goes to another program."""
    text = _text(line)
    if not console.is_terminal:
        console.print(text, highlight=False, soft_wrap=True)
        return
    indent = len("00:00:00.000 ")
    first, *more = (
        text.wrap(console, console.width - indent, overflow="fold") if text.cell_len > console.width else [text]
    )
    # The first line has room that the others give to the indent; words aren't moved for that.
    console.print(first, highlight=False, no_wrap=True)
    for one in more:
        console.print(Text(" " * indent) + one, highlight=False, no_wrap=True)


def _text(line: Json) -> Text:
    nanoseconds = int(line["time_unix_nano"])
    when = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    text = Text(f"{when:%H:%M:%S}.{nanoseconds // 10**6 % 1000:03} ", "dim", end="")
    if line["kind"] != "log":
        text.append("proxy ", "dim")
    text.append(printable(line["service"]) or "?", "cyan")
    role = SHORT_ROLES.get(line["proxy_role"], line["proxy_role"])
    if role and role != line["service"]:
        text.append(f" {printable(role)}", "dim")
    level = line["level"].upper()
    text.append(f" {level:<5} " if level else "  ", LEVEL_STYLES.get(level, "dim"))
    said = "\n".join(map(printable, line["text"].splitlines()))
    return text.append(said or printable(line["event_name"]), "red" if line["error"] else "")


def _paged(path: str, url: str, parameters: Mapping[str, object]) -> Iterator[Json]:
    cursor = ""
    while True:
        page = get(path, url, {**parameters, "limit": PAGE, "cursor": cursor}, holds="lines")
        yield from page["lines"]
        if page["next"] is None:
            return
        cursor = page["next"]


def _followed(path: str, url: str, parameters: Mapping[str, object]) -> Iterator[Json]:
    for name, line in follow(path, url, {**parameters, "follow": "true"}):
        if name == "line":
            yield line
        elif name == "missed":
            click.echo(
                "weftline: There are too many lines to follow them all. Ask for fewer, as with --text.", err=True
            )
        elif name == "lost":
            click.echo(LOST, err=True)
