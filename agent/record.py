"""What is recorded: spans and log records, as light as they can be until the export thread encodes them.

A :class:`Span` is an `opentelemetry.trace.Span`: code that asks OpenTelemetry for the current span gets it.
"""

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, final

from opentelemetry import trace
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState

from weftline.agent import export
from weftline.agent.sample import SAMPLED

SERVER: Final = 2
CLIENT: Final = 3
"""Kinds as OTLP numbers them."""

OK: Final = 1
ERROR: Final = 2
"""Status codes as OTLP numbers them."""

Attributes = dict[str, Any]

_ATOMS: Final = frozenset((str, bool, int, float))
"""Types whose values are frozen as they are."""


@dataclass(slots=True)
class Limits:
    """How much is kept of a span; the length limit is applied when it is encoded."""

    attributes: int = 128
    events: int = 128


limits = Limits()


class Observer(Protocol):
    """Somebody else who watches our spans: the application's span processors. Never raises."""

    def started(self, span: "Span") -> None:
        """A span has begun; it may be given more attributes."""

    def ended(self, span: "Span") -> None:
        """A span has ended; it is the export thread's too, so it must be left as it is."""


_observer: Observer | None = None


def observe(observer: Observer | None) -> None:
    """Sets the process's observer, or none."""
    global _observer  # noqa: PLW0603 - a process has one agent
    _observer = observer


@dataclass(slots=True)
class Event:
    """A span event."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any]


@dataclass(slots=True)
class Link:
    """A link to another span."""

    context: SpanContext
    attributes: Mapping[str, Any]


@dataclass(slots=True)
class LogRecord:
    """A log record, its body formatted when it was written. Ids are 0 outside any transaction."""

    time_ns: int
    observed_ns: int
    severity_number: int
    severity_text: str
    body: str
    scope: str
    attributes: Attributes = field(default_factory=dict)
    trace_id: int = 0
    span_id: int = 0
    flags: int = 0
    event_name: str = ""


@dataclass(slots=True)
class Stamp:
    """The ids that speak for a place in the program. `parent_id` is set only when the transaction was sampled out
    and no span will say it. Not to be changed, but not frozen either: that costs five times as much to make."""

    trace_id: int
    span_id: int
    flags: int
    parent_id: int = 0
    fields: Attributes | None = field(default=None, compare=False, repr=False)
    """The ids as fields of the program's own log records, once one was stamped with them."""


class Ids:
    """The ids of a span of ours, or of a transaction. A plain class, so that asking whether something is one is cheap:
    `trace.Span` is abstract, and its classes' `isinstance` costs ten times as much."""

    __slots__ = ("flags", "scope", "span_id", "stamp", "trace_id", "tracestate")

    trace_id: int
    span_id: int
    flags: int
    tracestate: str
    scope: str
    """The layer that makes one span however many libraries are stacked in it; empty for none."""
    stamp: "Stamp | None"
    """Kept for the next log record, once one was written here."""


class Identity(Ids, trace.Span):
    """A span that is sampled out: it has its ids, passes them on, and records nothing."""

    __slots__ = ()

    spoken: SpanContext | None = None
    """The ids as OpenTelemetry has them, once somebody asked."""

    def __init__(self, trace_id: int, span_id: int, flags: int, tracestate: str, scope: str = "") -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.tracestate = tracestate
        self.scope = scope
        self.stamp = None

    def get_span_context(self) -> SpanContext:
        """Built when somebody asks."""
        if self.spoken is None:
            state = TraceState.from_header([self.tracestate]) if self.tracestate else None
            self.spoken = SpanContext(
                self.trace_id, self.span_id, is_remote=False, trace_flags=TraceFlags(self.flags), trace_state=state
            )
        return self.spoken

    def is_recording(self) -> bool:
        return False

    def end(self, end_time: int | None = None) -> None:
        pass

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        pass

    def set_attribute(self, key: str, value: Any) -> None:
        pass

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        pass

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        pass

    def update_name(self, name: str) -> None:
        pass

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        pass

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        pass


@final
class Span(Identity):
    """A recording span. After :meth:`end` it is the export thread's and takes nothing more. The attributes are taken
    over, not copied."""

    __slots__ = (
        "attributes", "end_ns", "has_more", "kind", "library", "name", "parent_id", "remote_parent", "start_ns",
        "status", "version",
    )  # fmt: skip

    has_more: bool
    """Whether any of what follows, but for the message, may be other than the class's: the encoder looks only then."""

    # What most spans never have is the class's until one has it: a third of what there would be to fill in
    events: list[Event] | tuple[()] = ()
    links: list[Link] | tuple[()] = ()
    status_message: str = ""
    dropped_attributes: int = 0
    dropped_events: int = 0
    exception: BaseException | None = None
    """The one recorded last, until the span ends."""

    def __init__(  # noqa: PLR0917 - one is made in every request: keywords cost as much as all the rest
        self,
        name: str,
        kind: int,
        library: str,
        attributes: Attributes,
        trace_id: int,
        span_id: int,
        parent_id: int = 0,
        flags: int = SAMPLED,
        tracestate: str = "",
        scope: str = "",
        remote_parent: bool = False,
        start_ns: int = 0,
        version: str | None = None,
        observed: bool = True,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.tracestate = tracestate
        self.scope = scope
        self.stamp = None
        self.name = name
        self.kind = kind
        self.library = library
        self.version = version
        self.attributes = attributes
        self.parent_id = parent_id
        self.remote_parent = remote_parent
        self.status = 0
        self.has_more = False
        self.end_ns = 0
        self.start_ns = start_ns or time.time_ns()
        if _observer is not None and observed:
            _observer.started(self)

    def is_recording(self) -> bool:
        return not self.end_ns

    def end(self, end_time: int | None = None) -> None:
        """Ends the span and hands it to the exporter; the first call counts."""
        if not self.end_ns:
            self.end_ns = end_time or time.time_ns()
            if self.has_more:
                self.exception = None  # its traceback holds frames
            export.emit_span(self)
            if _observer is not None:
                _observer.ended(self)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """`with span:` notes the exception that ends it, as the SDK's spans do."""
        if isinstance(exc_val, Exception) and not self.end_ns:
            self.record_exception(exc_val)
            self.set_status(StatusCode.ERROR, f"{type(exc_val).__name__}: {exc_val}")
        self.end()

    def set_attribute(self, key: str, value: Any) -> None:
        if self.end_ns:
            return
        attributes = self.attributes
        if len(attributes) < limits.attributes or key in attributes:
            attributes[key] = value if type(value) in _ATOMS else frozen(value)
        else:
            self.has_more = True
            self.dropped_attributes += 1

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        if self.end_ns:
            return
        self.has_more = True
        if len(self.events) >= limits.events:
            self.dropped_events += 1
            return
        copied = {key: frozen(value) for key, value in (attributes or {}).items()}
        event = Event(name, timestamp or time.time_ns(), copied)
        if isinstance(self.events, list):
            self.events.append(event)
        else:
            self.events = [event]

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        if not self.end_ns and context.is_valid:
            copied = {key: frozen(value) for key, value in (attributes or {}).items()}
            self.has_more = True
            self.links = [*self.links, Link(context, copied)]

    def update_name(self, name: str) -> None:
        if not self.end_ns:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """As OpenTelemetry rules: what was set to OK stays OK, and UNSET takes nothing back."""
        code = status.status_code if isinstance(status, Status) else status
        if self.end_ns or self.status == OK or code is StatusCode.UNSET:
            return
        text = status.description if isinstance(status, Status) else description
        self.status = code.value
        self.status_message = (text or "") if code is StatusCode.ERROR else ""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: ARG002 - OpenTelemetry's signature
    ) -> None:
        """Adds an exception event; the same exception twice is one event (it passes several layers)."""
        if self.end_ns or self.exception is exception:
            return
        self.exception = exception
        self.add_event("exception", {**exception_attributes(exception), **(attributes or {})}, timestamp)


def exception_attributes(exception: BaseException) -> Attributes:
    """`exception.type`, `.message` and `.stacktrace`; never raises, whatever `str(exception)` does."""
    try:
        message = str(exception)
    except Exception:  # noqa: BLE001 - the application's own __str__
        message = "<the exception's __str__ failed>"
    try:
        stack = "".join(traceback.format_exception(exception))
    except Exception:  # noqa: BLE001 - the same __str__, or a broken frame
        stack = ""
    return {
        "exception.type": exception_type(exception),
        "exception.message": message,
        "exception.stacktrace": stack,
    }


def exception_type(exception: BaseException) -> str:
    """The class's qualified name; builtins without their module."""
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def frozen(value: Any) -> Any:
    """A value nobody can change before it is encoded."""
    if isinstance(value, (str, bool, int, float, bytes)):
        return value
    if isinstance(value, Sequence):
        return tuple(frozen(item) for item in value)
    return str(value)
