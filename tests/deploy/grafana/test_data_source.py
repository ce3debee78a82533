"""What Grafana's Jaeger data source asks of a real query service, below a path, and what our dashboard finds with it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from support.browser import Site, demo_traffic, send, site
from support.grafana_plugin import DEPENDENCIES, NAMES, TRACES, answers, asked, fits
from support.local import own_database
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.deploy.demo.kinds import APPLICATION_ERROR, KINDS, NO_ROUTE, SAMPLED_OUT, SUCCESS, TIMEOUT, UPSTREAM_DOWN
from weftline.deploy.local.clickhouse import ClickHouse

pytestmark = pytest.mark.clickhouse

DASHBOARD = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards" / "requests.json"
HOUR = 3600 * 10**6
ENDED = time.time_ns() // 1000
"""µs: the time that is looked at ends then."""
PANELS: dict[str, dict[str, Any]] = {it["title"]: it for it in json.loads(DASHBOARD.read_text("utf-8"))["panels"]}


@pytest.fixture(scope="module")
def shop(clickhouse: ClickHouse) -> Iterator[Site]:
    """Every kind of the demo, within the last twenty minutes."""
    with own_database(clickhouse, "grafana") as store:
        demo = demo_traffic((ENDED - 5_000_000) * 1000)
        with closing(ClickHouseWriter(store)) as writer:
            send(writer, demo)
        with site(store, demo, base_path="/obs/weftline") as running:
            yield running


def get(shop: Site, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(shop.url + path, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def query_of(panel: str) -> dict[str, Any]:
    """Of a panel of the dashboard, as it is asked with the variables' defaults."""
    (target,) = PANELS[panel]["targets"]
    variables = {
        it["name"]: it["current"]["value"] for it in json.loads(DASHBOARD.read_text("utf-8"))["templating"]["list"]
    }
    query = {name: it for name, it in target.items() if name not in ("datasource", "refId")}
    return {name: variables[it.removeprefix("$")] if str(it).startswith("$") else it for name, it in query.items()}


def found(shop: Site, panel: str) -> set[str]:
    path, shape = asked(query_of(panel), ENDED - HOUR, ENDED)
    status, answer = get(shop, path)
    assert status == 200
    assert fits(answer, shape)
    # The plugin takes each trace's first span, whether or not there is one.
    assert all(trace["spans"] for trace in answer["data"])
    return {trace["traceID"] for trace in answer["data"]}


def test_names_come_as_it_reads_them(shop: Site) -> None:
    for path, some in (
        ("/api/services", {"edge", "cart", "payment"}),
        ("/api/services/cart/operations", {"POST /checkout"}),
    ):
        status, answer = get(shop, path)
        assert (status, fits(answer, NAMES)) == (200, True)
        assert some <= set(answer["data"])
    # With the feature toggle jaegerEnableGrpcEndpoint.
    assert fits(get(shop, "/api/v3/services")[1], {"services": [str]})
    assert fits(get(shop, "/api/v3/operations?service=cart")[1], {"operations": [{"name": str, "spanKind": str}]})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.replace(" ", "-"))
def test_a_trace_comes_as_it_reads_it_whatever_time_it_says(shop: Site, kind: Any) -> None:
    wanted = shop.of(kind).transaction_id
    path, shape = asked({"query": wanted}, ENDED - HOUR, ENDED)
    status, answer = get(shop, path)
    assert (status, fits(answer, shape), fits(answer, TRACES)) == (200, True, True)
    (trace,) = answer["data"]
    assert {span["processID"] for span in trace["spans"]} <= trace["processes"].keys()
    # With the toggle, and as the plugin writes times of a zone: a plus sign that is a blank in a URL.
    zone = timezone(timedelta(hours=2))
    times = [datetime.fromtimestamp(at / 10**6, UTC).astimezone(zone).isoformat() for at in (ENDED - HOUR, ENDED)]
    status, answer = get(shop, f"/api/v3/traces/{wanted}?start_time={times[0]}&end_time={times[1]}")
    assert status == 200
    kinds = [
        span["kind"]
        for of in answer["result"]["resourceSpans"]
        for scope in of["scopeSpans"]
        for span in scope["spans"]
    ]
    assert len(kinds) == len(trace["spans"])
    assert fits(kinds, [int])


def test_what_is_not_there_is_no_trace(shop: Site) -> None:
    assert get(shop, asked({"query": "a" * 32}, ENDED - HOUR, ENDED)[0])[0] == 404


def test_the_dashboard_shows_what_failed_and_what_was_slow(shop: Site) -> None:
    failed, slow = found(shop, "Failed at $service"), found(shop, "Slower than $slower at $service")
    assert {shop.of(it).transaction_id for it in (APPLICATION_ERROR, UPSTREAM_DOWN, NO_ROUTE, TIMEOUT)} <= failed
    assert not failed & {shop.of(it).transaction_id for it in (SUCCESS, SAMPLED_OUT)}
    assert slow == {it.transaction_id for it in shop.demo if it.kind is TIMEOUT}


def test_the_dashboard_shows_who_calls_whom(shop: Site) -> None:
    path, shape = asked(query_of("Who calls whom"), ENDED - HOUR, ENDED)
    status, answer = get(shop, path)
    assert (status, fits(answer, shape), shape) == (200, True, DEPENDENCIES)
    assert {(it["parent"], it["child"]) for it in answer["data"]} == {("edge", "cart"), ("cart", "payment")}
    assert answer["errors"] is None


@pytest.mark.parametrize("toggles", ["", "jaegerEnableGrpcEndpoint"])
def test_the_plugin_itself_makes_frames_of_it(shop: Site, toggles: str) -> None:
    now = datetime.fromtimestamp(ENDED / 10**6, timezone(timedelta(hours=2)))
    about = {
        "url": shop.url, "jsonData": {"traceIdTimeParams": {"enabled": True}}, "toggles": toggles,
        "from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat(),
    }  # fmt: skip
    queries = [{"query": shop.of(kind).transaction_id} for kind in KINDS] + [query_of(panel) for panel in PANELS]
    healthy, services, operations, *frames = answers(
        [about, {**about, "path": "services"}, {**about, "path": "services/cart/operations"}]
        + [{**about, "query": query} for query in queries]
    )
    assert healthy == {"status": "OK", "message": "Data source is working"}
    assert {"edge", "cart", "payment"} <= set(services)
    assert "POST /checkout" in operations
    for query, answer in zip(queries, frames, strict=True):
        assert "error" not in answer, query
        assert all(frame["data"]["values"][0] for frame in answer["frames"]), query
