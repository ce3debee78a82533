"""`weftline events`: what went wrong in the mesh, and with --follow what goes wrong now."""

import json
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import click
from rich.console import Console

from weftline.query.cli.client import UnreachableError, get
from weftline.query.cli.events_view import draw_counts, draw_events
from weftline.query.cli.options import exit_on_error, url_option

PATH: Final = "/api/v1/events"
POLL_SECONDS: Final = 1.0
OVERLAP: Final = 15 * 10**9
"""ns that each look reaches back behind the one before: inserts become visible in no certain order."""
REMEMBERED: Final = 50_000
"""Events whose ids are kept so that none is shown twice."""
LATE: Final = "1d"
"""Events that become known later than this after they happened aren't followed."""

Json = Mapping[str, Any]


@click.command(epilog="Exit codes: 0 done, 2 wrong usage, 3 the service can't be reached.")
@click.option("--kind", multiple=True, help="Only this kind, such as timeout or circuit_breaking; may be repeated.")
@click.option("--service", multiple=True, help="Only what this service's proxies report; may be repeated.")
@click.option("--route", multiple=True, help="Only requests on this route; may be repeated.")
@click.option("--cluster", multiple=True, help="Only requests to this upstream cluster; may be repeated.")
@click.option("--since", default="1h", show_default=True, help="`15m` (ago), ISO 8601 or Unix seconds.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON; with --follow one event a line.")
@url_option
def events(  # noqa: PLR0917 - the options of the command
    kind: Sequence[str],
    service: Sequence[str],
    route: Sequence[str],
    cluster: Sequence[str],
    since: str,
    limit: int,
    follow: bool,
    as_json: bool,
    url: str,
) -> None:
    """Show the events of the mesh: timeouts, open circuit breakers, refusals, retries, resets and so on."""
    parameters = {"kind": kind, "service": service, "route": route, "cluster": cluster}
    console = Console()
    try:
        with exit_on_error():
            answer = get(PATH, url, {**parameters, "since": since, "limit": limit}, holds="events")
            if as_json and not follow:
                click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
                return
            if not as_json:
                draw_counts(get(f"{PATH}/counts", url, {**parameters, "since": since}, holds="counts"), console)
                if answer["events"]:
                    console.print()
            _show(answer["events"], console, as_json=as_json)
            if not as_json and answer["next"]:
                console.print(f"The newest {limit} are shown: more with --limit, or another --since.", style="yellow")
            if not answer["events"] and not follow:
                click.echo(f"No events since {since}.", err=True)
            if follow:
                for page in following(answer, lambda more: get(PATH, url, {**parameters, **more}, holds="events")):
                    _show(page, console, as_json=as_json)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)


def following(
    first: Json, ask: Callable[[Mapping[str, object]], Json], sleep: Callable[[float], object] = time.sleep
) -> Iterator[list[Json]]:
    """Pages of events (newest first) that became known after ``first``; each event once. Never ends.

    ``ask`` gets the parameters to add and raises `LookUpError`; while the service is away it is asked again.
    """
    seen = OrderedDict.fromkeys((event["id"] for event in first["events"]), None)
    known_until = int(first["until_unix_nano"])
    # What the first page had no room for is not news.
    oldest = int(first["events"][-1]["time_unix_nano"]) if first["next"] else 0
    while True:
        sleep(POLL_SECONDS)
        stored_since = f"{(known_until - OVERLAP) / 10**9:.3f}"
        page: list[Json] = []
        try:
            answer = ask({"since": LATE, "limit": 1000, "stored_since": stored_since})
            page += answer["events"]
            until = int(answer["until_unix_nano"])
            while answer["next"]:
                answer = ask({"since": LATE, "limit": 1000, "stored_since": stored_since, "cursor": answer["next"]})
                page += answer["events"]
        except UnreachableError as error:
            click.echo(f"weftline: {error} Trying again.", err=True)
            sleep(POLL_SECONDS * 4)
            continue
        known_until = until
        fresh = [it for it in page if it["id"] not in seen and int(it["time_unix_nano"]) >= oldest]
        oldest = 0
        for event in page:
            seen[event["id"]] = None
        while len(seen) > REMEMBERED:
            seen.popitem(last=False)
        if fresh:
            yield fresh


def _show(events: Sequence[Json], console: Console, *, as_json: bool) -> None:
    if as_json:
        for event in reversed(events):
            click.echo(json.dumps(event, ensure_ascii=False))
    else:
        draw_events(events, console)
