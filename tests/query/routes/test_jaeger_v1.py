"""Jaeger's HTTP API v1, one test a rule of the contract (Jaeger 2.20)."""

import base64
import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from support import shop
from support.asgi import call
from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, access, hit, log, span
from weftline.collector.store.conditions import AnyOf, Attribute, Column, HasRow, Operator, RowKind, Test, Within
from weftline.collector.store.protocol import AccessLogRow, SpanEvent, SpanLink, SpanRow
from weftline.query.app import create_app
from weftline.query.routes.jaeger_search import RECORD_COLUMNS, TraceQuery
from weftline.query.settings import QuerySettings

PATH = f"/api/traces/{TRANSACTION}"
NO_ERROR = {"total": 0, "limit": 0, "offset": 0, "errors": None}


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader(shop.success())


@pytest.fixture
def app(reader: RowsReader) -> FastAPI:
    return create_app(reader, RowsSearcher(), QuerySettings())


def one(row: SpanRow | AccessLogRow, parameters: str = "") -> dict[str, Any]:
    """The only span of a trace that has ``row`` only."""
    app = create_app(RowsReader([row]), RowsSearcher(), QuerySettings())
    trace = call(app, f"/api/traces/{row.transaction_id}{parameters}").json()["data"][0]
    (only,) = trace["spans"]
    return {**only, "process": trace["processes"][only["processID"]]}


def refused(app: FastAPI, path: str) -> tuple[int, str]:
    answer = call(app, path)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.endswith("}\n")
    body = answer.json()
    (error,) = body["errors"]
    assert body == {"data": None, "total": 0, "limit": 0, "offset": 0, "errors": [error]}
    assert error["code"] == answer.status_code
    return error["code"], error["msg"]


# --- envelope and errors ------------------------------------------------------------------------------------------


def test_services_have_a_total(app: FastAPI) -> None:
    answer = call(app, "/api/services")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {**NO_ERROR, "data": ["cart", "edge", "payment"], "total": 3}


def test_no_services_are_an_empty_list() -> None:
    assert call(create_app(RowsReader(), RowsSearcher(), QuerySettings()), "/api/services").json() == {
        **NO_ERROR,
        "data": [],
    }


def test_a_trace_comes_in_the_envelope(app: FastAPI) -> None:
    answer = call(app, PATH)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    (trace,) = body.pop("data")
    assert body == NO_ERROR
    assert set(trace) == {"traceID", "spans", "processes", "warnings"}
    assert (trace["traceID"], trace["warnings"], len(trace["spans"])) == (TRANSACTION, None, 11)


def test_an_unknown_trace_is_404(app: FastAPI) -> None:
    assert refused(app, f"/api/traces/{'a' * 32}") == (404, "trace not found")


def test_a_transaction_that_only_proxies_and_lines_saw_is_a_trace() -> None:
    app = create_app(RowsReader(shop.success(sampled=False)), RowsSearcher([hit(TRANSACTION)]), QuerySettings())
    (found,) = call(app, PATH).json()["data"]
    assert [one["operationName"] for one in found["spans"]] == [
        "POST /checkout",
        "POST /checkout",
        "GET /pay",
        "GET /pay",
    ]
    assert [len(one["logs"]) for one in found["spans"]] == [0, 2, 0, 2]
    assert call(app, "/api/traces?service=cart").json()["data"] == [found]
    (line, _) = found["spans"][1]["logs"]
    assert {field["key"]: field["value"] for field in line["fields"]} == {
        "event": "log",
        "level": "INFO",
        "logger": "shop",
        "message": "checkout order=4711",
        "weftline.parent_span_id": "00000000000000c1",
    }


def test_a_search_shows_recorded_spans_alone_where_there_are_some() -> None:
    rows = [span("x", "a"), access("edge", "e", took=5), log("line")]
    app = create_app(RowsReader(rows), RowsSearcher([hit(TRANSACTION)]), QuerySettings())
    (found,) = call(app, "/api/traces?service=cart").json()["data"]
    assert [one["operationName"] for one in found["spans"]] == ["x"]
    for path in (PATH, f"/api/traces?traceID={TRANSACTION}"):
        assert len(call(app, path).json()["data"][0]["spans"]) == 3


def test_a_transaction_without_spans_is_no_trace_where_only_spans_are_shown() -> None:
    settings = QuerySettings(jaeger_proxy_spans=False)
    app = create_app(RowsReader([log("only"), access("edge", "e")]), RowsSearcher(), settings)
    assert refused(app, PATH) == (404, "trace not found")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/traces/xyz", 'strconv.ParseUint: parsing "xyz": invalid syntax'),
        (f"/api/traces/zz{'0' * 16}", 'strconv.ParseUint: parsing "zz": invalid syntax'),
        (f"/api/traces/{'1' * 33}", f"TraceID cannot be longer than 32 hex characters: {'1' * 33}"),
        ("/api/traces/" + quote("Ä" * 12), f'strconv.ParseUint: parsing "{"Ä" * 12}": invalid syntax'),
        ("/api/traces/" + "zz" * 12, 'strconv.ParseUint: parsing "zzzzzzzz": invalid syntax'),  # base64 of 18 bytes
        (PATH + "?start=x", "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            PATH + "?end=9223372036854775808",
            "unable to parse param 'end': strconv.ParseInt: parsing \"9223372036854775808\": value out of range",
        ),
        (PATH + "?raw=yes", "unable to parse param 'raw': strconv.ParseBool: parsing \"yes\": invalid syntax"),
    ],
)
def test_bad_parameters_are_400_in_gos_words(app: FastAPI, path: str, message: str) -> None:
    assert refused(app, path) == (400, message)


def test_unknown_routes_are_gos_404(app: FastAPI) -> None:
    # Jaeger has samples of its own making at two of them.
    for path in ("/api/nothing", "/api/services/cart/nothing", "/api/quality-metrics", "/api/deep-dependencies"):
        answer = call(app, path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert call(app, PATH, "DELETE").status_code == 405


def test_a_store_that_is_away_is_503(app: FastAPI, reader: RowsReader) -> None:
    reader.away = "gone."
    assert refused(app, PATH) == (503, "The store can't answer now: gone.")
    assert call(app, "/api/services").headers["retry-after"] == "2"


# --- ids and parameters -------------------------------------------------------------------------------------------


def test_start_and_end_are_hints_only(app: FastAPI) -> None:
    """Grafana sends milliseconds, which as microseconds are 1970."""
    assert call(app, f"{PATH}?start=1795327632000&end=1795327633000").status_code == 200


def test_ids_with_a_zero_high_half_have_16_digits() -> None:
    short = "0" * 16 + "00000000000000ab"
    app = create_app(RowsReader([span("x", "a", "b", transaction=short)]), RowsSearcher(), QuerySettings())
    for asked in ("ab", "AB", "00ab", short):
        trace = call(app, f"/api/traces/{asked}").json()["data"][0]
        assert trace["traceID"] == trace["spans"][0]["traceID"] == "00000000000000ab"
        assert trace["spans"][0]["references"][0]["traceID"] == "00000000000000ab"


def test_ids_may_be_upper_case_or_base64(app: FastAPI) -> None:
    encoded = base64.b64encode(bytes.fromhex(TRANSACTION)).decode()
    for asked in (TRANSACTION.upper(), encoded, quote(encoded, safe="")):
        assert call(app, f"/api/traces/{asked}").json()["data"][0]["traceID"] == TRANSACTION


@pytest.mark.parametrize(
    ("value", "pretty"), [("true", True), ("1", True), ("no", True), ("false", False), ("", False)]
)
def test_pretty_print_is_anything_but_empty_and_false(app: FastAPI, value: str, pretty: bool) -> None:
    text = call(app, f"{PATH}?prettyPrint={value}").text
    assert text.startswith('{\n    "data": [\n        {') is pretty
    assert text == json.dumps(json.loads(text), indent=4 if pretty else None, separators=None if pretty else (",", ":"))


# --- spans --------------------------------------------------------------------------------------------------------


def test_a_span_in_full() -> None:
    row = span(
        "GET /pay",
        "b",
        "a",
        ms=1.0009,
        took=2.0009,
        service="payment",
        kind="server",
        status="error",
        status_message="boom",
        attributes={"url.path": "/pay", "http.response.status_code": "503"},
        resource={"host.name": "h1", "a": "b"},
        scope=("flask", "3.1"),
        events=[SpanEvent(START + 1_500, "exception", {"exception.type": "ValueError"})],
    )
    only = one(row)
    assert only == {
        "traceID": TRANSACTION,
        "spanID": "000000000000000b",
        "operationName": "GET /pay",
        "references": [{"refType": "CHILD_OF", "traceID": TRANSACTION, "spanID": "000000000000000a"}],
        "startTime": START // 1000 + 1000,
        "duration": 2000,
        "tags": [
            {"key": "otel.scope.name", "type": "string", "value": "flask"},
            {"key": "otel.library.name", "type": "string", "value": "flask"},
            {"key": "otel.scope.version", "type": "string", "value": "3.1"},
            {"key": "otel.library.version", "type": "string", "value": "3.1"},
            {"key": "http.response.status_code", "type": "int64", "value": 503},
            {"key": "url.path", "type": "string", "value": "/pay"},
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "error", "type": "bool", "value": True},
            {"key": "otel.status_description", "type": "string", "value": "boom"},
        ],
        "logs": [
            {
                "timestamp": START // 1000 + 1,
                "fields": [
                    {"key": "event", "type": "string", "value": "exception"},
                    {"key": "exception.type", "type": "string", "value": "ValueError"},
                ],
            }
        ],
        "processID": "p1",
        "warnings": ["parent span ID=000000000000000a is not in the trace; skipping clock skew adjustment"],
        "process": {
            "serviceName": "payment",
            "tags": [
                {"key": "a", "type": "string", "value": "b"},
                {"key": "host.name", "type": "string", "value": "h1"},
            ],
        },
    }
    assert isinstance(only["startTime"], int)


def test_a_bare_span_has_empty_arrays() -> None:
    only = one(span("x", "a", kind="unspecified"))
    assert (only["references"], only["tags"], only["logs"], only["process"]["tags"]) == ([], [], [], [])


def test_a_status_of_ok_is_no_error() -> None:
    tags = one(span("x", "a", kind="unspecified", status="ok"))["tags"]
    assert tags == [{"key": "otel.status_code", "type": "string", "value": "OK"}]


def test_integers_too_large_for_javascript_are_text_and_no_number_stays_text() -> None:
    huge = span("x", "a", kind="unspecified", attributes={"http.status_code": "9007199254740993"})
    assert one(huge)["tags"] == [{"key": "http.status_code", "type": "int64", "value": "9007199254740993"}]
    odd = span("x", "a", kind="unspecified", attributes={"http.status_code": "n/a"})
    assert one(odd)["tags"] == [{"key": "http.status_code", "type": "string", "value": "n/a"}]


def test_links_follow_the_parent() -> None:
    links = [
        SpanLink("c" * 32, "d" * 16, {}),
        SpanLink("0" * 16 + "e" * 16, "f" * 16, {"opentracing.ref_type": "child_of"}),
    ]
    assert one(span("x", "b", "a", links=links))["references"] == [
        {"refType": "CHILD_OF", "traceID": TRANSACTION, "spanID": "000000000000000a"},
        {"refType": "FOLLOWS_FROM", "traceID": "c" * 32, "spanID": "d" * 16},
        {"refType": "CHILD_OF", "traceID": "e" * 16, "spanID": "f" * 16},
    ]


def test_a_link_to_the_parent_only_changes_its_type() -> None:
    links = [SpanLink(TRANSACTION, "000000000000000a", {})]
    assert one(span("x", "b", "a", links=links))["references"] == [
        {"refType": "FOLLOWS_FROM", "traceID": TRANSACTION, "spanID": "000000000000000a"}
    ]


def test_an_event_attribute_named_event_wins() -> None:
    events = [SpanEvent(START, "message", {"event": "own"})]
    assert one(span("x", "a", events=events))["logs"][0]["fields"] == [
        {"key": "event", "type": "string", "value": "own"}
    ]


def test_equal_processes_are_one(app: FastAPI) -> None:
    trace = call(app, PATH).json()["data"][0]
    assert list(trace["processes"]) == ["p1", "p2", "p3", "p4", "p5", "p6"][: len(trace["processes"])]
    used = {span["processID"] for span in trace["spans"]}
    assert used == set(trace["processes"])
    bodies = [json.dumps(process, sort_keys=True) for process in trace["processes"].values()]
    assert len(bodies) == len(set(bodies))


def test_a_process_without_any_resource_has_jaegers_name() -> None:
    row = span("x", "a", service="")
    app = create_app(RowsReader([SpanRow(**{**_fields(row), "resource": {}})]), RowsSearcher(), QuerySettings())
    assert call(app, PATH).json()["data"][0]["processes"]["p1"]["serviceName"] == "OTLPResourceNoServiceName"


# --- adjusters ----------------------------------------------------------------------------------------------------


def test_raw_leaves_the_order_of_attributes_and_events() -> None:
    events = [SpanEvent(START, "b", {}), SpanEvent(START, "a", {})]
    row = span("x", "a", kind="unspecified", attributes={"b": "1", "a": "2"}, events=events)
    for parameters, order in (("", "ab"), ("?raw=true", "ba")):
        only = one(row, parameters)
        assert "".join(tag["key"] for tag in only["tags"]) == order
        assert "".join(entry["fields"][0]["value"] for entry in only["logs"]) == order


def test_spans_that_repeat_are_one_unless_raw() -> None:
    app = create_app(RowsReader([span("x", "a"), span("x", "a"), span("y", "a")]), RowsSearcher(), QuerySettings())
    assert len(call(app, PATH).json()["data"][0]["spans"]) == 2
    assert len(call(app, f"{PATH}?raw=true").json()["data"][0]["spans"]) == 3


def test_empty_links_are_removed_with_a_warning() -> None:
    row = span("x", "a", links=[SpanLink("", "", {}), SpanLink("0" * 32, "d" * 16, {})])
    only = one(row)
    assert (only["references"], only["warnings"]) == ([], ["Invalid span link removed"] * 2)
    assert len(one(row, "?raw=true")["references"]) == 2


def test_a_trace_that_was_cut_says_so_at_its_first_span(reader: RowsReader) -> None:
    rows = [span("x", f"{n}", ms=n) for n in range(1, 6)]
    trace = call(create_app(RowsReader(rows), RowsSearcher(), QuerySettings(max_rows=3)), PATH).json()["data"][0]
    assert [one["warnings"] for one in trace["spans"]] == [
        ["trace has more than 3 spans, showing first 3 spans only"],
        None,
        None,
    ]


def _fields(row: SpanRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


# --- operations ---------------------------------------------------------------------------------------------------


def test_operations_of_a_service_by_path(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = [
        span("b", "1"),
        span("a", "2", kind="server"),
        span("a", "3", kind="client"),
        span("c", "4", service="x/y"),
    ]
    assert call(app, "/api/services/cart/operations").json() == {**NO_ERROR, "data": ["a", "b"], "total": 2}
    assert call(app, "/api/services/x%2Fy/operations").json()["data"] == ["c"]
    assert call(app, "/api/services/nobody/operations").json() == {**NO_ERROR, "data": []}


@pytest.mark.parametrize("path", ["a%20b", "a+b", "a%2520b"])
def test_a_services_name_is_decoded_as_often_as_jaeger_does(app: FastAPI, reader: RowsReader, path: str) -> None:
    reader.rows = [span("of a blank", "1", service="a b")]
    assert call(app, f"/api/services/{path}/operations").json()["data"] == ["of a blank"]
    reader.rows.append(span("of a plus", "2", service="a+b"))
    assert call(app, "/api/services/a+b/operations").json()["data"] == ["of a plus"], "what is there is not decoded"


def test_operations_with_their_kinds(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = [span("b", "1", kind="unspecified"), span("a", "2", kind="server"), span("a", "3", kind="client")]
    everything = [
        {"name": "a", "spanKind": "client"},
        {"name": "a", "spanKind": "server"},
        {"name": "b", "spanKind": ""},
    ]
    assert call(app, "/api/operations?service=cart").json() == {**NO_ERROR, "data": everything, "total": 3}
    assert call(app, "/api/operations?service=cart&spanKind=SERVER").json()["data"] == everything[1:2]
    assert refused(app, "/api/operations") == (400, "parameter 'service' is required")


# --- search -------------------------------------------------------------------------------------------------------


def searching(path: str, *hits: str) -> tuple[Any, RowsSearcher]:
    searcher = RowsSearcher([hit(one) for one in hits])
    app = create_app(RowsReader([*shop.success(), span("x", "a", transaction="b" * 32)]), searcher, QuerySettings())
    return call(app, path), searcher


def test_a_search_answers_whole_traces() -> None:
    window = f"start={START // 1000 - 1}&end={START // 1000 + 1}"
    answer, searcher = searching(f"/api/traces?service=cart&{window}&limit=2", TRANSACTION, "b" * 32)
    body = answer.json()
    assert [one["traceID"] for one in body["data"]] == ["b" * 32, TRANSACTION]
    assert [len(one["spans"]) for one in body["data"]] == [1, 11]
    assert {**body, "data": []} == {**NO_ERROR, "data": []}
    (condition, _) = searcher.asked[0]
    assert condition == TraceQuery(START - 1000, START + 1000, "cart").question(proxies=True).condition


def test_a_search_without_hits_is_an_empty_list() -> None:
    answer, _ = searching("/api/traces?service=cart")
    assert (answer.status_code, answer.json()) == (200, {**NO_ERROR, "data": []})


def test_every_parameter_becomes_a_condition() -> None:
    _, searcher = searching(
        "/api/traces?service=cart&operation=GET+%2F&start=1000&end=2000&minDuration=1.5ms&maxDuration=2s&limit=7"
        "&tag=http.method:GET&tags=" + quote('{"error":"true","n":"5"}')
    )
    (condition, window) = searcher.asked[0]
    assert isinstance(condition, AnyOf)
    assert condition.parts[0] == HasRow(
        RowKind.SPAN,
        (
            Test(Column("time_ns"), Operator.GREATER_OR_EQUAL, 1_000_000),
            Test(Column("time_ns"), Operator.LESS_OR_EQUAL, 2_000_000),
            Test(Column("service"), Operator.EQUAL, "cart"),
            Test(Column("name"), Operator.EQUAL, "GET /"),
            Test(Column("duration"), Operator.GREATER_OR_EQUAL, 1_500_000),
            Test(Column("duration"), Operator.LESS_OR_EQUAL, 2_000_000_000),
            Test(Attribute("http.method", Within.SPAN), Operator.EQUAL, "GET"),
            Test(Column("status"), Operator.EQUAL, "error"),
            Test(Attribute("n", Within.SPAN), Operator.EQUAL, "5"),
        ),
    )
    assert window.until == 2_000_000


def test_a_search_that_says_nothing_else_is_for_a_hundred_traces_of_two_days() -> None:
    ids = [f"{number:032x}" for number in range(1, 102)]
    searcher = RowsSearcher([hit(one, time.time_ns()) for one in ids])
    app = create_app(RowsReader([span("x", "a", transaction=one) for one in ids]), searcher, QuerySettings())
    before = time.time_ns()
    assert len(call(app, "/api/traces?service=cart").json()["data"]) == 100
    (condition, _) = searcher.asked[0]
    assert isinstance(condition, AnyOf)
    assert isinstance(condition.parts[0], HasRow)
    since, until = (one.value for one in condition.parts[0].tests[:2])
    assert isinstance(since, int)
    assert until == since + 48 * 3600 * 10**9
    assert before <= until <= time.time_ns()


def test_tags_are_read_as_jaeger_reads_them() -> None:
    """The first colon ends a name; what `tags` says goes before `tag`; Grafana may send an empty list."""
    parameters = "tag=url:http://x&tag=a:1&tag=a:2&tag=b:1&tags=&tags=" + quote('{"b":"9","n":null}')
    _, searcher = searching(f"/api/traces?service=cart&{parameters}")
    (condition, _) = searcher.asked[0]
    assert isinstance(condition, AnyOf)
    assert isinstance(condition.parts[0], HasRow)
    assert [(one.of.key, one.value) for one in condition.parts[0].tests[3:] if isinstance(one.of, Attribute)] == [
        ("url", "http://x"),
        ("a", "2"),
        ("b", "9"),
        ("n", ""),
    ]


def test_a_search_finds_what_only_a_proxy_or_a_log_line_saw() -> None:
    plain = TraceQuery(0, 1000, "cart", attributes={"error": "true", "n": "5", "resource.host.name": "h"})
    condition = plain.question(proxies=True).condition
    assert isinstance(condition, AnyOf)
    service = Test(Column("service"), Operator.EQUAL, "cart")
    own = (
        Test(Attribute("n"), Operator.EQUAL, "5"),
        Test(Attribute("host.name", Within.RESOURCE), Operator.EQUAL, "h"),
    )
    assert condition.parts[1:] == (
        HasRow(RowKind.ACCESS_LOG, (service, Test(Column("status"), Operator.EQUAL, "error"), *own)),
        HasRow(RowKind.LOG, (service, Test(Column("level"), Operator.GREATER_OR_EQUAL, 17), *own)),
    )


def test_an_operation_is_a_proxys_when_it_is_a_method_and_a_path() -> None:
    condition = TraceQuery(0, 1000, operation="GET /a.b", min_duration=7).question(proxies=True).condition
    assert isinstance(condition, AnyOf)
    assert condition.parts[1:] == (
        HasRow(
            RowKind.ACCESS_LOG,
            (
                Test(Column("method"), Operator.EQUAL, "GET"),
                Test(Column("path"), Operator.MATCHES, r"^/a\.b(\?|$)"),
                Test(Column("duration"), Operator.GREATER_OR_EQUAL, 7),
            ),
        ),
    )


@pytest.mark.parametrize(
    "query",
    [
        TraceQuery(0, 1, operation="checkout"),
        TraceQuery(0, 1, min_duration=1, attributes={"span.kind": "client"}),
        TraceQuery(0, 1, attributes={"scope.name": "flask"}),
    ],
)
def test_what_only_spans_have_is_searched_for_in_spans_alone(query: TraceQuery) -> None:
    condition = query.question(proxies=True).condition
    assert isinstance(condition, AnyOf)
    assert [one.kind for one in condition.parts if isinstance(one, HasRow)] == [RowKind.SPAN]


def test_what_was_over_before_the_search_begins_is_not_found() -> None:
    searcher = RowsSearcher([hit(TRANSACTION, START, duration=1000)])
    app = create_app(RowsReader(shop.success()), searcher, QuerySettings())
    for start, found in ((START // 1000 + 1, 1), (START // 1000 + 2, 0)):
        answer = call(app, f"/api/traces?service=cart&start={start}&end={START // 1000 + 10}")
        assert len(answer.json()["data"]) == found


def test_traces_by_id_are_looked_up_and_the_missing_named() -> None:
    answer, searcher = searching(f"/api/traces?traceID={TRANSACTION.upper()}&traceID={'c' * 32}&traceID=ab")
    body = answer.json()
    assert [one["traceID"] for one in body["data"]] == [TRANSACTION]
    assert body["errors"] == [
        {"msg": "trace not found", "traceID": "c" * 32},
        {"msg": "trace not found", "traceID": "00000000000000ab"},
    ]
    assert searcher.asked == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("", "parameter 'service' is required"),
        (
            "service=a&start=string",
            "unable to parse param 'start': strconv.ParseInt: parsing \"string\": invalid syntax",
        ),
        ("service=a&end=string", "unable to parse param 'end': strconv.ParseInt: parsing \"string\": invalid syntax"),
        ("service=a&limit=string", 'strconv.ParseInt: parsing "string": invalid syntax'),
        ("service=a&limit=2147483648", 'strconv.ParseInt: parsing "2147483648": value out of range'),
        ("service=a&minDuration=20", "unable to parse param 'minDuration': time: missing unit in duration \"20\""),
        ("service=a&maxDuration=x", "unable to parse param 'maxDuration': time: invalid duration \"x\""),
        ("service=a&maxDuration=2y", 'unable to parse param \'maxDuration\': time: unknown unit "y" in duration "2y"'),
        ("service=a&tag=k", "malformed 'tag' parameter, expecting key:value, received: k"),
        (
            "service=a&tags=" + quote('{"x":1}'),
            "malformed 'tags' parameter, cannot unmarshal JSON: json: cannot unmarshal number into Go value of type string",
        ),
        (
            "service=a&tags=[]",
            "malformed 'tags' parameter, cannot unmarshal JSON: "  # noqa: ISC004 - one text
            "json: cannot unmarshal array into Go value of type map[string]string",
        ),
        ("service=a&tags={", "malformed 'tags' parameter, cannot unmarshal JSON: unexpected end of JSON input"),
        ("traceID=xyz", 'cannot parse traceID param: strconv.ParseUint: parsing "xyz": invalid syntax'),
        ("service=a&raw=y", "unable to parse param 'raw': strconv.ParseBool: parsing \"y\": invalid syntax"),
        ("service=a&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater than 'minDuration'"),
        ("service=a&limit=0", "search depth must be greater than 0 and at most 1500"),
        ("start=x&service=", "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax"),
    ],
)
def test_bad_search_parameters_are_400_in_jaegers_words(app: FastAPI, parameters: str, message: str) -> None:
    assert refused(app, f"/api/traces?{parameters}") == (400, message)


def test_tags_of_a_proxys_record_are_searched_for_under_the_names_they_are_shown_with() -> None:
    record = replace(
        access("edge", "e", code=503, flags="UO", details="overflow", cluster="stock", upstream="a", grpc_status="14"),
        route_name="r",
    )
    shown = {tag["key"] for tag in one(record)["tags"]}
    assert set(RECORD_COLUMNS) <= shown
