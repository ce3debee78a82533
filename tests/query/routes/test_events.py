"""GET /api/v1/events and its counts: shapes, texts, bounds. What is found is tested against the real store."""

import pytest
from fastapi import FastAPI

from support.asgi import call
from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, access, events_of
from weftline.collector.store.mesh import EventFilter
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

SECOND = 10**9
LATE = access(
    "edge", "e", "", "e1", took=40, service="edge", code=504, flags="UT", details="response_timeout", cluster="cart"
)
LEFT = access(
    "sidecar-inbound", "c", "e1", "c1", ms=1, took=50, code=0, flags="DC", details="downstream_remote_disconnect"
)
RETRIED = access("sidecar-outbound", "o", "x", "o2", took=5, attempts=2, cluster="outbound|80||pay.shop.svc")


@pytest.fixture
def reader() -> RowsReader:
    reader = RowsReader([LATE, LEFT, RETRIED])
    reader.mesh_events = events_of(LATE, LEFT, RETRIED)
    return reader


@pytest.fixture
def app(reader: RowsReader) -> FastAPI:
    return create_app(reader, RowsSearcher(), QuerySettings())


def test_an_event_says_what_where_and_where_it_began(app: FastAPI) -> None:
    answer = call(app, "/api/v1/events")
    assert answer.status_code == 200
    left, late, retried = answer.json()["events"]
    assert late == {
        "id": "0000000000000000",
        "time_unix_nano": str(START + 40_000_000),
        "kind": "timeout",
        "text": "cart was too slow: request timed out",
        "reason": "UT",
        "blame": "upstream",
        "proxy": "edge proxy",
        "began": None,
        "transaction_id": TRANSACTION,
        "span_id": "000000000000000e",
        "request_id": "6f9a1c52-0d6f-4b0e-9a3e-5d1c2b7e8f90",
        "service": "edge",
        "proxy_role": "edge",
        "node_id": "edge-envoy",
        "route_name": "",
        "upstream_cluster": "cart",
        "upstream_host": "127.0.0.1:8080",
        "method": "GET",
        "authority": "shop.example",
        "path": "/pay",
        "response_code": 504,
        "response_flags": "UT",
        "response_code_details": "response_timeout",
        "upstream_transport_failure_reason": "",
        "upstream_attempts": 1,
        "duration_ns": 40_000_000,
        "count": 1,
    }
    assert (left["kind"], left["blame"]) == ("client_abort", "caller")
    assert left["began"] == {
        "proxy": "edge proxy", "service": "edge", "proxy_role": "edge", "span_id": "000000000000000e",
    }  # fmt: skip
    assert (retried["kind"], retried["text"], retried["reason"]) == ("retry", "asked pay.shop.svc 2 times", "")


def test_parameters_become_the_filter(app: FastAPI, reader: RowsReader) -> None:
    path = "/api/v1/events?kind=timeout&kind=retry&service=cart&route=a&cluster=x&since=1795000000&until=1795000060"
    assert call(app, path + "&stored_since=1795000030&cursor=17-00000000000000ab").status_code == 200
    assert reader.asked == (
        EventFilter(
            1795000000 * SECOND, 1795000060 * SECOND, ("timeout", "retry"), ("cart",), ("a",), ("x",), 1795000030 * SECOND
        ),
        (17, "00000000000000ab"),
    )  # fmt: skip


def test_a_page_leads_to_the_next(app: FastAPI, reader: RowsReader) -> None:
    first = call(app, "/api/v1/events?limit=2").json()
    assert len(first["events"]) == 2
    last = reader.mesh_events[1]
    assert first["next"] == f"{last.time}-{last.id}"
    assert call(app, "/api/v1/events?limit=3").json()["next"] is None


def test_counts_take_a_nice_interval_or_the_one_asked_for(app: FastAPI, reader: RowsReader) -> None:
    body = call(app, "/api/v1/events/counts").json()
    assert body["interval_ns"] == 60 * SECOND
    assert {"start_unix_nano": str(START), "kind": "timeout", "service": "edge", "count": 1} in body["counts"]
    assert call(app, "/api/v1/events/counts?since=7d").json()["interval_ns"] == 6 * 3600 * SECOND
    assert call(app, "/api/v1/events/counts?interval=10s").json()["interval_ns"] == 10 * SECOND


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("kind=nonsense", "kind"),
        ("since=yesterday", "`yesterday` is no time"),
        ("since=1m&until=2m", "ends before it begins"),
        ("stored_since=x", "`x` is no time"),
        ("cursor=abc", "`cursor` is not one of ours"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
    ],
)
def test_a_bad_parameter_is_400_and_named(app: FastAPI, query: str, says: str) -> None:
    answer = call(app, f"/api/v1/events?{query}")
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


def test_too_many_intervals_are_refused(app: FastAPI) -> None:
    answer = call(app, "/api/v1/events/counts?since=7d&interval=1s")
    assert (answer.status_code, "More than 1500 intervals" in answer.text) == (400, True)
    assert call(app, "/api/v1/events/counts?interval=x").status_code == 400


def test_a_store_that_is_away_is_503(app: FastAPI, reader: RowsReader) -> None:
    reader.away = "ClickHouse does not answer."
    for path in ("/api/v1/events", "/api/v1/events/counts"):
        answer = call(app, path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_the_api_describes_its_kinds(app: FastAPI) -> None:
    described = call(app, "/openapi.json").json()
    assert "circuit_breaking" in described["components"]["schemas"]["EventKind"]["enum"]
    assert described["paths"]["/api/v1/events"]["get"]["responses"].keys() >= {"200", "400", "503", "default"}
