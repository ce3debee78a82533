"""`weftline services`: rates, errors and durations of all services at a glance, and who calls whom."""

import json

import click
from rich.console import Console

from weftline.query.cli.client import get
from weftline.query.cli.options import exit_on_error, url_option
from weftline.query.cli.services_view import draw_calls, draw_services


@click.command(epilog="Exit codes: 0 done, 2 wrong usage, 3 the service can't be reached.")
@click.argument("service", nargs=-1)
@click.option("--since", default="15m", show_default=True, help="`15m` (ago), ISO 8601 or Unix seconds.")
@click.option("--until", default="now", show_default=True, help="As --since.")
@click.option("--operations", is_flag=True, help="A line for each operation.")
@click.option("--calls", is_flag=True, help="Who calls whom instead, also what only proxies saw.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@url_option
def services(
    *, service: tuple[str, ...], since: str, until: str, operations: bool, calls: bool, as_json: bool, url: str
) -> None:
    """Show how often services are called, how many calls fail, and how long they take; the failing first.

    Of SERVICE… only these, all by default. Counted from spans: what was sampled out is only in the figures of --calls.
    """
    if calls and operations:
        raise click.UsageError("--calls knows no operations.")
    window = {"since": since, "until": until}
    with exit_on_error():
        if calls:
            answer = get("/api/v1/dependencies", url, window, holds="dependencies")
            answer["dependencies"] = [
                it for it in answer["dependencies"] if not service or {it["caller"], it["callee"]} & set(service)
            ]
        else:
            asked = {**window, "service": service, "by_operation": str(operations).lower()}
            answer = get("/api/v1/metrics", url, asked, holds="metrics")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    elif not answer["dependencies" if calls else "metrics"]:
        click.echo(f"No {'call between services' if calls else 'span'} began since {since}.", err=True)
    elif calls:
        draw_calls(answer, Console())
    else:
        draw_services(answer, Console())
