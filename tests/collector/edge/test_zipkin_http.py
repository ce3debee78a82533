"""Zipkin's spans as OTLP, field by field."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.otlp import attributes
from weftline.collector.edge.zipkin_http import to_otlp
from weftline.collector.errors import BadMessage

NOW = 1_795_000_000_000_000_000
IDS = {"traceId": "5b8efff798038103d269b633813fc60c", "id": "eee19b7ec3c1b174"}


def convert(*spans: dict[str, Any]) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(to_otlp(json.dumps(spans).encode(), NOW))


def one(**fields: Any) -> Span:
    [resource] = convert({**IDS, **fields}).resource_spans
    return resource.scope_spans[0].spans[0]


# The example of Zipkin's API document, zipkin2-api.yaml.
EXAMPLE = {
    "id": "352bff9a74ca9ad2", "traceId": "5af7183fb1d4cf5f", "parentId": "6b221d5bc9e6496c", "name": "get /api",
    "timestamp": 1556604172355737, "duration": 1431, "kind": "SERVER",
    "localEndpoint": {"serviceName": "backend", "ipv4": "192.168.99.1", "port": 3306},
    "remoteEndpoint": {"ipv4": "172.19.0.2", "port": 58648, "serviceName": "frontend"},
    "tags": {"http.method": "GET", "http.path": "/api"},
    "annotations": [{"timestamp": 1556604172355800, "value": "ws"}],
}  # fmt: skip


def test_the_example_of_zipkins_api() -> None:
    [resource] = convert(EXAMPLE).resource_spans
    assert list(resource.resource.attributes) == attributes({"service.name": "backend"})
    assert list(resource.scope_spans[0].spans) == [
        Span(
            trace_id=bytes.fromhex("00000000000000005af7183fb1d4cf5f"), span_id=bytes.fromhex("352bff9a74ca9ad2"),
            parent_span_id=bytes.fromhex("6b221d5bc9e6496c"), name="get /api", kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=1556604172355737000, end_time_unix_nano=1556604172357168000,
            attributes=attributes(
                {
                    "http.method": "GET", "http.path": "/api", "network.local.address": "192.168.99.1",
                    "network.local.port": 3306, "network.peer.address": "172.19.0.2", "network.peer.port": 58648,
                    "peer.service": "frontend",
                }
            ),
            events=[Span.Event(time_unix_nano=1556604172355800000, name="ws")],
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        ("CLIENT", Span.SPAN_KIND_CLIENT),
        ("server", Span.SPAN_KIND_SERVER),
        ("PRODUCER", Span.SPAN_KIND_PRODUCER),
        ("CONSUMER", Span.SPAN_KIND_CONSUMER),
        (None, Span.SPAN_KIND_INTERNAL),
        ("other", Span.SPAN_KIND_INTERNAL),
    ],
)
def test_kinds(kind: str | None, becomes: int) -> None:
    assert one(kind=kind).kind == becomes


@pytest.mark.parametrize(
    ("tags", "code", "message", "left"),
    [
        ({}, 0, "", {}),
        ({"error": ""}, 2, "", {}),
        ({"error": "true"}, 2, "", {}),
        ({"error": "timed out"}, 2, "timed out", {}),
        ({"error": "false"}, 0, "", {"error": "false"}),
        ({"otel.status_code": "ERROR", "error": "declined"}, 2, "declined", {}),
        ({"otel.status_code": "ERROR", "otel.status_description": "no"}, 2, "no", {}),
        ({"otel.status_code": "OK"}, 1, "", {}),
        ({"otel.status_code": "OK", "error": "retried"}, 1, "", {"error": "retried"}),
    ],
)
def test_status(tags: dict[str, str], code: int, message: str, left: dict[str, str]) -> None:
    span = one(tags=tags)
    assert (span.status.code, span.status.message) == (code, message)
    assert list(span.attributes) == attributes(left)


def test_scope_and_counts_come_out_of_the_tags() -> None:
    tags = {
        "otel.scope.name": "flask", "otel.scope.version": "1", "otel.library.name": "flask", "otel.library.version": "1",
        "otel.dropped_attributes_count": "3", "otel.dropped_events_count": "many", "w3c.tracestate": "a=1", "n": 5, "l": [1],
    }  # fmt: skip
    [resource] = convert({**IDS, "tags": tags}).resource_spans
    [scope] = resource.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("flask", "1")
    assert (scope.spans[0].dropped_attributes_count, scope.spans[0].trace_state) == (3, "a=1")
    assert list(scope.spans[0].attributes) == attributes({"n": "5", "l": "[1]"})


# Tags of an Envoy 1.40 with its Zipkin tracer; an application's, as OpenTracing names its library.
ENVOYS = {
    "a request": {
        "component": "proxy", "response_flags": "-", "node_id": "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local",
        "upstream_cluster": "inbound|80||", "upstream_cluster.name": "inbound|80||", "downstream_cluster": "-",
        "guid:x-request-id": "1f11a98a-e5c9-95d6-a0be-d84ea6ec44eb", "http.url": "http://127.0.0.1/app", "http.method": "GET",
        "http.status_code": "200", "http.protocol": "HTTP/1.1", "peer.address": "127.0.0.1", "user_agent": "-",
        "request_size": "0", "response_size": "0",
    },
    "a request without a route": {"component": "proxy", "response_flags": "NR", "node_id": "n", "http.status_code": "404"},
    "an attempt": {"component": "proxy", "response_flags": "UF", "upstream_cluster": "down", "upstream_address": "127.0.0.1:1"},
    "a question to ext_authz": {"component": "proxy", "upstream_cluster": "g", "upstream_address": "g", "grpc.status_code": "14"},
}  # fmt: skip
OTHERS = {
    "a library": {"component": "net/http", "response_flags": "-"},
    "another proxy": {"component": "proxy", "http.status_code": "200"},
    "no tags": {},
}


@pytest.mark.parametrize(
    ("tags", "scope"),
    [(it, "envoy") for it in ENVOYS.values()] + [(it, "") for it in OTHERS.values()],
    ids=[*ENVOYS, *OTHERS],
)
def test_an_envoys_span_has_the_scope_that_it_has_in_otlp(tags: dict[str, str], scope: str) -> None:
    [resource] = convert({**IDS, "tags": tags}).resource_spans
    [spans] = resource.scope_spans
    assert spans.scope.name == scope
    assert list(spans.spans[0].attributes) == attributes(tags)


def test_what_names_its_scope_keeps_it() -> None:
    [resource] = convert({**IDS, "tags": {**ENVOYS["an attempt"], "otel.scope.name": "mine"}}).resource_spans
    assert resource.scope_spans[0].scope.name == "mine"


@pytest.mark.parametrize(
    ("value", "name", "values"),
    [
        ("cache miss", "cache miss", {}),
        ('{"exception": {"exception.type": "E", "n": 1, "b": true, "l": [1]}}', "exception",
         {"exception.type": "E", "n": 1, "b": True, "l": "[1]"}),
        ('{"a": 1}', '{"a": 1}', {}),
        ('{"a": {}, "b": {}}', '{"a": {}, "b": {}}', {}),
        ("{broken", "{broken", {}),
        ('{"big": {"n": 100000000000000000000}}', "big", {"n": "100000000000000000000"}),
    ],
)  # fmt: skip
def test_annotations(value: str, name: str, values: dict[str, Any]) -> None:
    [event] = one(annotations=[{"timestamp": 1, "value": value}]).events
    assert (event.time_unix_nano, event.name, list(event.attributes)) == (1000, name, attributes(values))


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({"timestamp": 5, "duration": 2}, 5000, 7000),
        ({"timestamp": 5}, 5000, 5000),
        ({"annotations": [{"timestamp": 9, "value": "b"}, {"timestamp": 7, "value": "a"}]}, 7000, 7000),
        ({}, NOW, NOW),
        ({"timestamp": 0, "duration": None}, NOW, NOW),
        ({"timestamp": 5.0}, 5000, 5000),
    ],
)
def test_times(fields: dict[str, Any], start: int, end: int) -> None:
    span = one(**fields)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (start, end)


def test_services_are_grouped_and_short_ids_filled_up() -> None:
    cart, pay = {"serviceName": "cart"}, {"serviceName": "pay"}
    request = convert(
        {"traceId": "1", "id": "2", "localEndpoint": cart},
        {"traceId": "1", "id": "3", "localEndpoint": pay, "parentId": ""},
        {"traceId": "1", "id": "4", "localEndpoint": cart},
        {"traceId": "1", "id": "5"},
    )
    assert [len(it.scope_spans[0].spans) for it in request.resource_spans] == [2, 1, 1]
    assert list(request.resource_spans[2].resource.attributes) == []
    assert request.resource_spans[0].scope_spans[0].spans[0].trace_id == bytes(15) + b"\x01"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "not a JSON list"),
        ([3], r"spans\[0\] is not an object"),
        ([IDS, {**IDS, "traceId": "xyz"}], r"spans\[1\]\.traceId is 'xyz', not 1 to 32 hexadecimal digits"),
        ([{**IDS, "traceId": "0" * 33}], "traceId"),
        ([{"id": "1"}], r"spans\[0\]\.traceId is 'None'"),
        ([{**IDS, "id": ""}], r"spans\[0\]\.id is ''"),
        ([{**IDS, "parentId": 7}], r"spans\[0\]\.parentId is '7'"),
        ([{**IDS, "timestamp": "now"}], r"timestamp is 'now', not a number of microseconds"),
        ([{**IDS, "timestamp": -1}], "timestamp"),
        ([{**IDS, "duration": 1e300}], "duration"),
        ([{**IDS, "timestamp": True}], "timestamp"),
        ([{**IDS, "name": 3}], r"spans\[0\]\.name is not text"),
        ([{**IDS, "tags": [1]}], r"tags is not an object"),
        ([{**IDS, "annotations": {"a": 1}}], r"annotations is not a list"),
        ([{**IDS, "annotations": [1]}], r"annotations\[0\] is not an object"),
        ([{**IDS, "localEndpoint": {"serviceName": 1}}], r"localEndpoint\.serviceName is not text"),
        ([{**IDS, "name": "\ud800"}], r"spans\[0\]"),
        ([{**IDS, "tags": {"\ud800": "x"}}], r"spans\[0\]"),
    ],
)
def test_bad_spans_are_refused_and_the_reason_says_where(body: Any, says: str) -> None:
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    with pytest.raises(BadMessage, match=says):
        to_otlp(body, NOW)
