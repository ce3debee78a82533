"""The program's own OpenTelemetry tracing: the global `TracerProvider` while the agent runs.

`trace.get_tracer(…)` in the program makes lean spans, children of the agent's, which the exporter sends. The SDK is
not imported for that. Once the program has imported it itself and asks (`isinstance`, `add_span_processor`, any other
name of the SDK's), the provider becomes :class:`weftline.agent.sdk.Provider`, a subclass of the SDK's own, in place.
A provider that the program sets itself takes over, also for the tracers it already has.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.util._decorator import _agnosticcontextmanager

from weftline.agent import ids, serve
from weftline.agent.propagate import transaction_id
from weftline.agent.record import Identity, Span
from weftline.agent.sample import SAMPLED

_SDK = "opentelemetry.sdk.trace"
_CHOSEN = "OTEL_PYTHON_TRACER_PROVIDER"
_becoming = threading.RLock()


class Provider(trace.TracerProvider):
    """The light provider. `resource` gives the attributes of the process when the SDK comes to want them."""

    wants_sdk_spans = False
    """Whether span processors of the program's are attached: they are written for the SDK's spans."""

    def __init__(self, resource: Callable[[], Mapping[str, Any]]) -> None:
        self._attributes_of_process = resource

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> trace.Tracer:
        return Tracer(self, (instrumenting_module_name, instrumenting_library_version, schema_url, attributes))

    @property  # type: ignore[misc] # `object` lets it be set, too
    def __class__(self) -> type:
        """What `isinstance` looks at: the SDK's subclass if the program has the SDK to compare with."""
        if hasattr(sys.modules.get(_SDK), "TracerProvider"):
            become_sdk(self)
        return type(self)

    def __getattr__(self, name: str) -> Any:
        """Only asked for what the light provider doesn't have: something of the SDK's."""
        if name.startswith("__"):
            raise AttributeError(name)
        become_sdk(self)
        return getattr(self, name)


def become_sdk(provider: Provider) -> None:
    """Turns the light provider into the SDK's kind; nothing if it is that already."""
    from weftline.agent import sdk

    with _becoming:
        if type(provider) is Provider:
            sdk.adopt(provider, provider._attributes_of_process)  # noqa: SLF001 - this module's own class


def install(resource: Callable[[], Mapping[str, Any]]) -> trace.TracerProvider | None:
    """Makes a provider of ours the global one, unless the program has chosen another. None then.

    The API's set-once latch is left alone: a later `trace.set_tracer_provider` of the program's wins, and no warning
    is logged.
    """
    if trace._TRACER_PROVIDER is not None or os.environ.get(_CHOSEN):  # noqa: SLF001 - see above
        return None
    provider = Provider(resource)
    trace._TRACER_PROVIDER = provider  # noqa: SLF001 - see above
    return provider


def remove(provider: trace.TracerProvider | None) -> None:
    """Takes our provider away; tracers got from it become those of whatever provider there is."""
    if provider is not None and trace._TRACER_PROVIDER is provider:  # noqa: SLF001 - see install
        trace._TRACER_PROVIDER = None  # noqa: SLF001 - see install


class Tracer(trace.Tracer):
    """Makes lean spans, or has others make them: the SDK for the program's processors, the provider that took over."""

    def __init__(self, provider: trace.TracerProvider, scope: tuple[str, str | None, str | None, Any]) -> None:
        self._provider = provider
        self._scope = scope
        self._library = str(scope[0] or "")
        self._version = str(scope[1] or "")
        self._other: tuple[object, trace.Tracer] | None = None

    def start_span(  # noqa: PLR0917 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """A child of the current span. Below one that is sampled out no span is made: that one is returned."""
        other = self._instead()
        if other is not None:
            return other.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        parent = trace.get_current_span(context)
        remote, state = False, ""
        if isinstance(parent, Identity):
            if not parent.flags & SAMPLED:
                return parent
            trace_id, parent_id, flags, state = parent.trace_id, parent.span_id, parent.flags, parent.tracestate
        else:
            spoken = parent.get_span_context()
            if spoken.is_valid:
                trace_id, parent_id, flags = spoken.trace_id, spoken.span_id, int(spoken.trace_flags)
                remote, state = spoken.is_remote, spoken.trace_state.to_header()
                sampled = serve.decide(trace_id, flags) if remote else bool(flags & SAMPLED)
            else:
                named = (otel.get_current() if context is None else context).get(transaction_id.CONTEXT_KEY)
                trace_id, flags = (named, 0) if isinstance(named, int) else (ids.trace_id(), ids.RANDOM_FLAG)
                parent_id = 0
                sampled = serve.decide(trace_id, None)
            if not sampled:
                return Identity(trace_id, ids.span_id(), flags & ~SAMPLED, state)
        span = Span(
            name, kind.value + 1, self._library, {}, trace_id=trace_id, span_id=ids.span_id(), parent_id=parent_id,
            remote_parent=remote, flags=flags | SAMPLED, tracestate=state, start_ns=start_time or 0,
            version=self._version,
        )  # fmt: skip
        if attributes:
            span.set_attributes(attributes)
        for link in links or ():
            span.add_link(link.context, link.attributes)
        return span

    @_agnosticcontextmanager
    def start_as_current_span(  # noqa: PLR0917 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        span = self.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )
        with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def _instead(self) -> trace.Tracer | None:
        """The tracer that stands in for this one; None while this one makes the spans."""
        current = trace._TRACER_PROVIDER  # noqa: SLF001 - get_tracer_provider() would load one
        ours = current is self._provider
        if ours and not self._provider.wants_sdk_spans:  # type: ignore[attr-defined]
            return None
        if self._other is None or self._other[0] is not current:
            make = self._provider.sdk_tracer if ours else trace.get_tracer_provider().get_tracer  # type: ignore[attr-defined]
            self._other = (current, make(*self._scope))
        return self._other[1]
