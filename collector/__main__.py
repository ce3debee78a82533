"""The collector's commands: `weftline edge|ingest|migrate`, or `python -m weftline.collector edge|…`."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from weftline.agent.env import SettingsError
from weftline.collector.errors import Misconfigured, TryLater
from weftline.collector.lifecycle import configure_logging


def _run(role: Callable[[], Any]) -> Any:
    configure_logging()
    try:
        return role()
    except (SettingsError, Misconfigured, TryLater) as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(2 if isinstance(error, SettingsError | Misconfigured) else 1)


@click.command()
def edge() -> None:
    """Receive OTLP over HTTP and gRPC, hand it to Kafka or straight to ClickHouse."""
    from weftline.collector.wiring import run_edge

    _run(lambda: run_edge(os.environ))


@click.command()
def ingest() -> None:
    """Move what is on Kafka into ClickHouse, exactly once."""
    from weftline.collector.wiring import run_ingest

    _run(lambda: run_ingest(os.environ))


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from weftline.collector.wiring import run_migrate

    applied = _run(lambda: run_migrate(os.environ))
    click.echo(f"Applied {len(applied)} migrations: {', '.join(applied)}." if applied else "The schema is up to date.")


@click.group()
def main() -> None:
    """The collector's processes; each is configured by environment variables (README, "Configuration")."""


for command in (edge, ingest, migrate):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m weftline.collector")
