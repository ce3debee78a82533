"""Jaeger's HTTP API v3, one test a rule of the contract (Jaeger 2.20)."""

import base64
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi import FastAPI

from support import shop
from support.asgi import call
from support.rows import MS, START, TRANSACTION, RowsReader, RowsSearcher, hit, span
from weftline.collector.store.conditions import AnyOf, Column, HasRow, Operator, Test
from weftline.collector.store.protocol import SpanEvent, SpanLink
from weftline.query.app import create_app
from weftline.query.routes.jaeger_v3_model import summary
from weftline.query.settings import QuerySettings

WINDOW = {"query.startTimeMin": "2026-11-22T06:00:00Z", "query.startTimeMax": "2026-11-22T06:30:00Z"}


@pytest.fixture
def searcher() -> RowsSearcher:
    return RowsSearcher([hit(TRANSACTION)])


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader(shop.success())


@pytest.fixture
def app(reader: RowsReader, searcher: RowsSearcher) -> FastAPI:
    return create_app(reader, searcher, QuerySettings())


def search(app: FastAPI, path: str, **more: str) -> Any:
    return call(app, f"/api/v3/{path}?" + urlencode({**WINDOW, **more}))


def refused(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.endswith("}\n")
    error = answer.json()["error"]
    assert answer.json() == {"error": {"httpCode": answer.status_code, "message": error["message"]}}
    return answer.status_code, error["message"]


def test_services(app: FastAPI) -> None:
    assert call(app, "/api/v3/services").json() == {"services": ["cart", "edge", "payment"]}
    assert call(create_app(RowsReader(), RowsSearcher(), QuerySettings()), "/api/v3/services").json() == {
        "services": []
    }


def test_operations_always_have_a_kind(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = [span("b", "1", kind="unspecified"), span("b", "2", kind="internal"), span("a", "3", kind="server")]
    everything = [{"name": "a", "spanKind": "server"}, {"name": "b", "spanKind": "internal"}]
    assert call(app, "/api/v3/operations?service=cart").json() == {"operations": everything}
    for name in ("span_kind", "spanKind"):
        assert call(app, f"/api/v3/operations?service=cart&{name}=server").json() == {"operations": everything[:1]}
    assert call(app, "/api/v3/operations").json() == {"operations": []}


def test_a_trace_is_otlp_in_json(app: FastAPI, reader: RowsReader) -> None:
    event, link = SpanEvent(START + 1, "retry", {"n": "1"}), SpanLink("c" * 32, "d" * 16, {})
    reader.rows = [
        span("GET /", "a", "b", kind="server", status="error", status_message="no", attributes={"http.response.status_code": "500", "k": "v"}, scope=("flask", "3"), events=[event], links=[link]),
        span("plain", "e", took=0),
    ]  # fmt: skip
    assert call(app, f"/api/v3/traces/{TRANSACTION}?rawTraces=true").json() == {
        "result": {
            "resourceSpans": [
                {
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
                    "scopeSpans": [
                        {
                            "scope": {"name": "flask", "version": "3"},
                            "spans": [
                                {
                                    "traceId": TRANSACTION, "spanId": "000000000000000a", "parentSpanId": "000000000000000b",
                                    "name": "GET /", "kind": 2, "startTimeUnixNano": str(START), "endTimeUnixNano": str(START + MS),
                                    "attributes": [
                                        {"key": "http.response.status_code", "value": {"intValue": "500"}},
                                        {"key": "k", "value": {"stringValue": "v"}},
                                    ],
                                    "events": [
                                        {
                                            "timeUnixNano": str(START + 1), "name": "retry",
                                            "attributes": [{"key": "n", "value": {"stringValue": "1"}}],
                                        }
                                    ],
                                    "links": [{"traceId": "c" * 32, "spanId": "d" * 16}],
                                    "status": {"message": "no", "code": 2},
                                }
                            ],
                        },
                        {
                            "scope": {},
                            "spans": [
                                {
                                    "traceId": TRANSACTION, "spanId": "000000000000000e", "name": "plain", "kind": 1,
                                    "startTimeUnixNano": str(START), "endTimeUnixNano": str(START), "status": {},
                                }
                            ],
                        },
                    ],
                }
            ]
        }
    }  # fmt: skip


def test_an_unknown_trace_is_404(app: FastAPI) -> None:
    assert refused(call(app, f"/api/v3/traces/{'a' * 32}")) == (404, "trace not found")


def test_a_transaction_that_only_proxies_and_lines_saw_is_a_trace(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = shop.success(sampled=False)
    resources = call(app, f"/api/v3/traces/{TRANSACTION}").json()["result"]["resourceSpans"]
    assert sum(len(scope["spans"]) for one in resources for scope in one["scopeSpans"]) == 4
    (found,) = search(app, "trace-summaries").json()["summaries"]
    assert (found["rootServiceName"], found["rootOperationName"]) == ("edge", "POST /checkout")
    assert (found["spanCount"], found["orphanSpanCount"]) == (4, 0)
    assert [one["name"] for one in found["services"]] == ["cart", "edge", "payment"]


def test_a_search_that_finds_nothing_is_404_for_traces_and_empty_for_summaries(
    app: FastAPI, searcher: RowsSearcher
) -> None:
    searcher.hits = []
    assert refused(search(app, "traces")) == (404, "No traces found")
    assert search(app, "trace-summaries").json() == {"summaries": []}


def test_a_search_answers_all_traces_in_one(app: FastAPI) -> None:
    resources = search(app, "traces").json()["result"]["resourceSpans"]
    spans = [one for resource in resources for scope in resource["scopeSpans"] for one in scope["spans"]]
    assert len(spans) == 11
    assert {one["traceId"] for one in spans} == {TRANSACTION}


def test_a_summary_is_a_line_of_the_list(app: FastAPI) -> None:
    (one,) = search(app, "trace-summaries").json()["summaries"]
    assert {key: one[key] for key in ("traceId", "spanCount", "errorSpanCount", "orphanSpanCount")} == {
        "traceId": TRANSACTION, "spanCount": 11, "errorSpanCount": 0, "orphanSpanCount": 0,
    }  # fmt: skip
    assert (one["minStartTimeUnixNano"], one["maxEndTimeUnixNano"]) == (str(START), str(START + 40 * MS))
    assert [service["name"] for service in one["services"]] == ["cart", "edge", "payment"]
    assert sum(service["spanCount"] for service in one["services"]) == 11


def test_a_summary_counts_errors_and_orphans_and_may_lack_a_root() -> None:
    reader = RowsReader([span("x", "1", "9", status="error"), span("y", "2", "1", service="b")])
    assert summary(TRANSACTION, reader.span_outlines([TRANSACTION], 9)[TRANSACTION]) == {
        "traceId": TRANSACTION, "rootServiceName": "", "rootOperationName": "",
        "minStartTimeUnixNano": str(START), "maxEndTimeUnixNano": str(START + MS),
        "spanCount": 2, "errorSpanCount": 1, "orphanSpanCount": 1,
        "services": [
            {"name": "b", "spanCount": 1, "errorSpanCount": 0},
            {"name": "cart", "spanCount": 1, "errorSpanCount": 1},
        ],
    }  # fmt: skip


def test_parameters_have_two_spellings(app: FastAPI, searcher: RowsSearcher) -> None:
    more = {"query.service_name": "cart", "query.duration_min": "5ms", "query.num_traces": "1"}
    search(app, "trace-summaries", **more, **{"query.attributes": '{"error":"true"}'})
    condition, _ = searcher.asked[0]
    assert isinstance(condition, AnyOf)
    condition = condition.parts[0]
    assert isinstance(condition, HasRow)
    assert list(condition.tests[2:]) == [
        Test(Column("service"), Operator.EQUAL, "cart"),
        Test(Column("duration"), Operator.GREATER_OR_EQUAL, 5 * MS),
        Test(Column("status"), Operator.EQUAL, "error"),
    ]


@pytest.mark.parametrize("name", ["query.searchDepth", "query.search_depth", "query.num_traces"])
def test_a_search_has_a_depth(app: FastAPI, searcher: RowsSearcher, reader: RowsReader, name: str) -> None:
    ids = [f"{number:032x}" for number in range(1, 102)]
    reader.rows = [span("x", "a", transaction=one) for one in ids]
    searcher.hits = [hit(one) for one in ids]
    for depth, count in (("", 100), ("0", 100), ("7", 7), ("1000", 101)):
        found = search(app, "trace-summaries", **({name: depth} if depth else {}))
        assert len(found.json()["summaries"]) == count, depth


def test_ids_may_be_short_upper_case_or_base64_and_are_long_in_the_answer(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = [span("x", "a", transaction="ab".rjust(32, "0"))]
    for asked in ("ab", "AB", "00ab", quote(base64.b64encode(bytes(15) + b"\xab"), safe="")):
        resources = call(app, f"/api/v3/traces/{asked}").json()["result"]["resourceSpans"]
        assert resources[0]["scopeSpans"][0]["spans"][0]["traceId"] == "ab".rjust(32, "0"), asked


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("traces", "query.startTimeMin and query.startTimeMax are required"),
        ("trace-summaries?query.startTimeMin=2026-11-22T06:00:00Z", "query.startTimeMin and query.startTimeMax are required"),
        (
            "traces?query.startTimeMin=2026-11-22T06:00:00Z&query.startTimeMax=2026-11-22T06:00:00Z",
            "query.startTimeMin must be before query.startTimeMax",
        ),
        ("traces?query.startTimeMin=x", "malformed parameter query.startTimeMin: parsing time \"x\" as "),
        ("traces?query.start_time_min=x", "malformed parameter query.start_time_min: parsing time \"x\" as "),
        (f"traces?{urlencode(WINDOW)}&query.durationMin=5", "malformed parameter query.durationMin: time: missing unit"),
        (f"traces?{urlencode(WINDOW)}&query.searchDepth=x", "malformed parameter query.searchDepth: strconv.ParseInt"),
        (f"traces?{urlencode(WINDOW)}&query.attributes={quote('[1]')}", "malformed parameter query.attributes: json: "),
        (f"traces?{urlencode(WINDOW)}&query.rawTraces=7", "malformed parameter query.rawTraces: strconv.ParseBool"),
        ("traces/xyz", "malformed parameter trace_id: strconv.ParseUint: parsing \"xyz\""),
        (f"traces/{'a' * 32}?startTime=x", "malformed parameter startTime: parsing time"),
        (f"traces/{'a' * 32}?end_time=x", "malformed parameter end_time: parsing time"),
        (f"traces/{'a' * 32}?raw_traces=x", "malformed parameter raw_traces: strconv.ParseBool"),
        (f"traces?{urlencode(WINDOW)}&query.duration_max=5", "malformed parameter query.duration_max: time: missing"),
    ],
)  # fmt: skip
def test_bad_parameters_are_400_in_jaegers_words(app: FastAPI, path: str, message: str) -> None:
    status, text = refused(call(app, f"/api/v3/{path}"))
    assert status == 400
    assert text.startswith(message)


def test_a_store_that_is_away_is_503(app: FastAPI, reader: RowsReader) -> None:
    reader.away = "gone."
    answer = call(app, "/api/v3/services")
    assert refused(answer) == (503, "The store can't answer now: gone.")
    assert answer.headers["retry-after"] == "2"


def test_unknown_routes_are_404(app: FastAPI) -> None:
    answer = call(app, "/api/v3/nothing")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
