"""`weftline demo`: the local stack, the shop on top of it, one transaction of every kind, and where to look them up."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from weftline.collector.errors import Misconfigured
from weftline.deploy.local.command import CHECK_SECONDS, GIVEN_UP, REFUSED, addresses, kafka_option
from weftline.deploy.local.display import Display
from weftline.deploy.local.process import ProcessDied
from weftline.deploy.local.signals import interruptible, uninterruptible
from weftline.deploy.local.stack import QUERY_PORT, Options, Stack
from weftline.deploy.local.supervise import State
from weftline.query.cli.tx import show

from .drive import Driver, Sent, UnexpectedError, wait_until_complete
from .kinds import SUCCESS, UPSTREAM_DOWN
from .mesh import HOST
from .shop import shop

BACKGROUND_SECONDS = 1.0
"""While the demo runs on, a success this often."""


@click.command()
@kafka_option
@click.option("--once", is_flag=True, help="Stop after printing, instead of at Ctrl-C.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder to keep.  [default: a temporary one]",
)
def demo(kafka: str | None, once: bool, data: Path | None) -> None:
    """Run a shop behind real Envoys, make every kind of request happen, and show one."""
    console = Console()
    code = 0
    try:
        with interruptible(), _folder(data) as folder, running(folder, kafka, console) as (stack, port):
            driver = Driver(port)
            with contextlib.closing(driver):
                sent = drive(driver, stack, console)
                show_result(sent, stack, console)
                if not once:
                    console.print("Running on with one order a second, until Ctrl-C.")
                    run_on(driver, stack, console)
    except KeyboardInterrupt:
        pass
    except Misconfigured as error:
        code = REFUSED
        console.print(str(error), style="red", highlight=False, markup=False)
    except (ProcessDied, UnexpectedError) as error:
        code = GIVEN_UP
        console.print(str(error), style="red", highlight=False, markup=False)
    sys.exit(code)


@contextmanager
def running(folder: Path, kafka: str | None, console: Console) -> Iterator[tuple[Stack, int]]:
    """The stack and the shop, all ready, and the edge proxy's port; stopped at the end."""
    display = Display(console)
    stack = Stack(Options(folder, kafka), display)
    try:
        with display:
            stack.start()
            ports, processes = shop(folder / "shop", http_port=stack.http_port, grpc_port=stack.grpc_port)
            for process in processes:
                stack.supervisor.start(process)
            admin = (ports.edge_admin, ports.cart_admin, ports.payment_admin)
            stack.scrape([f"{HOST}:{port}" for port in admin])
        yield stack, ports.edge
    finally:
        console.print("Stopping.")
        with uninterruptible():
            stack.stop()


def drive(driver: Driver, stack: Stack, console: Console) -> Sequence[Sent]:
    """Send every kind and wait until all can be looked up."""
    with Display(console) as display:
        display("sending", State.STARTING, "")
        sent = driver.send_all(lambda _: stack.check())
        display("sending", State.READY, "")
        display("waiting until every row can be looked up", State.STARTING, "")
        for one in sent:
            wait_until_complete(one, stack.query_url, meanwhile=stack.check)
        display("waiting until every row can be looked up", State.READY, "")
    return sent


def show_result(sent: Sequence[Sent], stack: Stack, console: Console) -> None:
    """The addresses, a transaction of each kind, and one timeline."""
    console.print(addresses(stack))
    table = Table("kind", "status")
    table.add_column("transaction ID", no_wrap=True)
    for one in sent:
        table.add_row(one.kind.name, str(one.kind.status), one.transaction_id)
    console.print(table)
    for one in sent:
        url = f"{stack.query_url}/trace/{one.transaction_id}"
        console.print(f"[bold]{one.kind.name}[/bold]: {one.kind.story}\n  {url}", soft_wrap=True, highlight=False)
    option = "" if stack.query_port == QUERY_PORT else f" --url {stack.query_url}"
    (shown,) = [one for one in sent if one.kind is UPSTREAM_DOWN]
    console.print(f"\n$ weftline tx{option} {shown.transaction_id}", style="bold", highlight=False, soft_wrap=True)
    show(shown.transaction_id, stack.query_url, console)


def run_on(driver: Driver, stack: Stack, console: Console) -> None:
    """Until interrupted: keep everything running and some traffic flowing."""
    due = time.monotonic()
    while True:
        stack.check()
        if time.monotonic() >= due:
            due += BACKGROUND_SECONDS
            try:
                driver.send(SUCCESS)
            except Exception as error:  # noqa: BLE001 - a part may be away; it is being started again
                console.print(f"An order failed: {error}", style="yellow", highlight=False, markup=False)
        time.sleep(CHECK_SECONDS)


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    with ExitStack() as stack:
        yield data.absolute() if data else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weftline-")))
