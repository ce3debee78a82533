"""`weftline doctor propagation` over the demo's real Envoys, in which one service drops the headers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len

from support.rows import RowsSearcher
from support.server import serve
from support.shop_mesh import ShopMesh, shop_mesh
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.query.app import create_app
from weftline.query.mesh.propagation import HEADERS, Habit, ServicePropagation
from weftline.query.routes.propagation import examine
from weftline.query.settings import QuerySettings

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopMesh]:
    with shop_mesh(tmp_path_factory.mktemp("mesh")) as running:
        yield running


def examined(shop: ShopMesh, writer: ClickHouseWriter, reader: ClickHouseReader) -> dict[str, ServicePropagation]:
    shop.store(writer)
    now = time.time_ns()
    return {it.service: it for it in examine(reader, now - 3600 * 10**9, now + 10**9)}


def test_services_that_pass_everything_on_are_well(
    shop: ShopMesh, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    for _ in range(3):
        assert shop.send("/checkout")[0] == 200
    shop.send("/checkout?case=booked")
    found = examined(shop, writer, reader)
    assert {service: it.habit for service, it in found.items()} == {"cart": Habit.PASSES, "payment": Habit.PASSES}
    assert (found["cart"].inbound, found["cart"].calls, found["cart"].passed) == (4, 4, {"trace": 4})
    assert (found["payment"].inbound, found["payment"].calls) == (4, 1)
    assert found["cart"].missing == ()
    assert found["cart"].evidence == []


@pytest.mark.parametrize(
    ("passes", "carried", "missing"),
    [
        ("none", "nothing", HEADERS),
        ("x-request-id", "request_id", ("traceparent", "tracestate", "x-transaction-id")),
        ("x-transaction-id", "transaction_id", ("traceparent", "tracestate")),
        ("own", "own_trace", HEADERS),
    ],
)
def test_a_service_that_drops_the_headers_is_named_with_evidence(
    shop: ShopMesh,
    writer: ClickHouseWriter,
    reader: ClickHouseReader,
    passes: str,
    carried: str,
    missing: tuple[str, ...],
) -> None:
    sent = [shop.send(f"/checkout?cart_passes={passes}")[1] for _ in range(2)]
    found = examined(shop, writer, reader)
    cart = found["cart"]
    assert (cart.habit, cart.inbound, cart.calls, dict(cart.passed)) == (Habit.DROPS, 2, 2, {carried: 2})
    assert cart.missing == missing
    assert dict(cart.pods) == {"cart-1": 2}
    assert found["payment"].habit is Habit.CALLS_NOBODY, "the one that got new ids is not to blame"
    # Newest first; one request at a time, so even the guess is right here, and said to be one.
    assert [it.call.passed for it in cart.evidence] == [carried, carried]
    assert [it.guess.transaction_id for it in cart.evidence if it.guess] == sent[::-1]
    assert [it.guess.open for it in cart.evidence if it.guess] == [1, 1]
    new = {it.call.transaction_id for it in cart.evidence}
    assert (new == set(sent)) is (passes == "x-transaction-id")


def test_a_service_with_a_path_that_forgets_passes_in_part(
    shop: ShopMesh, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    for _ in range(3):
        shop.send("/checkout")
    shop.send("/checkout?cart_passes=none")
    cart = examined(shop, writer, reader)["cart"]
    assert (cart.habit, dict(cart.passed)) == (Habit.PARTLY, {"trace": 3, "nothing": 1})


def doctor(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from weftline.query.cli import main; main()", "doctor", "propagation", "--url", url, *arguments],
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


def test_the_command_names_it_and_exits_with_1(
    shop: ShopMesh, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    with serve(create_app(reader, RowsSearcher(), QuerySettings())) as url:
        nothing = doctor(url)
        assert (nothing.returncode, nothing.stderr) == (0, "No sidecar recorded anything since 15m.\n")
        _, inbound = shop.send("/checkout?cart_passes=none")
        shop.store(writer)
        ran = doctor(url)
        assert ran.returncode == 1, ran.stderr
        lines = ran.stdout.splitlines()
        assert lines[0] == "service       got    called  passed on"
        assert lines[1] == "cart            1         1         0%  drops the headers"
        assert lines[2] == "  1 call carried none of the ids: each begins a new transaction"
        assert "must be copied from the request onto the calls: traceparent, tracestate," in lines[3]
        assert f"guess by time: made for {inbound}, the only" in ran.stdout
        assert lines[-1] == "payment         1         0             calls nobody"
        assert max(map(cell_len, lines)) <= 80
        answer: Any = json.loads(doctor(url, "--json", "--service", "cart").stdout)
        assert [it["service"] for it in answer["services"]] == ["cart"]
        assert answer["services"][0]["evidence"][0]["guess"]["transaction_id"] == inbound
        assert doctor(url, "--service", "payment").returncode == 0
        assert doctor(url, "--since", "7h").returncode == 2
