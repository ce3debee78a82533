"""GET /api/v1/metrics and /api/v1/dependencies: shapes, bounds, what is asked. Figures are tested on the real store."""

import pytest
from fastapi import FastAPI

from support.asgi import call
from support.rows import RowsReader, RowsSearcher, durations
from weftline.collector.store.red import Dependency, ProxiedCalls, RedFilter, RedPoint
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

SECOND = 10**9
MINUTE = 60 * SECOND
BY_LEVEL = {"0.5": 4_000_000, "0.75": 4_000_000, "0.9": 4_000_000, "0.95": 4_000_000, "0.99": 4_000_000}


@pytest.fixture
def reader() -> RowsReader:
    reader = RowsReader()
    reader.points = [RedPoint(600 * MINUTE, "cart", "GET /pay", "server", 120, 3, durations(4))]
    reader.edges = [Dependency("web", "cart", 600, 6, durations(4))]
    reader.proxied = [
        ProxiedCalls("cart", "sidecar-outbound", "ledger", "", 60, 30, 6, {"UF": 30}, durations(4)),
    ]
    return reader


@pytest.fixture
def app(reader: RowsReader) -> FastAPI:
    return create_app(reader, RowsSearcher(), QuerySettings())


def test_points_have_rates_and_quantiles(app: FastAPI, reader: RowsReader) -> None:
    path = "/api/v1/metrics?service=cart&service=web&operation=GET%20/pay&kind=server&since=36030&until=37800&step=5m"
    answer = call(app, path)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "metrics": [
            {
                "start_unix_nano": str(600 * MINUTE), "service": "cart", "operation": "GET /pay", "kind": "server",
                "calls": 120, "calls_per_second": 0.4, "errors": 3, "error_ratio": 0.025, "durations_ns": BY_LEVEL,
            }
        ],
        "since_unix_nano": str(600 * MINUTE), "until_unix_nano": str(630 * MINUTE), "step_ns": 5 * MINUTE,
    }  # fmt: skip
    assert reader.asked == RedFilter(
        600 * MINUTE, 630 * MINUTE, 5 * MINUTE, ("cart", "web"), ("GET /pay",), ("server",), by_operation=True
    )


@pytest.mark.parametrize(("until", "rate"), [("36120", 1.0), ("37200", 0.1)])
def test_without_a_step_the_rate_is_that_of_the_whole_window(app: FastAPI, until: str, rate: float) -> None:
    answer = call(app, f"/api/v1/metrics?since=36000&until={until}&by_operation=false")
    assert [it["calls_per_second"] for it in answer.json()["metrics"]] == [rate]


def test_edges_have_rates_and_quantiles(app: FastAPI, reader: RowsReader) -> None:
    answer = call(app, "/api/v1/dependencies?since=36000&until=36060")
    assert answer.json() == {
        "dependencies": [
            {
                "caller": "web", "callee": "cart", "calls": 600, "calls_per_second": 10.0, "errors": 6,
                "error_ratio": 0.01, "durations_ns": BY_LEVEL,
            }
        ],
        "proxies": [
            {
                "service": "cart", "proxy_role": "sidecar-outbound", "proxy": "cart's outbound proxy",
                "upstream_cluster": "ledger", "callee": "", "calls": 60, "calls_per_second": 1.0, "errors": 30,
                "error_ratio": 0.5, "retried": 6, "durations_ns": BY_LEVEL,
                "flags": [{"flag": "UF", "text": "could not connect to the upstream", "calls": 30}],
            }
        ],
        "since_unix_nano": str(600 * MINUTE), "until_unix_nano": str(601 * MINUTE),
    }  # fmt: skip
    assert reader.asked == (600 * MINUTE, 601 * MINUTE)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("metrics?since=yesterday", "`yesterday` is no time"),
        ("metrics?since=5m&until=10m", "`since` must lie before `until`"),
        ("metrics?step=90s", "`step` must be whole minutes, this is `90s`"),
        ("metrics?step=soon", "`soon` is no duration"),
        ("metrics?since=7d&step=1m", "2,000 steps"),
        ("metrics?kind=SERVER", "`SERVER` is no kind of span: unspecified, internal, server"),
        ("dependencies?since=8d", "7d long at the most"),
        ("dependencies?until=never", "`never` is no time"),
    ],
)
def test_what_is_wrong_is_said(app: FastAPI, path: str, says: str) -> None:
    answer = call(app, f"/api/v1/{path}")
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


def test_a_store_that_is_away_is_told(app: FastAPI, reader: RowsReader) -> None:
    reader.away = "ClickHouse is away"
    for path in ("metrics", "dependencies"):
        assert call(app, f"/api/v1/{path}").status_code == 503
