"""`weftline mesh`: the proxies' own health; `weftline mesh scrape`: the process that reads it."""

import json
import os
import sys
from collections.abc import Sequence

import click
from rich.console import Console

from weftline.agent.env import SettingsError
from weftline.collector.errors import Misconfigured, TryLater
from weftline.collector.lifecycle import configure_logging
from weftline.query.cli.client import get
from weftline.query.cli.mesh_view import draw_mesh
from weftline.query.cli.options import exit_on_error, url_option


@click.group(invoke_without_command=True, epilog="Exit codes: 0 done, 2 wrong usage, 3 the service can't be reached.")
@click.option("--since", default="15m", show_default=True, help="`15m` (ago), ISO 8601 or Unix seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Every cluster and listener, also those that are well.")
@url_option
@click.pass_context
def mesh(ctx: click.Context, since: str, as_json: bool, verbose: bool, url: str) -> None:
    """Show the proxies' own health: lost access logs, open circuit breakers, overflows, uneven workers.

    Needs `weftline mesh scrape` running.
    """
    if ctx.invoked_subcommand:
        return
    with exit_on_error():
        answer = get("/api/v1/mesh", url, {"since": since}, holds="proxies")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    elif answer["proxies"]:
        draw_mesh(answer, Console(), verbose=verbose)
    else:
        click.echo(f"No proxy was looked at since {since}. Start `weftline mesh scrape --target HOST:PORT`.", err=True)


@mesh.command()
@click.option("--target", multiple=True, help="host:port of a proxy's admin or stats port; may be repeated.")
@click.option("--once", is_flag=True, help="Look once and stop; exits with 1 if no proxy answered.")
def scrape(target: Sequence[str], once: bool) -> None:
    """Read the proxies' stats every so often and store them. Configured by WEFTLINE_SCRAPE_… and _CLICKHOUSE_…"""
    from weftline.collector.wiring import run_scrape

    configure_logging()
    try:
        answered = run_scrape(os.environ, target, once=once)
    except (SettingsError, Misconfigured, TryLater) as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(1 if isinstance(error, TryLater) else 2)
    if once:
        click.echo(f"{answered} proxies answered.")
        sys.exit(0 if answered else 1)
