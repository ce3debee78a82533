"""The query service's process: `weftline query`, or `python -m weftline.query`."""

import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weftline.agent.env import SettingsError, read
from weftline.collector.errors import Misconfigured
from weftline.collector.lifecycle import configure_logging

if TYPE_CHECKING:
    from weftline.collector.settings import ClickHouseSettings
    from weftline.query.access.audit import Audits
    from weftline.query.settings import QuerySettings

logger = logging.getLogger(__name__)

GC_THRESHOLD = 50_000
"""Objects that may be added before a collection; Python starts with 700."""
GRACE_SECONDS = 5.0
"""For gRPC calls that are being answered when the process ends."""


@click.command()
@click.option("--openapi", is_flag=True, help="Print the description of the API, and end.")
@click.option("--jaeger-ui", metavar="DIR", help="Serve this built Jaeger UI instead of the own one.")
def query(openapi: bool, jaeger_ui: str | None) -> None:
    """Answer over HTTP: look-ups, searches, Jaeger's APIs, and the UI."""
    configure_logging()
    try:
        if openapi:
            click.echo(json.dumps(describe(), ensure_ascii=False, indent=1))
        else:
            run({**os.environ, "WEFTLINE_QUERY_JAEGER_UI": jaeger_ui} if jaeger_ui else os.environ)
    except (SettingsError, Misconfigured) as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(2)


def run(environ: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT. Raises `SettingsError`, or `Misconfigured` when the port can't be had.

    ClickHouse need not be there yet: until it is, look-ups and /health answer 503.
    """
    import uvicorn

    from weftline.collector.access.gate import Access
    from weftline.collector.settings import AccessSettings, ClickHouseSettings
    from weftline.collector.store.clickhouse_reader import ClickHouseReader
    from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
    from weftline.query.access.asking import current_asker
    from weftline.query.app import create_app
    from weftline.query.grpc.server import create_server
    from weftline.query.routes import jaeger_ui
    from weftline.query.settings import QuerySettings

    settings = read(QuerySettings, environ)
    clickhouse = read(ClickHouseSettings, environ)
    access = Access.of(read(AccessSettings, environ))
    access.require(settings.host, "The query service")
    if settings.jaeger_ui:
        jaeger_ui.index(settings)  # what is missing is said now, not to the first browser
    with (
        listen(settings.host, settings.port) as listener,
        closing(ClickHouseReader(clickhouse, current_asker)) as reader,
        closing(ClickHouseSearcher(clickhouse, current_asker)) as searcher,
        _audits(settings, clickhouse) as audit,
    ):
        grpc_server, grpc_port = create_server(reader, searcher, settings, access, audit)
        grpc_server.start()
        host, port = listener.getsockname()[:2]
        click.echo(f"weftline query listens on http://{f'[{host}]' if ':' in host else host}:{port}", err=True)
        config = uvicorn.Config(
            create_app(reader, searcher, settings, access, audit),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,  # who is trusted to name a client is `access`'s to say
        )
        logger.info("Jaeger's gRPC API listens port=%d.", grpc_port)
        # Uvicorn stops on a signal and raises it again afterwards; by then it must find a handler that lets us finish.
        # What is there now stays, and a big answer is hundreds of thousands of objects without a cycle among them.
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            grpc_server.stop(GRACE_SECONDS).wait()


@contextmanager
def _audits(settings: "QuerySettings", clickhouse: "ClickHouseSettings") -> "Iterator[Audits]":
    """Where look-ups are written down; at the end, what waits is."""
    from weftline.collector.store.lookups import store_lookups
    from weftline.query.access.audit import Audits, LineFile, Table

    file = LineFile(Path(settings.audit_file)) if settings.audit_file else None
    table = Table(lambda lookups: store_lookups(clickhouse, lookups)) if settings.audit_table else None
    try:
        yield Audits([one for one in (file, table) if one is not None])
    finally:
        if table is not None:
            table.close()


def describe() -> dict[str, Any]:
    """The OpenAPI description of the service; needs no store."""
    from weftline.collector.settings import ClickHouseSettings
    from weftline.collector.store.clickhouse_reader import ClickHouseReader
    from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
    from weftline.query.app import create_app
    from weftline.query.settings import QuerySettings

    nowhere = ClickHouseSettings()
    return create_app(ClickHouseReader(nowhere), ClickHouseSearcher(nowhere), QuerySettings()).openapi()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port that is taken is one clear sentence instead of a server's log."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        # create_server() adds the address to the text; negative numbers are of names that don't resolve.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise Misconfigured(
            f"The query service can't listen on {host}:{port}: {reason}. Choose another address "
            "with WEFTLINE_QUERY_HOST and WEFTLINE_QUERY_PORT."
        ) from error


if __name__ == "__main__":
    query(prog_name="python -m weftline.query")
