"""OTLP in JSON becomes the protobuf it stands for."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp import START, attributes, log, logs_request, span, spans_request
from weftline.collector.errors import BadMessage
from weftline.collector.otlp_json import to_protobuf

TX = "0af7651916cd43dd8448eb211c80319c"
OTHER = "11111111111111111111111111111111"

# The example of opentelemetry-proto's repository (examples/trace.json), written out; unknown fields added.
TRACE = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "my.library", "version": "1.0.0", "attributes": []},
                    "spans": [
                        {
                            "traceId": "5B8EFFF798038103D269B633813FC60C",
                            "spanId": "EEE19B7EC3C1B174",
                            "parentSpanId": "EEE19B7EC3C1B173",
                            "name": "I'm a server span",
                            "startTimeUnixNano": "1544712660000000000",
                            "endTimeUnixNano": "1544712661000000000",
                            "kind": 2,
                            "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
                            "aFieldOfTomorrow": {"traceId": 7},
                        }
                    ],
                }
            ],
            "anotherOne": [1, None],
        }
    ]
}


def test_the_specifications_example() -> None:
    request = ExportTraceServiceRequest.FromString(to_protobuf(ExportTraceServiceRequest, json.dumps(TRACE).encode()))
    [it] = request.resource_spans[0].scope_spans[0].spans
    assert it.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert (it.span_id.hex(), it.parent_span_id.hex()) == ("eee19b7ec3c1b174", "eee19b7ec3c1b173")
    assert (it.kind, it.start_time_unix_nano, it.name) == (2, 1544712660000000000, "I'm a server span")
    assert request.resource_spans[0].resource.attributes[0].value.string_value == "my.service"


def with_hex_ids(it: Any) -> Any:
    """As an SDK would write it: protobuf's JSON with ids in hex."""
    import base64

    match it:
        case dict():
            return {
                key: base64.b64decode(value).hex()
                if key in {"traceId", "spanId", "parentSpanId"}
                else with_hex_ids(value)
                for key, value in it.items()
            }
        case list():
            return [with_hex_ids(item) for item in it]
    return it


def test_every_field_survives() -> None:
    message = spans_request(
        span(
            TX, "b7ad6b7169203331", parent="00f067aa0ba902b7", trace_state="a=1", flags=257, status={"code": 2, "message": "no"},
            attributes={"t": "ä", "i": -7, "big": 1 << 62, "b": False, "f": 0.5, "l": ["a", 1], "m": {"k": "v"}, "y": b"\x00\xff", "n": None},
            events=[{"name": "exception", "time_unix_nano": START + 5, "attributes": attributes({"e": 1})}],
            links=[{"trace_id": bytes.fromhex(OTHER), "span_id": b"\x01" * 8, "attributes": attributes({"l": 1})}],
        )
    )  # fmt: skip
    document = with_hex_ids(json_format.MessageToDict(ExportTraceServiceRequest.FromString(message)))
    assert document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["links"][0]["traceId"] == OTHER
    assert to_protobuf(ExportTraceServiceRequest, json.dumps(document).encode()) == message

    message = logs_request(
        log(TX, "b7ad6b7169203331", {"a": [1, 2]}, severity_number=17, event_name="e"), log("", "", "x")
    )
    document = with_hex_ids(json_format.MessageToDict(ExportLogsServiceRequest.FromString(message)))
    assert to_protobuf(ExportLogsServiceRequest, json.dumps(document).encode()) == message


def in_a_span(**fields: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{}, fields]}]}]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"{", "not JSON: Expecting property name .* line 1 column 2"),
        (b'{"resourceSpans": [\n  }', "line 2 column 3"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 10_000, "not JSON"),
        (in_a_span(traceId="xyz"), r"scopeSpans\[0\]\.spans\[1\]\.traceId: 'xyz' is not hexadecimal"),
        (in_a_span(spanId="abc"), r"spans\[1\]\.spanId: 'abc' is not hexadecimal"),
        (in_a_span(spanId="ä"), "is not hexadecimal"),
        (in_a_span(links=[{"traceId": "-"}]), r"spans\[1\]\.links\[0\]\.traceId: '-' is not hex"),
        (in_a_span(traceId=7), r"traceId"),
        (in_a_span(startTimeUnixNano="soon"), "startTimeUnixNano: .*'soon'"),
        (in_a_span(startTimeUnixNano=-1), "startTimeUnixNano"),
        (in_a_span(startTimeUnixNano=1.5), r"spans\[1\]\.startTimeUnixNano: Couldn't parse integer: 1.5"),
        (in_a_span(name=5), r"name"),
        (in_a_span(kind=[2]), "kind"),
        (in_a_span(attributes={"a": 1}), "attributes"),
        (in_a_span(attributes=[{"key": "a", "value": {"stringValue": "x", "intValue": "1"}}]), r"attributes\[0\]\.value"),
        (in_a_span(attributes=[{"key": "a", "value": {"bytesValue": "abcde"}}]), "bytesValue"),
        (in_a_span(name="\ud800"), "surrogate"),
        ({"resourceSpans": 3}, "repeated field resourceSpans must be in"),
        ({"resourceSpans": [3]}, "resourceSpans"),
        ({"resourceSpans": [None]}, "null is not allowed"),
    ],
)  # fmt: skip
def test_bad_json_is_refused_and_the_reason_says_where(document: Any, says: str) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(BadMessage, match=says):
        to_protobuf(ExportTraceServiceRequest, body)


def test_deep_values_are_refused_not_crashed_on() -> None:
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(300):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(BadMessage):
        to_protobuf(
            ExportTraceServiceRequest, json.dumps(in_a_span(attributes=[{"key": "a", "value": value}])).encode()
        )


def test_an_empty_document_and_nulls_are_fine() -> None:
    assert to_protobuf(ExportTraceServiceRequest, b"{}") == b""
    assert to_protobuf(ExportLogsServiceRequest, b'{"resourceLogs": null}') == b""
