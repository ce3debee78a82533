"""The hand-written encoder against opentelemetry-proto."""

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.trace import SpanContext, Status, StatusCode

from support.otlp_sink import attributes, value
from weftline.agent.export import encode, protobuf
from weftline.agent.record import CLIENT, LogRecord, Span

RESOURCE = encode.resource({"service.name": "shop", "process.pid": 7})


def made(**changes: Any) -> Span:
    span = Span("GET /x", CLIENT, "weftline.agent.test", {}, trace_id=1 << 127, span_id=5)
    span.start_ns, span.end_ns = 1_700_000_000_000_000_001, 1_700_000_000_000_000_002
    for name, changed in changes.items():
        setattr(span, name, changed)
    return span


def decoded(span: Span, limit: int = 100) -> Any:
    request = ExportTraceServiceRequest.FromString(encode.traces(RESOURCE, [span], "1.0", limit))
    return request.resource_spans[0].scope_spans[0].spans[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("text", "text"),
        ("", ""),
        ("grüß 🎈", "grüß 🎈"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        (True, True),
        (False, False),
        (0, 0),
        (1, 1),
        (-1, -1),
        (300, 300),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, str(2**63)),
        (1.5, 1.5),
        (float("inf"), float("inf")),
        (("a", "b"), ["a", "b"]),
        ((1, True, 2.5), [1, True, 2.5]),
        ((), []),
        (b"\x00\xff", b"\x00\xff"),
        ("x" * 101, "x" * 99 + "…"),
        (Exception("odd"), "odd"),
    ],
)
def test_values(given: Any, expected: Any) -> None:
    assert value(AnyValue.FromString(protobuf.any_value(given, 100))) == expected
    for _ in range(2):  # from the cache, too
        assert attributes(decoded(made(attributes={"key": given})).attributes) == {"key": expected}


def test_equal_values_of_different_types_are_not_mixed_up_by_the_cache() -> None:
    for given in (1, True, 1.0, 0, False, 0.0, "1"):
        back = attributes(decoded(made(attributes={"key": given})).attributes)["key"]
        assert (back, type(back)) == (given, type(given))


def test_cache_stays_bounded() -> None:
    for number in range(10_000):
        protobuf.key_value("key", f"value {number}", 100)
    assert len(protobuf._pairs) <= 4096


def test_names_and_severities_are_kept_in_bounds_and_not_mixed_up() -> None:
    for number in range(2_000):
        encode.span(made(name=f"name {number}", kind=number % 5), 100)
        encode.log(LogRecord(1, 2, number % 24, f"level {number}", "", ""), 100)
    assert len(encode._names) <= 512
    assert len(encode._severities) <= 64
    for _ in range(2):  # from the caches, too
        for kind in (1, 2):
            back = decoded(made(name="name", kind=kind))
            assert (back.name, back.kind) == ("name", kind)
    assert decoded(made(name="n" * 50)).name == "n" * 50
    assert decoded(made(name="m" * 50), limit=10).name == "m" * 9 + "…"


def test_a_whole_span() -> None:
    span = made(
        parent_id=6,
        remote_parent=True,
        tracestate="a=1",
        dropped_attributes=2,
        dropped_events=300,
        end_ns=0,
    )
    span.set_attributes({"http.request.method": "GET", "nothing": "x"})
    span.add_event("happened", {"n": 1}, 1_700_000_000_000_000_000)
    span.add_link(SpanContext(9, 8, is_remote=True), {"why": "batch"})
    span.set_status(Status(StatusCode.ERROR, "it broke"))
    span.end_ns = 1_700_000_000_000_000_002
    back = decoded(span)
    assert back.trace_id == (1 << 127).to_bytes(16, "big")
    assert (back.span_id, back.parent_span_id) == ((5).to_bytes(8, "big"), (6).to_bytes(8, "big"))
    assert (back.name, back.kind, back.trace_state, back.flags) == ("GET /x", 3, "a=1", 0x301)
    assert (back.start_time_unix_nano, back.end_time_unix_nano) == (span.start_ns, span.end_ns)
    assert attributes(back.attributes) == {"http.request.method": "GET", "nothing": "x"}
    assert (back.dropped_attributes_count, back.dropped_events_count) == (2, 300)
    assert [(event.name, event.time_unix_nano, attributes(event.attributes)) for event in back.events] == [
        ("happened", 1_700_000_000_000_000_000, {"n": 1})
    ]
    assert [(link.trace_id[-1], link.span_id[-1], attributes(link.attributes)) for link in back.links] == [
        (9, 8, {"why": "batch"})
    ]
    assert (back.status.code, back.status.message) == (2, "it broke")


def test_a_bare_span_sets_nothing_more() -> None:
    back = decoded(made())
    assert {field.name for field, _ in back.ListFields()} == {
        "trace_id", "span_id", "name", "kind", "start_time_unix_nano", "end_time_unix_nano", "flags",
    }  # fmt: skip


def test_stack_traces_keep_their_end() -> None:
    span = made(end_ns=0)
    span.record_exception(ValueError("no " * 50 + "the end"))
    span.end_ns = 1
    stack = attributes(decoded(span, 40).events[0].attributes)["exception.stacktrace"]
    assert len(stack) == 40
    assert stack.startswith("…")
    assert stack.endswith("the end\n")


def test_scopes_group_spans_and_carry_the_version() -> None:
    spans = [made(library=f"lib{number % 2}") for number in range(200)]
    request = ExportTraceServiceRequest.FromString(encode.traces(RESOURCE, spans, "1.0", 100))
    (group,) = request.resource_spans
    assert attributes(group.resource.attributes) == {"service.name": "shop", "process.pid": 7}
    assert [(s.scope.name, s.scope.version, len(s.spans)) for s in group.scope_spans] == [
        ("lib0", "1.0", 100),
        ("lib1", "1.0", 100),
    ]


def test_log_records() -> None:
    logs = [
        LogRecord(10, 11, 9, "INFO", "hello", "cart", {"n": 1}, 1, 2, 1),
        LogRecord(12, 13, 17, "ERROR", "outside", "other", {}),
        LogRecord(14, 15, 9, "INFO", "alias x", "weftline.agent", {"weftline.alias": "x"}, 3, 4, 0, "weftline.alias"),
    ]
    request = ExportLogsServiceRequest.FromString(encode.logs(RESOURCE, logs, "1.0", 100))
    scopes = request.resource_logs[0].scope_logs
    assert [scope.scope.name for scope in scopes] == ["cart", "other", "weftline.agent"]
    first, outside, event = (scope.log_records[0] for scope in scopes)
    assert (first.time_unix_nano, first.observed_time_unix_nano) == (10, 11)
    assert (first.severity_number, first.severity_text, value(first.body)) == (9, "INFO", "hello")
    assert (first.trace_id[-1], first.span_id[-1], first.flags, first.event_name) == (1, 2, 1, "")
    assert (outside.trace_id, outside.span_id) == (b"", b"")
    assert (event.event_name, attributes(event.attributes)) == ("weftline.alias", {"weftline.alias": "x"})
