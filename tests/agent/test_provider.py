"""The program's own OpenTelemetry code under the agent: lean spans, SDK spans, providers of its own."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

import weftline.agent
from support.otlp_sink import OtlpSink
from weftline.agent import record, serve
from weftline.agent.context import Transaction
from weftline.agent.propagate import Incoming

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
Start = Callable[..., None]


@pytest.fixture(autouse=True)
def _global_provider() -> Iterator[None]:
    """Puts back the API's provider and its set-once latch, which a program sets once in its life."""
    yield
    trace._TRACER_PROVIDER = None
    trace._TRACER_PROVIDER_SET_ONCE._done = False


def begin(flags: int = 1) -> Transaction:
    incoming = Incoming(int(TRACE, 16), int(SPAN, 16), flags, "a=1")
    return serve.begin(incoming, "weftline.agent.test", lambda _, attributes: "GET", None)


def test_the_programs_spans_are_lean_and_children_of_ours(start_agent: Start, sink: OtlpSink) -> None:
    early = trace.get_tracer("early")
    start_agent()
    tracer = trace.get_tracer("shop", "7", attributes={"team": "a"})
    remote = SpanContext(1, 2, is_remote=True)
    request = begin()
    with tracer.start_as_current_span(
        "work", kind=SpanKind.PRODUCER, attributes={"n": 1}, links=[Link(remote)]
    ) as work:
        assert type(work) is record.Span
        with early.start_as_current_span("inner"):
            assert weftline.agent.transaction_id() == TRACE
    detached = tracer.start_span("detached", start_time=17)
    detached.end(18)
    serve.finish(request)
    weftline.agent.stop()
    sent = {span["name"]: span for span in sink.spans()}
    assert set(sent) == {"GET", "work", "inner", "detached"}
    assert sent["work"]["parent_id"] == sent["detached"]["parent_id"] == sent["GET"]["span_id"]
    assert sent["inner"]["parent_id"] == sent["work"]["span_id"]
    assert {span["trace_id"] for span in sent.values()} == {TRACE}
    assert {span["tracestate"] for span in sent.values()} == {"a=1"}
    assert (sent["work"]["kind"], sent["work"]["attributes"]) == ("PRODUCER", {"n": 1})
    assert sent["work"]["scope"] == ("shop", "7")
    assert len(sent["work"]["links"]) == 1
    assert sent["inner"]["scope"] == ("early", "")
    assert sent["GET"]["scope"][1] != ""
    assert (sent["detached"]["start"], sent["detached"]["end"]) == (17, 18)


def test_an_exception_is_noted_once(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    tracer = trace.get_tracer("shop")
    with pytest.raises(ValueError, match="broke"), tracer.start_as_current_span("current"):
        raise ValueError("broke")
    with pytest.raises(ValueError, match="broke"), tracer.start_span("by hand"):
        raise ValueError("broke")
    weftline.agent.stop()
    for span in sink.spans():
        assert span["status"] == 2
        assert [event["exception.message"] for event in span["events"]] == ["broke"]


def test_it_decorates_functions_and_coroutines(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    tracer = trace.get_tracer("shop")

    @tracer.start_as_current_span("function")
    def function() -> bool:
        return trace.get_current_span().is_recording()

    @tracer.start_as_current_span("coroutine")
    async def coroutine() -> bool:
        await asyncio.sleep(0)
        return trace.get_current_span().is_recording()

    assert function()
    assert asyncio.run(coroutine())
    weftline.agent.stop()
    assert [span["name"] for span in sink.spans()] == ["function", "coroutine"]


def test_below_a_sampled_out_request_nothing_is_made(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    request = begin(0)
    with trace.get_tracer("shop").start_as_current_span("work") as span:
        assert span is request
        assert not span.is_recording()
    serve.finish(request)
    assert trace.get_current_span() is trace.INVALID_SPAN
    weftline.agent.stop()
    assert sink.spans() == []


@pytest.mark.parametrize(("flags", "made"), [(1, True), (0, False), (3, True), (2, False)])
def test_a_remote_parent_decides(start_agent: Start, flags: int, made: bool) -> None:
    start_agent()
    parent = NonRecordingSpan(SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=True, trace_flags=TraceFlags(flags)))
    span = trace.get_tracer("shop").start_span("work", trace.set_span_in_context(parent))
    assert span.is_recording() is made
    spoken = span.get_span_context()
    assert (spoken.trace_id, int(spoken.trace_flags)) == (int(TRACE, 16), flags)
    assert spoken.span_id != int(SPAN, 16)


def test_the_sampler_decides_of_roots(start_agent: Start) -> None:
    start_agent(OTEL_TRACES_SAMPLER="always_off")
    assert not trace.get_tracer("shop").start_span("root").is_recording()


def test_it_becomes_the_sdks_provider_when_asked(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    tracer = trace.get_tracer("shop")
    held = trace.get_tracer_provider()
    assert isinstance(held, TracerProvider)
    assert held.resource.attributes["service.name"] == "shop"
    assert trace.get_tracer_provider() is held
    with tracer.start_as_current_span("still lean") as span:
        assert type(span) is record.Span
    assert held.force_flush()
    assert [span["name"] for span in sink.spans()] == ["still lean"]


def test_processors_get_sdk_spans_and_ours_and_everything_is_sent(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    before = trace.get_tracer("before")
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))  # type: ignore[attr-defined]
    request = begin()
    with before.start_as_current_span("outer") as outer:
        assert isinstance(outer, SdkSpan)
        with trace.get_tracer("shop", "7").start_as_current_span("inner") as inner:
            inner.set_attribute("k", ["v"])
            inner.add_event("happened", {"n": 1})
            inner.add_link(request.span.get_span_context())
    serve.finish(request)
    weftline.agent.stop()
    seen = {span.name: span for span in exporter.get_finished_spans()}
    sent = {span["name"]: span for span in sink.spans()}
    assert set(seen) == set(sent) == {"GET", "outer", "inner"}
    for name, span in seen.items():
        assert span.context is not None
        assert f"{span.context.span_id:016x}" == sent[name]["span_id"]
        assert (f"{span.parent.span_id:016x}" if span.parent else "") == sent[name]["parent_id"]
    assert sent["inner"]["parent_id"] == sent["outer"]["span_id"]
    assert sent["outer"]["parent_id"] == sent["GET"]["span_id"]
    assert sent["inner"]["attributes"] == {"k": ["v"]}
    assert sent["inner"]["events"] == [{"name": "happened", "n": 1}]
    assert sent["inner"]["links"] == [(TRACE, sent["GET"]["span_id"])]
    assert sent["inner"]["scope"] == ("shop", "7")
    assert sent["inner"]["tracestate"] == "a=1"
    assert (seen["GET"].kind, seen["GET"].resource.attributes["service.name"]) == (SpanKind.SERVER, "shop")


def test_sampled_out_stays_so_with_processors(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    provider.add_span_processor(BatchSpanProcessor(exporter))  # type: ignore[attr-defined]
    request = begin(0)
    with trace.get_tracer("shop").start_as_current_span("work") as span:
        assert not span.is_recording()
    serve.finish(request)
    provider.shutdown()  # type: ignore[attr-defined]
    weftline.agent.stop()
    assert exporter.get_finished_spans() == ()
    assert sink.spans() == []


def test_a_processor_that_enriches_and_one_that_raises(start_agent: Start, sink: OtlpSink) -> None:
    class Enriching(SpanProcessor):
        def on_start(self, span: SdkSpan, parent_context: context.Context | None = None) -> None:
            span.set_attribute("tenant", "t1")

    class Broken(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            raise RuntimeError("broken processor")

    start_agent(WEFTLINE_AGENT_STRICT="false")
    provider = trace.get_tracer_provider()
    provider.add_span_processor(Enriching())  # type: ignore[attr-defined]
    provider.add_span_processor(Broken())  # type: ignore[attr-defined]
    serve.finish(begin())
    weftline.agent.stop()
    (sent,) = sink.spans()
    assert sent["attributes"]["tenant"] == "t1"


def test_a_provider_of_the_programs_takes_over(
    start_agent: Start, sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    start_agent()
    tracer = trace.get_tracer("shop")
    exporter = InMemorySpanExporter()
    own = TracerProvider(shutdown_on_exit=False)
    own.add_span_processor(SimpleSpanProcessor(exporter))
    with caplog.at_level(logging.WARNING):
        trace.set_tracer_provider(own)
    assert not caplog.records
    request = begin()
    with tracer.start_as_current_span("work"):
        pass
    serve.finish(request)
    weftline.agent.stop()
    assert trace.get_tracer_provider() is own
    assert [span["name"] for span in sink.spans()] == ["GET"]
    (work,) = exporter.get_finished_spans()
    assert work.parent is not None
    assert work.parent.span_id == request.span_id


def test_a_provider_that_was_there_first_stays(start_agent: Start) -> None:
    own = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    start_agent()
    assert trace.get_tracer_provider() is own


def test_after_stop_tracers_make_nothing_and_with_a_new_start_again(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    tracer = trace.get_tracer("shop")
    weftline.agent.stop()
    assert not tracer.start_span("nothing").is_recording()
    start_agent()
    tracer.start_span("again").end()
    weftline.agent.stop()
    assert [span["name"] for span in sink.spans()] == ["again"]


def test_the_sdk_is_not_imported_for_lean_spans(sink: OtlpSink) -> None:
    program = (
        "import sys, weftline.agent.auto\n"
        "from opentelemetry import trace\n"
        "with trace.get_tracer('shop').start_as_current_span('work'): pass\n"
        "assert isinstance(trace.get_tracer_provider(), trace.TracerProvider)\n"
        "assert 'opentelemetry.sdk.trace' not in sys.modules\n"
        "trace.get_tracer_provider().add_span_processor\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "assert isinstance(trace.get_tracer_provider(), TracerProvider)\n"
    )
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "WEFTLINE_AGENT_STRICT": "true"}
    subprocess.run([sys.executable, "-c", program], env=environ, check=True, timeout=60)
    assert [span["name"] for span in sink.spans()] == ["work"]


def test_a_forked_child_of_an_sdk_program_goes_on(sink: OtlpSink) -> None:
    """The thread pool's module is imported after the provider became the SDK's: its fork handlers run later, too."""
    program = (
        "import os, sys, weftline.agent.auto\n"
        "from opentelemetry import trace\n"
        "import opentelemetry.sdk.trace as sdk\n"
        "held = trace.get_tracer_provider()\n"
        "assert isinstance(held, sdk.TracerProvider)\n"
        "assert 'concurrent.futures.thread' not in sys.modules\n"
        "import concurrent.futures.thread\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    import signal; signal.alarm(20)\n"
        "    with trace.get_tracer('shop').start_as_current_span('in the child'): pass\n"
        "    ok = held.resource.attributes['process.pid'] == os.getpid() and held.force_flush()\n"
        "    os._exit(0 if ok else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "WEFTLINE_AGENT_STRICT": "true"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=environ, check=True, timeout=60)
    assert [span["name"] for span in sink.spans()] == ["in the child"]
