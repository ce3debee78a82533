"""`weftline search QUERY`: transactions by what is known of them, newest first."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weftline.query.cli.client import LOST, follow, get
from weftline.query.cli.entry_text import code, printable
from weftline.query.cli.options import exit_on_error, url_option
from weftline.query.times import spelt

Json = Mapping[str, Any]

BAR: Final = 24
"""Columns of a facet's bar."""


@click.command(
    epilog="Exit codes: 0 found, 1 nothing found, 2 the search can't be understood or wrong usage, 3 the service can't "
    "be reached.",
)
@click.argument("query", metavar="[QUERY]...", nargs=-1)
@click.option("--since", default="", help="15m (ago), 2026-11-22T14:05 (UTC) or Unix seconds; an hour ago by default.")
@click.option("--until", default="", help="As --since; now by default.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--cursor", default="", help="Go on where another page ended.")
@click.option("--facets", is_flag=True, help="Count what the transactions found have in common.")
@click.option("--fields", is_flag=True, help="List what can be asked for.")
@click.option("--follow", "-f", "following", is_flag=True, help="Print transactions as they happen, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@url_option
@click.pass_context
def search(  # noqa: PLR0917 - the command's options
    context: click.Context, query: tuple[str, ...], since: str, until: str, limit: int, cursor: str,
    facets: bool, fields: bool, following: bool, as_json: bool, url: str,
) -> None:  # fmt: skip
    """Find transactions.

    \b
    weftline search 'service=cart status=error duration>500ms'
    weftline search 'flags~UO or log:"timeout"' --since 1d
    weftline search 'http.route="/pay/*" not service=edge' --facets

    Terms side by side describe one row; and, or, not combine what a transaction has.
    """
    console = Console()
    with exit_on_error():
        if fields:
            language = get("/api/v1/search/fields", url, holds="fields")
            if as_json:
                click.echo(json.dumps(language, ensure_ascii=False, indent=2))
            else:
                console.print(_language(language))
            return
        if following:
            _follow(" ".join(query), url, console, as_json=as_json)
            return
        parameters = {
            "q": " ".join(query),
            "since": since,
            "until": until,
            "limit": limit,
            "cursor": cursor,
            "facets": "true" if facets else "",
        }
        page = get("/api/v1/search", url, parameters, holds="transactions")
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=False, indent=2))
    else:
        for line in _lines(page):
            console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")
    if not page["transactions"]:
        context.exit(1)


def _follow(query: str, url: str, console: Console, *, as_json: bool) -> None:
    with suppress(KeyboardInterrupt):
        for name, it in follow("/api/v1/search/follow", url, {"q": query}):
            if name == "transaction" and as_json:
                click.echo(json.dumps(it, ensure_ascii=False))
            elif name == "transaction":
                for line in _hit(it):
                    console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")
            elif name == "missed":
                click.echo("weftline: There were too many to print them all. Narrow the search.", err=True)
            elif name == "lost":
                click.echo(LOST, err=True)


def _lines(page: Json) -> Iterator[Text]:
    for hit in page["transactions"]:
        yield from _hit(hit)
    if not page["transactions"]:
        yield Text(f"Nothing found between {_when(page['since_unix_nano'])} and {_when(page['until_unix_nano'])} UTC.")
    if page["cut"]:
        yield Text(
            f"Searched back to {_when(page['searched_since_unix_nano'])} UTC only: {page['cut']}.", style="bold yellow"
        )
    if page["next"]:
        yield Text(f"There is more: --cursor {page['next']}", style="dim")
    if page["facets"]:
        yield from _facets(page["facets"])


def _hit(hit: Json) -> Iterator[Text]:
    first = Text(hit["transaction_id"], "bold")
    first.append(f"  {_when(hit['start_unix_nano'])}  {spelt(hit['duration_ns']):>8}  ")
    errors = hit["errors"]
    first.append(f"{errors} error{'s' if errors != 1 else ''}" if errors else "", "bold red")
    first.rstrip()
    yield first
    second = Text("  ")
    second.append(printable(hit["root"]) or "only log lines")
    if hit["response_code"] is not None:
        second.append(" → ", "dim").append(code(hit["response_code"], ",".join(hit["response_flags"])))
    second.append("  ").append(" ".join(map(printable, hit["services"])), "cyan")
    yield second


def _facets(facets: Json) -> Iterator[Text]:
    yield Text()
    yield Text(f"Of the newest {facets['of']}:", "bold")
    for name, values in facets["by"].items():
        if not values:
            continue
        yield Text(f"  {name}", "bold")
        most = max(value["transactions"] for value in values)
        for value in values:
            label = f"≤ {spelt(int(value['value']))}" if name == "duration" else printable(value["value"])
            line = Text(f"    {label[:36]:<36} {value['transactions']:>8} ")
            yield line.append("━" * max(1, BAR * value["transactions"] // most), "cyan")


def _language(language: Json) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Field", "Takes", "Is"):
        table.add_column(heading)
    for field in language["fields"]:
        says = f"{field['description']}{': ' + ', '.join(field['values']) if field['values'] else ''}"
        table.add_row(Text(field["name"], "bold"), Text(" ".join(field["operators"])), Text(says))
    table.add_row(Text("any.name", "bold"), Text(" ".join(language["attribute_operators"])), Text("an attribute"))
    return table


def _when(nanoseconds: str) -> str:
    return f"{datetime.fromtimestamp(int(nanoseconds) // 10**9, UTC):%Y-%m-%d %H:%M:%S}"
