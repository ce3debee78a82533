"""Jaeger's adjusters: clock skew with its warnings, shared ids, repetitions, addresses, the SDK's attributes; and raw."""

from typing import Any

import pytest

from support.asgi import call
from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, sid, span
from weftline.collector.store.protocol import Row, SpanEvent, SpanRow
from weftline.query.app import create_app
from weftline.query.routes.go_syntax import spell_duration
from weftline.query.routes.jaeger_adjust import adjust, warnings_of
from weftline.query.settings import QuerySettings

HOUR = 3600 * 10**9
A, B = {"host.name": "a"}, {"host.name": "b"}
BEHIND: list[SpanRow] = [
    span("call", "1", took=100, kind="client", resource=A),
    span("serve", "2", "1", ms=-500, took=60, kind="server", service="payment", resource=B, events=[SpanEvent(START, "e", {})]),
    span("inner", "3", "2", ms=-490, took=10, service="payment", resource=B),
]  # fmt: skip


def trace(rows: list[SpanRow], query: str = "", **settings: Any) -> list[dict[str, Any]]:
    some: list[Row] = list(rows)
    answer = call(
        create_app(RowsReader(some), RowsSearcher(), QuerySettings(**settings)), f"/api/traces/{TRANSACTION}{query}"
    )
    spans: list[dict[str, Any]] = answer.json()["data"][0]["spans"]
    return sorted(spans, key=lambda one: one["spanID"])


def test_spans_of_a_clock_that_is_behind_are_moved_and_say_so() -> None:
    _, serve, inner = trace(BEHIND)
    assert serve["startTime"] == (START + 20_000_000) // 1000, "the middle of what the call has room for"
    assert serve["logs"][0]["timestamp"] == (START + 520_000_000) // 1000
    assert serve["warnings"] == ["This span's timestamps were adjusted by 520ms"]
    assert inner["startTime"] == (START + 30_000_000) // 1000
    assert not any(tag["key"].startswith("@") for tag in serve["tags"])


def test_raw_leaves_them_as_they_were_recorded() -> None:
    _, serve, _ = trace(BEHIND, "?raw=true")
    assert (serve["startTime"], serve["warnings"]) == ((START - 500_000_000) // 1000, None)


@pytest.mark.parametrize(
    ("most", "says"),
    [
        (0.0, "clock skew adjustment disabled; not applying calculated delta of 520ms"),
        (0.1, "max clock skew adjustment delta of 100ms exceeded; not applying calculated delta of 520ms"),
    ],
)
def test_what_is_not_moved_says_why(most: float, says: str) -> None:
    _, serve, _ = trace(BEHIND, jaeger_max_clock_skew=most)
    assert (serve["startTime"], serve["warnings"]) == ((START - 500_000_000) // 1000, [says])


def test_v3_has_the_warnings_where_jaeger_has_them() -> None:
    some: list[Row] = list(BEHIND)
    app = create_app(RowsReader(some), RowsSearcher(), QuerySettings())
    path = f"/api/v3/traces/{TRANSACTION}"
    text = "This span's timestamps were adjusted by 520ms"
    attribute = {"key": "@jaeger@warnings", "value": {"arrayValue": {"values": [{"stringValue": text}]}}}
    spans = [
        one
        for of_resource in call(app, path).json()["result"]["resourceSpans"]
        for of_scope in of_resource["scopeSpans"]
        for one in of_scope["spans"]
    ]
    assert attribute in next(one for one in spans if one["name"] == "serve")["attributes"]
    assert "@jaeger@warnings" not in call(app, f"{path}?rawTraces=true").text


def test_a_parent_that_is_not_there_and_ids_that_repeat_are_told() -> None:
    rows = [span("orphan", "2", "99"), span("x", "3"), span("y", "3")]
    assert [warnings_of(row) for row in adjust(rows, HOUR)] == [
        [f"parent span ID={sid('99')} is not in the trace; skipping clock skew adjustment"],
        [],
        ["duplicate span IDs; skipping clock skew adjustment"],
    ]


def test_a_zipkin_server_that_shares_its_clients_id_becomes_its_child() -> None:
    rows = [
        span("call", "1", kind="client"),
        span("serve", "1", kind="server", service="payment"),
        span("inner", "2", "1", service="payment"),
    ]
    call_, serve, inner = adjust(rows, HOUR)
    assert (call_.span_id, serve.parent_span_id) == (sid("1"), sid("1"))
    assert serve.span_id not in (sid("1"), sid("2"))
    assert inner.parent_span_id == serve.span_id
    assert adjust(rows, HOUR) == [call_, serve, inner], "the same id each time"


def test_numeric_addresses_and_library_attributes() -> None:
    row = span(
        "x",
        "1",
        attributes={"peer.ipv4": "2130706433", "ip": "host", "telemetry.sdk.name": "x", "telemetry.sdk.language": "go"},
        resource={"telemetry.sdk.language": "java"},
    )
    (one,) = adjust([row], HOUR)
    assert (one.attributes["peer.ipv4"], one.attributes["ip"]) == ("127.0.0.1", "host")
    assert (one.resource["telemetry.sdk.name"], one.resource["telemetry.sdk.language"]) == ("x", "java")
    assert warnings_of(one) == ["conflicting values between Span and Resource for attribute telemetry.sdk.language"]


def test_ids_in_a_circle_and_no_spans_do_not_hurt() -> None:
    assert len(adjust([span("x", "1", "2"), span("y", "2", "1", ms=5)], HOUR)) == 2
    assert adjust([], HOUR) == []


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"), (1, "1ns"), (1_500, "1.5µs"), (1_500_000, "1.5ms"), (-2 * 10**9, "-2s"), (90 * 10**9, "1m30s"),
        (HOUR, "1h0m0s"), (HOUR + 1_500_000_000, "1h0m1.5s"), (999_999_999, "999.999999ms"), (1_000_000_001, "1.000000001s"),
    ],
)  # fmt: skip
def test_durations_as_go_spells_them(nanoseconds: int, text: str) -> None:
    assert spell_duration(nanoseconds) == text
