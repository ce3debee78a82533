"""`weftline tx ID`: every log of one request, as a timeline in the terminal."""

import io
import json
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from weftline.query.cli.client import fetch
from weftline.query.cli.options import exit_on_error, url_option
from weftline.query.cli.picture import SVG_FORMAT
from weftline.query.cli.timeline_view import draw

SVG_WIDTH: Final = 118
"""Columns of a picture."""


@click.command(
    epilog="Exit codes: 0 found, 1 unknown, 2 malformed id or wrong usage, 3 the service can't be reached, 4 it wants "
    "another token.",
)
@click.argument("any_id", metavar="ID")
@url_option
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture to this file.")
@click.option("-v", "--verbose", is_flag=True, help="Print stack traces and long texts in full.")
def tx(any_id: str, url: str, as_json: bool, svg: Path | None, verbose: bool) -> None:
    """Show every log of one request.

    ID is a transaction ID, a whole traceparent, an x-request-id, or an alias the application set.
    """
    with exit_on_error():
        if as_json:
            click.echo(json.dumps(fetch(any_id, url), ensure_ascii=False, indent=2))
        elif svg:
            svg.write_text(picture(any_id, url, verbose=verbose), encoding="utf-8")
        else:
            show(any_id, url, Console(), verbose=verbose)


def show(any_id: str, url: str, console: Console, *, verbose: bool = False) -> None:
    """Look ``any_id`` up at ``url`` and print its timeline. Raises `LookUpError`."""
    draw(fetch(any_id, url), console, verbose=verbose)


def picture(any_id: str, url: str, *, verbose: bool = False, width: int = SVG_WIDTH) -> str:
    """The same as an SVG document, which loads nothing. Raises `LookUpError`."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    draw(fetch(any_id, url), console, verbose=verbose)
    return console.export_svg(title=f"weftline tx {any_id}", code_format=SVG_FORMAT)
