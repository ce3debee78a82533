"""Our headers in OpenTelemetry's global composite: the program's own `propagate.inject` and `extract` carry them too.

The composite's other members (W3C's, or what OTEL_PROPAGATORS names) come first and keep their say.
"""

from opentelemetry import context as otel
from opentelemetry import propagate as api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from weftline.agent import context as current
from weftline.agent import propagate, semconv
from weftline.agent.propagate import transaction_id


class Propagator(TextMapPropagator):
    """Writes `x-transaction-id` and `x-request-id`; reads every format where no span has been read already."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        here = otel.get_current() if context is None else context
        if trace.get_current_span(here).get_span_context().is_valid:
            return here

        def header(name: str) -> str | None:
            values = getter.get(carrier, name)
            return ",".join(map(str, values)) if values else None

        incoming = propagate.extract(header)
        if not incoming.trace_id:
            return here
        if not incoming.span_id:
            return otel.set_value(transaction_id.CONTEXT_KEY, incoming.trace_id, here)
        flags = TraceFlags(1 if incoming.flags is None else incoming.flags)
        parent = SpanContext(incoming.trace_id, incoming.span_id, is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(parent), here)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        here = otel.get_current() if context is None else context
        spoken = trace.get_current_span(here).get_span_context()
        entered = here.get(current.TRANSACTION_KEY)
        if spoken.is_valid:
            setter.set(carrier, semconv.TRANSACTION_ID, transaction_id.text(spoken.trace_id))
        if isinstance(entered, current.Transaction) and entered.request_id:
            setter.set(carrier, semconv.REQUEST_ID, entered.request_id)

    @property
    def fields(self) -> set[str]:
        return {semconv.TRANSACTION_ID, semconv.REQUEST_ID}


_ours = Propagator()
_before: TextMapPropagator | None = None


def register() -> None:
    """Adds ours to the global composite, once."""
    global _before  # noqa: PLW0603 - a process has one agent
    if _before is None:
        _before = api.get_global_textmap()
        api.set_global_textmap(CompositePropagator([_before, _ours]))


def withdraw() -> None:
    """Puts back what :func:`register` found, unless the program has set another since."""
    global _before
    before, _before = _before, None
    members = getattr(api.get_global_textmap(), "_propagators", ())
    if before is not None and members and members[-1] is _ours:
        api.set_global_textmap(before)
