"""GET /api/dependencies and /api/metrics of Jaeger's API v1: shapes, texts and status codes."""

from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from support.asgi import call
from support.rows import RowsReader, RowsSearcher
from weftline.collector.store.red import Dependency, RedFilter, RedPoint
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

MINUTE = 60 * 10**9
MS = 1_000_000
FIRST = 1_795_327_620 * 10**9
"""The beginning of a minute: 2026-11-22T06:07:00Z"""


@pytest.fixture
def reader() -> RowsReader:
    reader = RowsReader()
    reader.edges = [Dependency("edge", "cart", 10, 0, ()), Dependency("cart", "payment", 7, 1, ())]
    reader.points = [
        point(0, calls=30, errors=3, milliseconds=100),
        point(1, calls=90, errors=0, milliseconds=200),
    ]
    return reader


def point(minute: int, *, calls: int, errors: int, milliseconds: int, operation: str = "") -> RedPoint:
    durations = tuple(milliseconds * MS * factor for factor in (1, 2, 3, 4, 5))
    return RedPoint(FIRST + minute * MINUTE, "cart", operation, "server", calls, errors, durations)


@pytest.fixture
def app(reader: RowsReader) -> FastAPI:
    return create_app(reader, RowsSearcher(), QuerySettings())


def metrics(app: FastAPI, family: str, **parameters: str) -> Any:
    """Three steps of a minute that end with that after the last point; a rate over two minutes."""
    asked = {
        "service": "cart", "endTs": str((FIRST + 2 * MINUTE) // MS), "lookback": "120000", "step": "60000",
        "ratePer": "120000", "quantile": "0.95", **parameters,
    }  # fmt: skip
    answer = call(app, f"/api/metrics/{family}?{urlencode(asked)}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


def refused(app: FastAPI, path: str) -> tuple[int, str]:
    answer = call(app, path)
    (error,) = answer.json()["errors"]
    assert answer.status_code == error["code"]
    return error["code"], error["msg"]


# --- dependencies -------------------------------------------------------------------------------------------------


def test_dependencies_are_pairs_with_their_calls(app: FastAPI, reader: RowsReader) -> None:
    answer = call(app, f"/api/dependencies?endTs={FIRST // MS}&lookback=604800000")
    assert answer.json() == {
        "data": [
            {"parent": "edge", "child": "cart", "callCount": 10},
            {"parent": "cart", "child": "payment", "callCount": 7},
        ],
        "total": 0,
        "limit": 0,
        "offset": 0,
        "errors": None,
    }
    assert reader.asked == (FIRST - 604_800_000 * MS, FIRST)


def test_dependencies_of_a_service_are_those_it_is_in(app: FastAPI) -> None:
    found = call(app, "/api/dependencies?service=payment").json()["data"]
    assert [one["child"] for one in found] == ["payment"]
    assert call(app, "/api/dependencies?service=nobody").json()["data"] == []


def test_dependencies_look_back_a_day_from_now(app: FastAPI, reader: RowsReader) -> None:
    call(app, "/api/dependencies")
    assert isinstance(reader.asked, tuple)
    since, until = reader.asked
    assert until - since == 24 * 60 * MINUTE


@pytest.mark.parametrize("name", ["endTs", "lookback"])
def test_times_of_dependencies_are_numbers(app: FastAPI, name: str) -> None:
    text = f"unable to parse param '{name}': strconv.ParseInt: parsing \"x\": invalid syntax"
    assert refused(app, f"/api/dependencies?{name}=x") == (400, text)


# --- metrics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "name", "values"),
    [
        ("calls", "service_call_rate", ["NaN", 30 / 120, 120 / 120]),
        ("errors", "service_error_rate", ["NaN", 0.1, 3 / 120]),
        ("latencies", "service_latencies", ["NaN", 400.0, (400 * 30 + 800 * 90) / 120]),
    ],
)
def test_a_family_of_a_service(app: FastAPI, family: str, name: str, values: list[object]) -> None:
    body = metrics(app, family)
    assert (body["name"], body["type"]) == (name, "GAUGE")
    (one,) = body["metrics"]
    assert one["labels"] == [{"name": "service_name", "value": "cart"}]
    assert [it["gaugeValue"]["doubleValue"] for it in one["metricPoints"]] == values
    assert [it["timestamp"] for it in one["metricPoints"]] == [
        "2026-11-22T06:07:00Z",
        "2026-11-22T06:08:00Z",
        "2026-11-22T06:09:00Z",
    ]


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("calls", "service_operation_call_rate"),
        ("errors", "service_operation_error_rate"),
        ("latencies", "service_operation_latencies"),
    ],
)
def test_a_family_by_operation(app: FastAPI, reader: RowsReader, family: str, name: str) -> None:
    reader.points = [point(0, calls=1, errors=0, milliseconds=1, operation=one) for one in ("GET /b", "GET /a")]
    body = metrics(app, family, groupByOperation="true")
    assert body["name"] == name
    assert [one["labels"] for one in body["metrics"]] == [
        [{"name": "service_name", "value": "cart"}, {"name": "operation", "value": operation}]
        for operation in ("GET /a", "GET /b")
    ]


def test_a_service_without_calls_has_no_metrics(app: FastAPI, reader: RowsReader) -> None:
    reader.points = []
    assert metrics(app, "calls")["metrics"] == []


def test_what_is_asked_of_the_store(app: FastAPI, reader: RowsReader) -> None:
    call(
        app,
        f"/api/metrics/calls?service=a&service=b&endTs={FIRST // MS}&lookback=3600000&spanKind=CLIENT&spanKind=server",
    )
    assert reader.asked == RedFilter(
        FIRST - 70 * MINUTE, FIRST, MINUTE, ("a", "b"), kinds=("client", "server"), by_operation=False
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("calls", "unable to parse param 'service': please provide at least one service name"),
        ("latencies?service=a", "unable to parse param 'quantile': strconv.ParseFloat: parsing \"\": invalid syntax"),
        ("calls?service=a&spanKind=x", "unable to parse param 'spanKind': unsupported span kind: 'x'"),
        (
            "calls?service=a&groupByOperation=y",
            "unable to parse param 'groupByOperation': strconv.ParseBool: parsing \"y\": invalid syntax",
        ),
        ("calls?service=a&endTs=y", "unable to parse param 'endTs': strconv.ParseInt: parsing \"y\": invalid syntax"),
        ("calls?service=a&step=y", "unable to parse param 'step': strconv.ParseInt: parsing \"y\": invalid syntax"),
    ],
)
def test_bad_parameters_are_400_in_jaegers_words(app: FastAPI, path: str, message: str) -> None:
    assert refused(app, f"/api/metrics/{path}") == (400, message)


def test_other_families_are_not_there(app: FastAPI) -> None:
    answer = call(app, "/api/metrics/minstep?service=a")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_odd_windows_stay_bounded(app: FastAPI) -> None:
    body = metrics(app, "calls", lookback=str(2 * 86400 * 1000), step="1")
    assert len(body["metrics"][0]["metricPoints"]) <= 2001
    for odd in ({"lookback": "-5"}, {"endTs": "0"}, {"endTs": "9223372036854775807"}, {"ratePer": "0"}):
        answer = call(app, "/api/metrics/calls?" + urlencode({"service": "cart", **odd}))
        assert answer.status_code in (200, 400), odd
