"""What the commands that ask the query service have in common: where it is, and how they end when it has no answer."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from weftline.query.cli.client import DEFAULT_URL, LookUpError, RefusedError, UnknownIdError, UnreachableError

EXIT_CODES: Final[dict[type[LookUpError], int]] = {UnknownIdError: 1, RefusedError: 2, UnreachableError: 3}

url_option = click.option(
    "--url", envvar="WEFTLINE_URL", default=DEFAULT_URL, show_default=True, show_envvar=True, help="Query service."
)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Ends the process with the error's text and exit code where a look-up fails."""
    try:
        yield
    except LookUpError as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(EXIT_CODES[type(error)])
