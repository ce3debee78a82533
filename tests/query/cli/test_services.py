"""`weftline services` as users run it: over HTTP, on the real store."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from support.otlp import START, span, spans_request
from support.rows import RowsSearcher
from support.server import serve
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.query.app import create_app
from weftline.query.cli.services import services
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
SECOND = 10**9
SINCE = START // (60 * SECOND) * 60
WHEN = ("--since", str(SINCE), "--until", str(SINCE + 60))


@pytest.fixture
def url(writer: ClickHouseWriter, reader: ClickHouseReader) -> Iterator[str]:
    calls = [(f"{n:016x}", "a" * 16) for n in range(1, 31)]
    writer.insert(
        Signal.SPANS,
        [
            spans_request(span(TX, "a" * 16, name="GET /"), service="web"),
            spans_request(
                *(
                    span(TX, it, parent=parent, name="GET /pay", duration=20_000_000, status={"code": 2 * (n < 3)})
                    for n, (it, parent) in enumerate(calls)
                ),
                service="cart",
            ),
        ],
        "t",
    )
    with serve(create_app(reader, RowsSearcher(), QuerySettings())) as url:
        yield url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(services, [*arguments, "--url", url], env={"COLUMNS": "80"})


def test_services_operations_calls_and_json(url: str) -> None:
    ran = run(url, *WHEN)
    assert ran.exit_code == 0, ran.output
    header, cart, web = ran.output.splitlines()
    assert header.split() == ["service", "kind", "calls/s", "errors", "p50", "p95", "p99"]
    assert cart.split()[:5] == ["cart", "server", "0.500", "10.0", "%"]
    assert web.split()[:4] == ["web", "server", "0.017", "-"]
    assert max(map(cell_len, ran.output.splitlines())) <= 80

    assert run(url, "cart", "--operations", *WHEN).output.splitlines()[1].startswith("cart  GET /pay ")
    assert run(url, "--calls", *WHEN).output.splitlines()[1].split()[:4] == ["web", "→", "cart", "0.500"]
    [metric] = json.loads(run(url, "web", "--json", *WHEN).output)["metrics"]
    assert (metric["service"], metric["calls"], metric["operation"]) == ("web", 1, "")
    [edge] = json.loads(run(url, "cart", "--calls", "--json", *WHEN).output)["dependencies"]
    assert (edge["caller"], edge["callee"], edge["calls"], edge["errors"]) == ("web", "cart", 30, 3)


def test_nothing_found_and_what_is_wrong(url: str) -> None:
    for arguments, code, says in (
        (("nobody", *WHEN), 0, "No span began since"),
        (("nobody", "--calls", *WHEN), 0, "No call between services began since"),
        (("--since", "soon"), 2, "`soon` is no time"),
        (("--calls", "--operations"), 2, "--calls knows no operations"),
    ):
        ran = run(url, *arguments)
        assert (ran.exit_code, says in ran.output) == (code, True), ran.output
    assert run("http://127.0.0.1:1").exit_code == 3
