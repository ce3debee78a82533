"""Spans and access logs of a real Envoy to an edge that asks for tokens: whose rows they are, and what a wrong one does."""

import http.client
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from support.access import Tokens, tokens
from support.roles import Edge, eventually, metrics
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.deploy.envoy.command import envoy
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse]

WAYS = {
    "OTLP over HTTP": ("otlp_http", ("--protocol", "http")),
    "OTLP over gRPC": ("otlp_grpc", ("--protocol", "grpc")),
    "ALS": ("envoy_als", ("--protocol", "grpc", "--access-log", "als")),
}
"""Name to what the edge's metrics call it, and options."""


@pytest.fixture
def made(tmp_path: Path) -> Tokens:
    return tokens(tmp_path)


@pytest.fixture
def edge(tmp_path: Path, store: ClickHouseSettings, made: Tokens) -> Iterator[Edge]:
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01, WEFTLINE_ACCESS_TOKENS_FILE=made.file) as edge:
        yield edge


@contextmanager
def proxy(folder: Path, edge: Edge, *options: str, metadata: str = "") -> Iterator[Callable[[], str]]:
    """An Envoy without an upstream; each call sends it a request and returns the transaction's ID.

    ``metadata``: the token that its gRPC services have in `initial_metadata`.
    """
    port = free_port()
    to = edge.grpc_port if "grpc" in options else edge.http_port
    arguments = ("--role", "edge", "--service", "shop", "--collector", f"{HOST}:{to}", *options)
    printed = CliRunner().invoke(
        envoy, ["config", *arguments, "--listen", f"{HOST}:{port}", "--upstream", f"{HOST}:{free_port()}"]
    )
    assert printed.exit_code == 0, printed.output
    bootstrap = yaml.safe_load(printed.stdout)
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = free_port()
    if metadata:
        for service in grpc_services(bootstrap["static_resources"]["listeners"]):
            service["initial_metadata"] = [{"key": "authorization", "value": f"Bearer {metadata}"}]

    def ask() -> str:
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        connection.request("GET", f"/{secrets.token_hex(4)}")
        transaction: str = connection.getresponse().headers["x-transaction-id"]
        connection.close()
        return transaction

    with Envoy("proxy", folder, bootstrap):
        yield ask


def grpc_services(part: Any) -> Iterator[dict[str, Any]]:
    """All in a configuration, however deep."""
    if isinstance(part, dict):
        if "grpc_service" in part:
            yield part["grpc_service"]
        part = list(part.values())
    if isinstance(part, list):
        for it in part:
            yield from grpc_services(it)


def rows(store: ClickHouseSettings, table: str) -> set[tuple[str, str]]:
    """(tenant, transaction ID) of all rows."""
    with connect(store) as client:
        return set(client.execute(f"SELECT toString(tenant), lower(hex(transaction_id)) FROM {table}"))


@pytest.mark.parametrize("way", WAYS)
def test_what_comes_with_a_token_is_its_tenant_s(
    tmp_path: Path, store: ClickHouseSettings, edge: Edge, made: Tokens, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """As `weftline envoy config --token-env` writes it: the token is in no file."""
    monkeypatch.setenv("SHOP_TOKEN", made.secrets["a"])
    with proxy(tmp_path, edge, *WAYS[way][1], "--token-env", "SHOP_TOKEN") as ask:
        expect_of_tenant_a(store, ask())
    assert made.secrets["a"] not in (tmp_path / "proxy.json").read_text() + edge.log.read_text()


@pytest.mark.parametrize("way", [way for way in WAYS if WAYS[way][0] != "otlp_http"])
def test_initial_metadata_may_carry_the_token(
    tmp_path: Path, store: ClickHouseSettings, edge: Edge, made: Tokens, way: str
) -> None:
    """As configurations of one's own may have it, and Istio's."""
    with proxy(tmp_path, edge, *WAYS[way][1], metadata=made.secrets["a"]) as ask:
        expect_of_tenant_a(store, ask())


def expect_of_tenant_a(store: ClickHouseSettings, transaction: str) -> None:
    for table in ("access_logs", "spans"):
        assert eventually(lambda table=table: rows(store, table)) == {("a", transaction)}, table


@pytest.mark.parametrize("way", WAYS)
def test_what_comes_with_a_wrong_token_or_none_is_refused_and_counted(
    tmp_path: Path, store: ClickHouseSettings, edge: Edge, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    name, options = WAYS[way]
    monkeypatch.setenv("SHOP_TOKEN", "wft_wrong")

    def refused() -> float:
        return sum(
            count
            for key, count in metrics(edge.http_port).items()
            if key.startswith("weftline_requests_total") and f'protocol="{name}"' in key and '"unauthenticated"' in key
        )

    def more_refused(*more: str) -> bool:
        before = refused()
        with proxy(tmp_path, edge, *options, *more) as ask:
            ask()
            return eventually(lambda: refused() > before)

    assert more_refused()
    assert more_refused("--token-env", "SHOP_TOKEN")
    for table in ("access_logs", "spans"):
        assert rows(store, table) == set(), table
