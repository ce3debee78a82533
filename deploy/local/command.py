"""`weftline up`: the whole of weftline on this machine, until Ctrl-C."""

import os
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from weftline.collector.errors import Misconfigured

from .display import Display
from .ports import HOST
from .process import ProcessDied
from .signals import interruptible, uninterruptible
from .stack import EDGE_GRPC_PORT, EDGE_HTTP_PORT, OWN_KAFKA, QUERY_GRPC_PORT, QUERY_PORT, Options, Stack

CHECK_SECONDS = 0.25
GIVEN_UP, REFUSED = 1, 2
"""Exit codes: a part can't be kept running; something has to be changed first (a port, a folder, a package)."""

kafka_option = click.option(
    "--kafka",
    metavar="[HOST:PORT]",
    is_flag=False,
    flag_value=OWN_KAFKA,
    default=None,
    help="Put Kafka in between: one of our own (needs Java and Maven), or the one at HOST:PORT.",
)


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Data folder; it survives restarts.  [default: ~/.local/share/weftline]",
)
@kafka_option
@click.option("--http-port", type=int, help=f"OTLP/HTTP port.  [default: {EDGE_HTTP_PORT}, or a free one]")
@click.option("--grpc-port", type=int, help=f"OTLP/gRPC port.  [default: {EDGE_GRPC_PORT}, or a free one]")
@click.option("--query-port", type=int, help=f"Query service's port.  [default: {QUERY_PORT}, or a free one]")
def up(
    data: Path | None, kafka: str | None, http_port: int | None, grpc_port: int | None, query_port: int | None
) -> None:
    """Run ClickHouse, the edge and the query service on this machine until Ctrl-C."""
    console = Console()
    display = Display(console)
    options = Options((data or default_data()).absolute(), kafka, http_port, grpc_port, query_port)
    stack = Stack(options, display)
    code = 0
    try:
        with interruptible():
            with display:
                stack.start()
            console.print(addresses(stack))
            console.print(usage(stack), highlight=False, soft_wrap=True)  # lines to be copied
            while True:
                stack.check()
                time.sleep(CHECK_SECONDS)
    except KeyboardInterrupt:
        console.print("Stopping.")
    except Misconfigured as error:
        code = REFUSED
        console.print(str(error), style="red", highlight=False, markup=False)
    except ProcessDied as error:
        code = GIVEN_UP
        console.print(str(error), style="red", highlight=False, markup=False)
    finally:
        with uninterruptible():
            stack.stop()
    sys.exit(code)


def default_data() -> Path:
    """Where data is kept unless the user says otherwise (XDG base directories)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "weftline"


def addresses(stack: Stack) -> Table:
    """What listens where; a port that isn't the usual one is marked."""
    table = Table("what", "address")

    def row(what: str, text: str, port: int, default: int) -> None:
        table.add_row(what, text if port == default else f"{text}   (instead of {default})")

    row("OTLP/HTTP", stack.otlp_endpoint, stack.http_port, EDGE_HTTP_PORT)
    row("OTLP/gRPC", f"{HOST}:{stack.grpc_port}", stack.grpc_port, EDGE_GRPC_PORT)
    row("query", stack.query_url, stack.query_port, QUERY_PORT)
    row("Jaeger's gRPC API", f"{HOST}:{stack.query_grpc_port}", stack.query_grpc_port, QUERY_GRPC_PORT)
    clickhouse = stack.clickhouse
    row("ClickHouse HTTP", f"http://{HOST}:{clickhouse.http_port}", clickhouse.http_port, 8123)
    row("ClickHouse native", f"{HOST}:{clickhouse.tcp_port}", clickhouse.tcp_port, 9000)
    table.add_row("Kafka", stack.kafka_servers or "none: the edge writes to ClickHouse")
    table.add_row("data", str(stack.options.data))
    return table


def usage(stack: Stack) -> str:
    """How to send and how to look up."""
    url = "" if stack.query_port == QUERY_PORT else f" --url {stack.query_url}"
    endpoint = "" if stack.http_port == EDGE_HTTP_PORT else f"OTEL_EXPORTER_OTLP_ENDPOINT={stack.otlp_endpoint} "
    return (
        f"Send:     OTEL_SERVICE_NAME=shop {endpoint}weftline-agent run python app.py\n"
        f"Look up:  weftline tx{url} ID\n"
        "Stop:     Ctrl-C"
    )
