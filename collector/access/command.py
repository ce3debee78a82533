"""`weftline token`: makes, lists and withdraws tokens in their file; edge and query see a change within a second."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from weftline.collector.access.identity import Role, is_tenant
from weftline.collector.access.tokens import Token, digest, line, mint, parse
from weftline.collector.errors import Misconfigured

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "y": timedelta(days=365)}

file_option = click.option(
    "--file",
    "file",
    envvar="WEFTLINE_ACCESS_TOKENS_FILE",
    show_envvar=True,
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of tokens.",
)


@click.group()
def token() -> None:
    """Who may send and ask: tokens in a file, which holds their hashes only."""


@token.command(
    epilog="Senders take it as OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20…, the commands as WEFTLINE_TOKEN."
)
@click.argument("name")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    required=True,
    help="Repeatable.",
)
@click.option("--tenant", default="", help="Whose rows it writes and reads; none if tenants are not told apart.")
@click.option("--expires", default="365d", show_default=True, help="`12h`, `90d`, `1y`, ISO 8601, or `never`.")
@file_option
def new(name: str, roles: tuple[str, ...], tenant: str, expires: str, file: Path) -> None:
    """Make a token called NAME, add its hash to the file, and print it: it can't be shown again."""
    if not is_tenant(tenant):
        raise click.BadParameter("up to 64 letters, digits, dots, dashes and underscores.", param_hint="--tenant")
    when = _expires(expires, datetime.now(UTC))
    with _file(file) as there:
        if any(it.name == name for it in there):
            raise click.BadParameter(f"{file} has a token of that name; withdraw it first.", param_hint="NAME")
        secret = mint()
        added = Token(name, digest(secret), tenant, frozenset(map(Role, roles)), when)
        _append(file, line(added))
    click.echo(secret)


@token.command("list")
@file_option
def list_(file: Path) -> None:
    """Show which tokens there are."""
    with _file(file) as there:
        for it in there:
            until = f"until {it.expires:%Y-%m-%d %H:%M} UTC" if it.expires else "for ever"
            gone = "  (expired)" if it.expires and it.expires <= datetime.now(UTC) else ""
            tenant = f"  tenant {it.tenant}" if it.tenant else ""
            click.echo(f"{it.name:<24}{','.join(sorted(it.roles)):<16}{until}{tenant}{gone}")


@token.command()
@click.argument("name")
@file_option
def revoke(name: str, file: Path) -> None:
    """Withdraw the token called NAME: the next request with it is refused."""
    with _file(file) as there:
        if all(it.name != name for it in there):
            raise click.BadParameter(f"{file} has no token of that name.", param_hint="NAME")
        lines = file.read_text(encoding="utf-8").splitlines()
        beside = file.with_name(f".{file.name}.new")
        beside.unlink(missing_ok=True)
        beside.touch(mode=file.stat().st_mode & 0o777)
        for text in lines:
            if all(it.name != name for it in parse([text], str(file))):
                _append(beside, text)
        beside.replace(file)


@contextmanager
def _file(file: Path) -> Iterator[list[Token]]:
    """The file's tokens; what is wrong with the file ends the command."""
    try:
        yield parse(file.read_text(encoding="utf-8").splitlines() if file.exists() else [], str(file))
    except (Misconfigured, OSError) as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(2)


def _append(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as out:
        out.write(f"{text}\n")


def _expires(text: str, now: datetime) -> datetime | None:
    if text == "never":
        return None
    if match := re.fullmatch(r"(\d{1,5})([hdy])", text):
        return now + int(match[1]) * _UNITS[match[2]]
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("`12h`, `90d`, `1y`, ISO 8601, or `never`.", param_hint="--expires") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
