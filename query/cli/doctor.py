"""`weftline doctor propagation`: names the services that do not pass the headers on, with the evidence."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from weftline.query.cli.client import get
from weftline.query.cli.entry_text import printable
from weftline.query.cli.options import exit_on_error, url_option

Json = Mapping[str, Any]

HABITS: Final = {
    "drops": ("drops the headers", "bold red"),
    "partly": ("passes them on in part", "yellow"),
    "passes": ("passes them on", "green"),
    "calls_nobody": ("calls nobody", "dim"),
    "gets_nothing": ("is called by nobody", "dim"),
}
CARRIED: Final = {
    "transaction_id": "carried x-transaction-id only: joined here, but each begins a new trace",
    "request_id": "carried x-request-id only",
    "own_trace": "carried a traceparent that never came in: the service begins traces of its own",
    "nothing": "carried none of the ids: each begins a new transaction",
}
BAD: Final = ("drops", "partly")


@click.group()
def doctor() -> None:
    """Look for what keeps transactions from being joined."""


@doctor.command(epilog="Exit codes: 0 every service passes the headers on, 1 some don't, 2 wrong usage, 3 no answer.")
@click.option("--since", default="15m", show_default=True, help="`15m` (ago), ISO 8601 or Unix seconds; at most 6 h.")
@click.option("--service", multiple=True, help="Only this service; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@url_option
def propagation(since: str, service: tuple[str, ...], as_json: bool, url: str) -> None:
    """Name the services that do not pass the headers on.

    Compares the ids that arrived at a service's inbound proxy with those its calls carried to its outbound proxy. Only
    what headers say counts; what is guessed from time is called a guess.
    """
    with exit_on_error():
        answer = get("/api/v1/propagation", url, {"since": since}, holds="services")
    services = [it for it in answer["services"] if not service or it["service"] in service]
    if as_json:
        click.echo(json.dumps({**answer, "services": services}, ensure_ascii=False, indent=2))
    elif services:
        draw_propagation(services, Console())
    else:
        click.echo(f"No sidecar recorded anything since {since}.", err=True)
    sys.exit(1 if any(it["habit"] in BAD for it in services) else 0)


def draw_propagation(services: list[Json], console: Console) -> None:
    """Print a line a service, and below those that don't pass everything on, what is missing and where it was seen."""
    width = max(len("service"), *(len(printable(it["service"])) for it in services))
    width = min(width, max(console.width - 50, 8))
    _print(Text(f"{'service':<{width}}{'got':>10}{'called':>10}{'passed on':>11}", "dim"), console)
    for it in services:
        name = Text(printable(it["service"]), "bold")
        name.truncate(width, overflow="crop", pad=True)
        share = f"{it['carried'].get('trace', 0) / it['calls']:.0%}" if it["calls"] and it["inbound"] else ""
        says, style = HABITS[it["habit"]]
        line = name + Text(f"{it['inbound']:>10,}{it['calls']:>10,}{share:>11}  ")
        _print(line.append(says, style), console)
        if it["habit"] in BAD:
            for more in _below(it):
                wrapped = more.wrap(Console(width=console.width), max(console.width - 4, 12), overflow="fold")
                for number, part in enumerate(wrapped):
                    _print(Text("  " if number == 0 else "    ") + part, console)


def _below(it: Json) -> Iterator[Text]:
    for carried, says in CARRIED.items():
        if count := it["carried"].get(carried):
            yield Text(f"{count:,} {'call' if count == 1 else 'calls'} {says}", "red")
    pods = it["pods"]
    if len(pods) > 1:
        yield Text(f"seen at {len(pods)} pods", "dim")
    yield Text(f"must be copied from the request onto the calls: {', '.join(it['missing'])}")
    for one in it["evidence"]:
        at = datetime.fromtimestamp(int(one["time_unix_nano"]) // 10**9, UTC)
        line = Text(f"{at:%H:%M:%S}  ", "dim").append(f"{printable(one['method'])} {printable(one['path'])}")
        line.append("  to ", "dim").append(printable(one["upstream_cluster"]) or "?")
        yield line.append(f"  {one['transaction_id']}", "bold")
        yield _guess(one)


def _guess(one: Json) -> Text:
    guess = one["guess"]
    if guess is None:
        return Text("          guess by time: work of its own, no request was open at that moment", "dim italic")
    text = Text(f"          guess by time: made for {guess['transaction_id']}", "dim italic")
    others = guess["open"] - 1
    return text.append(f", one of {others + 1} requests open then" if others else ", the only request open then")


def _print(line: Text, console: Console) -> None:
    if console.options.ascii_only:
        line.plain = line.plain.encode("ascii", "backslashreplace").decode("ascii")
    line.truncate(console.width)
    line.rstrip()
    console.print(line, highlight=False, no_wrap=True)
