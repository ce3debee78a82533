"""Agent spans in OpenTelemetry's own context: users' code, SDK spans and propagators see them as theirs."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Status, StatusCode

import weftline.agent
from support.otlp_sink import OtlpSink
from weftline.agent import call, serve
from weftline.agent.context import Transaction, leave_if_current
from weftline.agent.propagate import Incoming
from weftline.agent.record import Span

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def begin(flags: int = 1, tracestate: str = "") -> Transaction:
    incoming = Incoming(int(TRACE, 16), int(SPAN, 16), flags, tracestate)
    return serve.begin(incoming, "test", lambda _, attributes: "GET", None)


@pytest.mark.parametrize("flags", [1, 0])
def test_users_code_finds_and_changes_the_current_span(
    start_agent: Callable[..., None], sink: OtlpSink, flags: int
) -> None:
    start_agent()
    request = begin(flags, "a=1")
    span = trace.get_current_span()
    assert span is (request.span or request)
    assert span.is_recording() is bool(flags)
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    assert carrier == {
        "traceparent": f"00-{TRACE}-{request.span_id:016x}-0{flags}",
        "tracestate": "a=1",
        "x-transaction-id": TRACE,
    }
    span.set_attribute("user", "x")
    span.set_attributes({"many": ["a", "b"]})
    span.add_event("happened", {"n": 1})
    span.record_exception(ValueError("x"))
    span.set_status(Status(StatusCode.ERROR, "it broke"))
    span.add_link(span.get_span_context())
    span.update_name("renamed")
    serve.finish(request)
    span.set_attribute("too", "late")
    span.add_event("late")
    assert not span.is_recording()
    assert trace.get_current_span() is trace.INVALID_SPAN
    weftline.agent.stop()
    if not flags:
        assert sink.spans() == []
        return
    (sent,) = sink.spans()
    assert (sent["name"], sent["status"]) == ("renamed", 2)
    assert sent["attributes"] == {"user": "x", "many": ["a", "b"]}
    assert [event["name"] for event in sent["events"]] == ["happened", "exception"]
    assert sent["links"] == [(TRACE, sent["span_id"])]


def test_sdk_spans_are_children_of_ours(start_agent: Callable[..., None]) -> None:
    start_agent()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    request = begin()
    with provider.get_tracer("app").start_as_current_span("work"):
        assert weftline.agent.transaction_id() == TRACE
    serve.finish(request)
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (int(TRACE, 16), request.span_id)


def test_sdk_children_of_a_sampled_out_request_are_sampled_out(start_agent: Callable[..., None]) -> None:
    start_agent()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    request = begin(0)
    with provider.get_tracer("app").start_as_current_span("work") as work:
        assert not work.is_recording()
        assert weftline.agent.transaction_id() == TRACE
    serve.finish(request)
    assert exporter.get_finished_spans() == ()


def test_a_span_the_applications_sdk_drops_speaks_for_nobody(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent()
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("app")
    request = begin()
    with tracer.start_as_current_span("dropped"):
        logging.getLogger("shop").info("inside")
        headers: dict[str, str] = {}
        called = call.begin("test", "GET", "http://x/", headers)
        assert headers["traceparent"].endswith("-01")
        call.answered(called, 200)
    serve.finish(request)
    weftline.agent.stop()
    client, server = sink.spans(kind="CLIENT") + sink.spans(kind="SERVER")
    (log,) = sink.logs(logger="shop")
    assert client["parent_id"] == log["span_id"] == server["span_id"]
    assert log["flags"] == 1


def test_baggage_of_the_program_stays_visible(start_agent: Callable[..., None]) -> None:
    start_agent()
    token = context.attach(baggage.set_baggage("k", "v"))
    request = begin()
    assert baggage.get_baggage("k") == "v"
    context.attach(baggage.set_baggage("leaked", "in the request"))
    serve.finish(request)
    assert baggage.get_all() == {"k": "v"}
    context.detach(token)


def test_a_context_that_became_anothers_is_left_to_it(start_agent: Callable[..., None]) -> None:
    start_agent()
    request = begin()
    other = Span("other", 3, "test", {}, trace_id=1, span_id=2)
    token = context.attach(trace.set_span_in_context(other))
    leave_if_current(request.span, request.previous)
    assert trace.get_current_span() is other
    context.detach(token)
    serve.finish(request)


def test_users_may_end_our_span_and_it_is_sent_once(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent()
    request = begin()
    trace.get_current_span().end()
    serve.finish(request)
    weftline.agent.stop()
    assert len(sink.spans()) == 1


def test_limits(start_agent: Callable[..., None], sink: OtlpSink) -> None:
    start_agent(
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="3", OTEL_SPAN_EVENT_COUNT_LIMIT="2", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="10"
    )
    request = begin()
    span: Any = trace.get_current_span()
    for number in range(5):
        span.set_attribute(f"key{number}", "v" * 20)
        span.add_event(f"event{number}")
    span.set_attribute("key0", "changed")
    assert (span.dropped_attributes, span.dropped_events) == (2, 3)
    serve.finish(request)
    weftline.agent.stop()
    (sent,) = sink.spans()
    assert sent["attributes"] == {"key0": "changed", "key1": "v" * 9 + "…", "key2": "v" * 9 + "…"}
    assert len(sent["events"]) == 2
