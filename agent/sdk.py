"""The agent's provider once the program uses OpenTelemetry's SDK: a subclass of the SDK's `TracerProvider`.

Imported only then (see provider). Until span processors are added, tracers go on making lean spans. With processors
they make the SDK's spans, which our exporter sends too, and the processors also hear of the agent's own spans.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from weftline.agent import export, forks, ids, provider, record, serve
from weftline.agent.sample import SAMPLED
from weftline.agent.weave import guard


class Provider(sdk.TracerProvider):
    """The SDK's provider with our ids, our sampler, and our exporter as its first processor."""

    wants_sdk_spans = False
    _attributes_of_process: Callable[[], Mapping[str, Any]]
    """Comes from the light provider."""

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> trace.Tracer:
        return provider.Tracer(self, (instrumenting_module_name, instrumenting_library_version, schema_url, attributes))

    def sdk_tracer(self, *scope: Any) -> trace.Tracer:
        """A tracer that makes the SDK's spans."""
        return super().get_tracer(*scope)

    def add_span_processor(self, span_processor: sdk.SpanProcessor) -> None:
        super().add_span_processor(span_processor)
        if not self.wants_sdk_spans:
            self.wants_sdk_spans = True
            record.observe(_Processors(self))

    def _handle_fork(self) -> None:
        """In a forked child. The SDK's own runs its resource detectors in a thread pool, whose module's lock is still
        held here if the program imported that module after this provider was made: the child would hang."""
        self._tracers_lock = threading.Lock()
        self._update_resource(Resource(self._attributes_of_process()))

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flushes the program's processors and our exporter."""
        return export.flush(timeout_millis / 1000) and super().force_flush(timeout_millis)


def adopt(light: trace.TracerProvider, attributes: Callable[[], Mapping[str, Any]]) -> None:
    """Makes a :class:`Provider` of the light one, in place: the program holds references to it. At no moment is it
    half of either."""
    made = Provider(sampler=_Sampler(), resource=Resource(attributes()), id_generator=_Ids())
    made._attributes_of_process = attributes  # noqa: SLF001 - this module's own class
    sdk.TracerProvider.add_span_processor(made, _Export())
    vars(light).update(vars(made))
    object.__dict__["__class__"].__set__(light, Provider)
    forks.in_child(light._handle_fork)  # type: ignore[attr-defined]  # noqa: SLF001 - as `made` did for itself


class _Ids(IdGenerator):
    def generate_span_id(self) -> int:
        return ids.span_id()

    def generate_trace_id(self) -> int:
        return ids.trace_id()

    def is_trace_id_random(self) -> bool:
        return True


class _Sampler(Sampler):
    """Decides as the agent does: once where a transaction begins, and its spans follow."""

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002 - the SDK's signature
        kind: SpanKind | None = None,  # noqa: ARG002 - the SDK's signature
        attributes: Any = None,
        links: Sequence[trace.Link] | None = None,  # noqa: ARG002 - the SDK's signature
        trace_state: TraceState | None = None,  # noqa: ARG002 - the SDK's signature
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid and not parent.is_remote:
            sampled = bool(parent.trace_flags & SAMPLED)
        else:
            sampled = serve.decide(trace_id, int(parent.trace_flags) if parent.is_valid else None)
        decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP
        return SamplingResult(decision, attributes, parent.trace_state if parent.is_valid else None)

    def get_description(self) -> str:
        return "weftline"


class _Export(sdk.SpanProcessor):
    """Hands the SDK's spans to our exporter."""

    def on_end(self, span: sdk.ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags & SAMPLED:
            export.emit_span(_lean(span, span.context))

    def shutdown(self) -> None:
        """The exporter outlives the program's `provider.shutdown()`: the agent's own spans still go to it."""


class _Processors:
    """The program's processors, as the observer of the agent's own spans."""

    def __init__(self, owner: Provider) -> None:
        self._owner = owner

    def started(self, span: record.Span) -> None:
        try:
            for processor in self._program():
                processor.on_start(span, None)  # type: ignore[arg-type] # they use what trace.Span promises
        except Exception as error:  # noqa: BLE001 - the program's own processor
            guard.contained(error, "span processor on_start")

    def ended(self, span: record.Span) -> None:
        try:
            readable = _readable(span, self._owner.resource)
            for processor in self._program():
                processor.on_end(readable)
        except Exception as error:  # noqa: BLE001 - the program's own processor
            guard.contained(error, "span processor on_end")

    def _program(self) -> list[sdk.SpanProcessor]:
        all_of_them = self._owner._active_span_processor._span_processors  # noqa: SLF001 - the SDK's list of them
        return [processor for processor in all_of_them if not isinstance(processor, _Export)]


def _lean(span: sdk.ReadableSpan, context: SpanContext) -> record.Span:
    """An SDK span as the exporter takes it."""
    scope = span.instrumentation_scope
    lean = record.Span(
        span.name, span.kind.value + 1, scope.name if scope else "", dict(span.attributes or {}),
        trace_id=context.trace_id, span_id=context.span_id, parent_id=span.parent.span_id if span.parent else 0,
        remote_parent=bool(span.parent and span.parent.is_remote), flags=int(context.trace_flags),
        tracestate=context.trace_state.to_header(), start_ns=span.start_time or 0,
        version=(scope.version or "") if scope else "", observed=False,
    )  # fmt: skip
    lean.end_ns = span.end_time or 0
    lean.has_more = True
    lean.events = [record.Event(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events]
    lean.links = [record.Link(link.context, dict(link.attributes or {})) for link in span.links]
    lean.status = span.status.status_code.value
    lean.status_message = span.status.description or ""
    lean.dropped_attributes, lean.dropped_events = span.dropped_attributes, span.dropped_events
    return lean


def _readable(span: record.Span, resource: Resource) -> sdk.ReadableSpan:
    """One of the agent's own spans as the SDK's processors and exporters read it."""
    parent = None
    if span.parent_id:
        parent = SpanContext(span.trace_id, span.parent_id, span.remote_parent, TraceFlags(span.flags))
    return sdk.ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=parent,
        resource=resource,
        attributes={key: value for key, value in span.attributes.items() if value is not None},
        events=[sdk.Event(event.name, event.attributes, event.time_ns) for event in span.events],
        links=[trace.Link(link.context, link.attributes) for link in span.links],
        kind=SpanKind(span.kind - 1),
        instrumentation_scope=InstrumentationScope(span.library, span.version or ""),
        status=Status(StatusCode(span.status), span.status_message or None),
        start_time=span.start_ns,
        end_time=span.end_ns,
    )
