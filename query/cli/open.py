"""`weftline open ID`: the page of one request, in the browser."""

import urllib.parse
import webbrowser

import click

from weftline.query.cli.client import get
from weftline.query.cli.options import exit_on_error, url_option


@click.command(
    "open",
    epilog="Exit codes: 0 found, 1 unknown, 2 malformed id or wrong usage, 3 the service can't be reached.",
)
@click.argument("any_id", metavar="ID")
@click.option("--print", "only_print", is_flag=True, help="Print the address only.")
@url_option
def open_page(any_id: str, only_print: bool, url: str) -> None:
    """Open the page of one request in the browser, and print its address."""
    with exit_on_error():
        path = f"/api/v1/transactions/{urllib.parse.quote(any_id, safe='')}/logs"
        known = get(path, url, {"limit": 1}, holds="transaction_id")
    address = f"{url.rstrip('/')}/trace/{known['transaction_id']}"
    click.echo(address)
    if not only_print and not webbrowser.open(address):
        click.echo("weftline: No browser could be started; open the address yourself.", err=True)
