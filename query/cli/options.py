"""What the commands that ask the query service have in common: where it is, and how they end when it has no answer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click

from weftline.query.cli.client import (
    DEFAULT_URL,
    TOKEN,
    LookUpError,
    NotAllowedError,
    RefusedError,
    UnknownIdError,
    UnreachableError,
)

EXIT_CODES: Final[dict[type[LookUpError], int]] = {
    UnknownIdError: 1,
    RefusedError: 2,
    UnreachableError: 3,
    NotAllowedError: 4,
}

_F = TypeVar("_F", bound=Callable[..., Any])


def url_option(command: _F) -> _F:
    """Where the query service is (the parameter ``url``), and the token to ask it with, which every request has."""
    url = click.option(
        "--url", envvar="WEFTLINE_URL", default=DEFAULT_URL, show_default=True, show_envvar=True, help="Query service."
    )
    token = click.option(
        "--token",
        envvar="WEFTLINE_TOKEN",
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        help="Its token, if it wants one. In the environment other users of the machine don't see it.",
    )
    return url(token(command))


def _remember(_context: click.Context, _parameter: click.Parameter, token: str | None) -> None:
    TOKEN.set(token or "")


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Ends the process with the error's text and exit code where a look-up fails."""
    try:
        yield
    except LookUpError as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(EXIT_CODES[type(error)])
