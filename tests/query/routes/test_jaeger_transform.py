"""POST /api/transform and /api/archive of Jaeger's API v1: shapes, texts and status codes."""

import json
from typing import Any

import pytest

from support.asgi import call
from support.rows import TRANSACTION, RowsReader, RowsSearcher, span
from weftline.query.app import create_app
from weftline.query.routes import jaeger_v1
from weftline.query.settings import QuerySettings

OTHER = "0" * 16 + "00000000000000ab"


def post(path: str, body: object = b"") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(create_app(RowsReader([span("x", "a")]), RowsSearcher(), QuerySettings()), path, "POST", content)


def transformed(*resource_spans: dict[str, Any]) -> list[dict[str, Any]]:
    answer = post("/api/transform", {"resourceSpans": list(resource_spans)})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    assert {**body, "data": 0} == {"data": 0, "total": 0, "limit": 0, "offset": 0, "errors": None}
    data: list[dict[str, Any]] = body["data"]
    return data


def of(*spans: dict[str, Any], resource: dict[str, Any] | None = None, scope: dict[str, Any] | None = None) -> Any:
    return {"resource": resource or {}, "scopeSpans": [{"scope": scope or {}, "spans": list(spans)}]}


def attribute(key: str, **value: object) -> dict[str, Any]:
    return {"key": key, "value": value}


PLAIN = {
    "traceId": TRANSACTION,
    "spanId": "00000000000000aa",
    "name": "x",
    "startTimeUnixNano": "1706678909209712999",
    "endTimeUnixNano": "1706678909209835998",
}


def test_a_span_in_full() -> None:
    (trace,) = transformed(
        of(
            {
                **PLAIN,
                "parentSpanId": "00000000000000bb",
                "traceState": "a=b",
                "kind": 2,
                "status": {"code": 2, "message": "boom"},
                "attributes": [attribute("z", stringValue="1"), attribute("a", boolValue=True)],
                "events": [{"name": "e", "timeUnixNano": "1706678909209712999", "attributes": [attribute("n", intValue="5")]}],
                "links": [
                    {"traceId": TRANSACTION, "spanId": "00000000000000bb"},
                    {"traceId": OTHER, "spanId": "00000000000000cc", "attributes": [attribute("opentracing.ref_type", stringValue="child_of")]},
                ],
            },
            resource={"attributes": [attribute("service.name", stringValue="cart"), attribute("pid", intValue=7)]},
            scope={"name": "flask", "version": "3"},
        )
    )  # fmt: skip
    assert trace == {
        "traceID": TRANSACTION,
        "processes": {"p1": {"serviceName": "cart", "tags": [{"key": "pid", "type": "int64", "value": 7}]}},
        "warnings": None,
        "spans": [
            {
                "traceID": TRANSACTION,
                "spanID": "00000000000000aa",
                "operationName": "x",
                "references": [
                    {"refType": "FOLLOWS_FROM", "traceID": TRANSACTION, "spanID": "00000000000000bb"},
                    {"refType": "CHILD_OF", "traceID": "00000000000000ab", "spanID": "00000000000000cc"},
                ],
                "startTime": 1706678909209712,
                "duration": 122,
                "tags": [
                    {"key": "otel.scope.name", "type": "string", "value": "flask"},
                    {"key": "otel.scope.version", "type": "string", "value": "3"},
                    {"key": "z", "type": "string", "value": "1"},
                    {"key": "a", "type": "bool", "value": True},
                    {"key": "span.kind", "type": "string", "value": "server"},
                    {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                    {"key": "error", "type": "bool", "value": True},
                    {"key": "otel.status_description", "type": "string", "value": "boom"},
                    {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
                ],
                "logs": [
                    {
                        "timestamp": 1706678909209712,
                        "fields": [
                            {"key": "event", "type": "string", "value": "e"},
                            {"key": "n", "type": "int64", "value": 5},
                        ],
                    }
                ],
                "processID": "p1",
                "warnings": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ({"stringValue": "x"}, ("string", "x")),
        ({"boolValue": False}, ("bool", False)),
        ({"intValue": "9007199254740991"}, ("int64", 9007199254740991)),
        ({"intValue": "-9007199254740993"}, ("int64", "-9007199254740993")),
        ({"doubleValue": 72.5}, ("float64", 72.5)),
        ({"doubleValue": "NaN"}, ("float64", "nan")),
        ({"doubleValue": "-Infinity"}, ("float64", "-inf")),
        ({"bytesValue": "AAH/"}, ("binary", "AAH/")),
        ({"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "é"}]}}, ("string", '[1,"é"]')),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": "NaN"}}]}}, ("string", '{"a":"nan"}')),
        ({}, ("string", "")),
    ],
)
def test_values_keep_their_types(value: dict[str, Any], tag: tuple[str, object]) -> None:
    (trace,) = transformed(of({**PLAIN, "attributes": [{"key": "k", "value": value}]}))
    assert trace["spans"][0]["tags"] == [{"key": "k", "type": tag[0], "value": tag[1]}]


def test_traces_come_in_order_of_appearance_and_repetitions_stay() -> None:
    first, second = transformed(of({**PLAIN, "traceId": "b" * 32}, PLAIN), of(PLAIN))
    assert (first["traceID"], second["traceID"]) == ("b" * 32, TRANSACTION)
    assert len(second["spans"]) == 2
    assert second["processes"] == {"p1": {"serviceName": "OTLPResourceNoServiceName", "tags": []}}


def test_jaegers_warnings_travel_as_an_attribute() -> None:
    warned = attribute("@jaeger@warnings", arrayValue={"values": [{"stringValue": "late"}]})
    (trace,) = transformed(of({**PLAIN, "attributes": [warned]}))
    assert (trace["spans"][0]["warnings"], trace["spans"][0]["tags"]) == (["late"], [])


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/json", ""])
def test_the_content_type_does_not_matter(content_type: str) -> None:
    """Jaeger's UI sets none: the browser says text/plain."""
    app = create_app(RowsReader(), RowsSearcher(), QuerySettings())
    body = json.dumps({"resourceSpans": [of(PLAIN)]}).encode()
    answer = call(app, "/api/transform", "POST", body, **{"Content-Type": content_type})
    assert answer.json()["data"][0]["traceID"] == TRANSACTION


def test_a_body_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_v1, "MOST_BYTES", 10)
    answer = post("/api/transform", b" " * 11)
    assert (answer.status_code, answer.json()["errors"][0]["msg"]) == (413, "the body is larger than 10 bytes")


def test_no_spans_are_no_traces() -> None:
    assert transformed() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"resourceSpans": 5}', b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x"}]}]}]}'])  # fmt: skip
def test_what_is_no_otlp_is_400(body: bytes) -> None:
    answer = post("/api/transform", body)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, 400)
    assert error["msg"].startswith("cannot unmarshal OTLP : ")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (f"/api/archive/{TRANSACTION}", 500, "archive span storage was not configured"),
        ("/api/archive/xyz", 400, 'strconv.ParseUint: parsing "xyz": invalid syntax'),
        (
            f"/api/archive/{TRANSACTION}?start=x",
            400,
            "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
    ],
)
def test_there_is_no_archive(path: str, status: int, message: str) -> None:
    answer = post(path)
    assert answer.json()["errors"] == [{"code": status, "msg": message}]
    assert answer.status_code == status
