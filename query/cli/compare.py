"""`weftline compare A B`: how two requests differ."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from weftline.query.cli.client import get
from weftline.query.cli.entry_text import code, printable
from weftline.query.cli.options import exit_on_error, url_option
from weftline.query.times import spelt

Json = Mapping[str, Any]

WORDS: Final = {
    "only_a": ("only A", "yellow"),
    "only_b": ("only B", "yellow"),
    "failed_in_a": ("A failed", "bold red"),
    "failed_in_b": ("B failed", "bold red"),
    "outcome": ("answer", "red"),
    "slower": ("B slower", "yellow"),
    "faster": ("B faster", "green"),
    "count": ("count", "yellow"),
    "same": ("", "dim"),
}
DEEPEST: Final = 8
"""Levels of indent; what is deeper stands there too."""


@click.command(
    epilog="Exit codes: 0 both found, 1 one is unknown, 2 malformed id or wrong usage, 3 the service can't be reached.",
)
@click.argument("a")
@click.argument("b")
@click.option("--all", "everything", is_flag=True, help="Also what is the same in both.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@url_option
def compare(a: str, b: str, everything: bool, as_json: bool, url: str) -> None:
    """Show how request B differs from request A.

    Rows with the same service and name under the same causes are compared. A and B are any ids.
    """
    with exit_on_error():
        parameters = {"a": a, "b": b, "changed": "" if everything else "true"}
        answer = get("/api/v1/compare", url, parameters, holds="rows")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    console = Console()
    for line in _lines(answer):
        console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")


def _lines(answer: Json) -> Iterator[Text]:
    for name in ("a", "b"):
        yield from _head(name.upper(), answer[name])
    yield Text()
    if not answer["rows"]:
        yield Text("Nothing differs.", "green")
        return
    yield Text(f"{'':9} {'A':>8} {'B':>8}", "dim")
    for row in answer["rows"]:
        word, style = WORDS[row["change"]]
        line = Text(f"{word:<9} ", style)
        line.append(f"{_cell(row['a'], row['kind']):>8} {_cell(row['b'], row['kind']):>8} ")
        line.append("  " * min(row["depth"], DEEPEST)).append(_name(row))
        outcomes = [", ".join(row[side]["outcomes"]) for side in ("a", "b")]
        if row["change"] == "outcome" or (outcomes[0] != outcomes[1] and all(outcomes)):
            line.append(f"  {outcomes[0]} → {outcomes[1]}", "red")
        yield line
    if answer["truncated"]:
        yield Text(f"There is more: only the first {len(answer['rows'])} rows are shown.", "bold yellow")


def _head(name: str, head: Json) -> Iterator[Text]:
    summary = head["summary"]
    line = Text(f"{name} ", "bold cyan").append(head["transaction_id"], "bold")
    line.append(f"  {spelt(summary['duration_ns'])}  ").append(printable(summary["root"]))
    if summary["response_code"] is not None:
        line.append(" → ", "dim").append(code(summary["response_code"], summary["response_flags"]))
    yield line
    if verdict := summary["verdict"]:
        yield Text(f"  {printable(verdict['text'])}", "red" if verdict["failed"] else "yellow")


def _cell(side: Json, kind: str) -> str:
    """How long, or how many where that is what there is to say."""
    if not side["count"]:
        return "-"
    if kind == "log":
        return f"{side['count']}x"
    return spelt(side["duration_ns"] // side["count"])


def _name(row: Json) -> Text:
    proxy = f"proxy {row['proxy_role'].removeprefix('sidecar-')} " if row["proxy_role"] else ""
    many = max(row["a"]["count"], row["b"]["count"])
    counts = "" if many == 1 else f"  ({row['a']['count']}x, {row['b']['count']}x)"
    text = Text(printable(row["service"]) or "?", "cyan")
    return text.append(f" {proxy}", "dim").append(printable(row["name"])).append(counts, "dim")
