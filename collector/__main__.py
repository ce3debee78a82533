"""The collector's commands: `weftline edge|ingest|migrate|retain|collect`, or `python -m weftline.collector edge|…`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
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


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what is due.")
def retain(*, dry_run: bool) -> None:
    """Let go of rows that are older than WEFTLINE_RETENTION_… says. Ingest (direct: the edge) does it every day."""
    from weftline.collector.wiring import run_retain

    done = _run(lambda: run_retain(os.environ, dry_run=dry_run))
    for it in done:
        stays = f"{it.rule} transactions stay" if it.rule else "nothing stays"
        rows = f"{it.rows_before:,} rows" if dry_run else f"{it.rows_before:,} rows -> {it.rows:,}"
        click.echo(f"{it.day}  {it.table:<14}{rows}  ({stays})")
    if not done:
        click.echo("Nothing is due.")


@click.group()
def collect() -> None:
    """Read what others wrote."""


@collect.command()
@click.option("--file", "files", multiple=True, required=True, help="Access log; may be a pattern. Repeatable.")
@click.option(
    "--endpoint",
    envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
    default="http://127.0.0.1:4318",
    show_default=True,
    help="OTLP/HTTP receiver, the edge.",
)
@click.option("--token", envvar="WEFTLINE_TOKEN", default="", show_envvar=True, help="The receiver's, if it wants one.")
@click.option(
    "--position-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("weftline-positions.json"),
    show_default=True,
    help="Where reading stopped; keep it across restarts.",
)
@click.option(
    "--refused-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("weftline-refused.jsonl"),
    show_default=True,
    help="Gets the lines that are no access logs, with place and reason.",
)
@click.option(
    "--resource",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the lines don't say, such as service.name=cart. Repeatable.",
)
@click.option("--skip-old", is_flag=True, help="Begin a file that is there and was never read at its end.")
@click.option("--once", is_flag=True, help="End when all is read and handed over.")
@click.option("--metrics-port", type=int, help="Serve /metrics on 127.0.0.1 there.")
def logs(
    *,
    files: tuple[str, ...],
    endpoint: str,
    token: str,
    position_file: Path,
    refused_file: Path,
    resource: tuple[str, ...],
    skip_old: bool,
    once: bool,
    metrics_port: int | None,
) -> None:
    """Follow access logs of Envoys (JSON lines or Istio's text) and send them to the edge; nothing is left out."""
    from weftline.collector.wiring import run_collect_logs

    who = dict(pair.partition("=")[::2] for pair in resource)
    if any("=" not in pair for pair in resource):
        raise click.UsageError("--resource takes KEY=VALUE.")
    _run(
        lambda: run_collect_logs(
            files,
            endpoint=endpoint,
            token=token,
            position_file=position_file,
            refused_file=refused_file,
            resource=who,
            skip_old=skip_old,
            once=once,
            metrics_port=metrics_port,
        )
    )


@click.group()
def main() -> None:
    """The collector's processes; each is configured by environment variables (README, "Configuration")."""


for command in (edge, ingest, migrate, retain, collect):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m weftline.collector")
