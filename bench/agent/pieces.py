"""The agent's pieces by themselves, beside OpenTelemetry's (SDK, logging instrumentation; wrapt for calls): ns of CPU.

Interleaved rounds; of each piece the fastest round counts, less the cost of calling an empty function. What is between
the pieces in a program (cold caches, the collector of garbage at work) comes on top: `bench.agent` has the sum.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from bench.agent.woven_call import woven_call
from weftline.agent import export, query, serve
from weftline.agent.context import Transaction
from weftline.agent.export import encode as encoder
from weftline.agent.plugins import asgi, wsgi
from weftline.agent.plugins import logging as logging_plugin
from weftline.agent.propagate import Incoming
from weftline.agent.record import Span

ROUNDS, CALLS, BATCH = 100, 1_000, 512
TRACE, PARENT = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
ATTRIBUTES = {
    "http.request.method": "GET", "url.path": "/items/a", "url.scheme": "http", "server.address": "shop",
    "server.port": 8080, "network.protocol.version": "1.1", "user_agent.original": "bench/1", "client.address": "10.0.0.1",
}  # fmt: skip

Piece = Callable[[], Any]


def main() -> None:
    """Run and print the table."""
    print(f"\n{'ns, fastest of ' + str(ROUNDS):<46}{'weftline':>10}{'opentelemetry':>20}{'ratio':>8}")
    for name, measure in (
        ("woven call, empty hooks, added", woven_call),
        ("span in the request, 8 attributes", span),
        ("span sampled out", sampled_out),
        ("query sampled out", query_sampled_out),
        ("WSGI request, headers and all, sampled", wsgi_request),
        ("WSGI request, headers and all, sampled out", wsgi_request_sampled_out),
        ("ASGI request, headers and all, sampled", asgi_request),
        ("ASGI request, headers and all, sampled out", asgi_request_sampled_out),
        ("log stamp", log_stamp),
        ("log stamp, the first in its span", log_stamp_first),
        ("log record for the exporter", log_record),
        ("span encoded", encode),
    ):
        ours, theirs = measure()
        peer = f"{theirs:>20.0f}{theirs / ours:>8.1f}" if theirs is not None else f"{'-':>20}{'':>8}"
        print(f"{name:<46}{ours:>10.0f}{peer}")


def span() -> tuple[float, float | None]:
    """A server span with its attributes, from beginning to end; made current, not encoded."""
    return _span(1)


def sampled_out() -> tuple[float, float | None]:
    """The same where the caller decided against spans."""
    return _span(0)


def wsgi_request() -> tuple[float, float | None]:
    """A request's way through the WSGI steps: headers read, attributes collected, ended."""
    return _request(wsgi.begin, _environ("01")), None


def wsgi_request_sampled_out() -> tuple[float, float | None]:
    """The same, sampled out."""
    return _request(wsgi.begin, _environ("00")), None


def asgi_request() -> tuple[float, float | None]:
    """A request's way through the ASGI steps."""
    return _request(asgi.begin, _scope("01")), None


def asgi_request_sampled_out() -> tuple[float, float | None]:
    """The same, sampled out."""
    return _request(asgi.begin, _scope("00")), None


def query_sampled_out() -> tuple[float, float | None]:
    """A database query, or any other span below one that is sampled out; beside the SDK's tracer."""
    request, library = _begin(0), query.Library("bench")
    tracer = TracerProvider().get_tracer("bench")
    outside = trace.set_span_in_context(
        NonRecordingSpan(SpanContext(TRACE, PARENT, False, TraceFlags(0))), otel.Context()
    )

    def weftline() -> None:
        query.answered(query.begin(library, _describe))

    def sdk() -> None:
        made = tracer.start_span("SELECT", outside, SpanKind.CLIENT, ATTRIBUTES)
        token = otel.attach(trace.set_span_in_context(made))
        made.end()
        otel.detach(token)

    try:
        ours, theirs = fastest(weftline, sdk)
        return ours, theirs
    finally:
        serve.finish(request)


def log_stamp() -> tuple[float, float | None]:
    """The ids on a log record, where another was written before; making the record and sending it not counted."""
    request = _begin(1)
    logger, new = logging.getLogger("bench"), _records()
    contrib, silent = LoggingInstrumentor(), logging_plugin.configure
    silent(logging.CRITICAL, "bench")

    def stamped() -> None:
        logging_plugin.enter(logger, new())

    def bare() -> None:
        new()

    try:
        with_stamp, without = fastest(stamped, bare)
        contrib.instrument(inject_trace_context=True, enable_log_auto_instrumentation=False)
        return with_stamp - without, fastest(bare)[0] - without
    finally:
        contrib.uninstrument()
        silent(logging.INFO, "")
        serve.finish(request)


def log_stamp_first() -> tuple[float, float | None]:
    """The same for the first in its span."""
    logger, new = logging.getLogger("bench"), _records()
    logging_plugin.configure(logging.CRITICAL, "bench")

    def stamped() -> None:
        request = _begin(1)
        logging_plugin.enter(logger, new())
        serve.finish(request)

    def bare() -> None:
        request = _begin(1)
        new()
        serve.finish(request)

    with _kept():
        with_stamp, without = fastest(stamped, bare)
    logging_plugin.configure(logging.INFO, "")
    return with_stamp - without, None


def log_record() -> tuple[float, float | None]:
    """What a log record's OTLP twin costs on top of its stamp, until it is queued."""
    logger, new = logging.getLogger("bench"), _records()

    def stamped_and_sent() -> None:
        logging_plugin.enter(logger, new())

    request = _begin(1)
    try:
        with _kept(logs=True):
            both = fastest(stamped_and_sent)[0]
        with _kept():
            return both - fastest(stamped_and_sent)[0], None
    finally:
        serve.finish(request)


def encode() -> tuple[float, float | None]:
    """A span as OTLP protobuf, out of a batch."""
    ours = []
    for number in range(1, BATCH + 1):
        made = Span("GET /items/{name}", 2, "bench", dict(ATTRIBUTES), trace_id=TRACE + number, span_id=number)
        made.end_ns = made.start_ns + 1_000_000
        ours.append(made)
    theirs = _Ended()
    provider = TracerProvider()
    provider.add_span_processor(theirs)
    tracer = provider.get_tracer("bench")
    for _ in range(BATCH):
        tracer.start_span("GET /items/{name}", kind=SpanKind.SERVER, attributes=ATTRIBUTES).end()
    mine, other = fastest(
        lambda: encoder.traces(b"", ours, "", 16384),
        lambda: encode_spans(theirs.spans).SerializeToString(),
        calls=1,
    )
    return mine / BATCH, other / BATCH


def fastest(*pieces: Piece, calls: int = CALLS) -> list[float]:
    """ns a call of each, in interleaved rounds."""
    best = [float("inf")] * (len(pieces) + 1)
    for _ in range(ROUNDS):
        for index, piece in enumerate((*pieces, _nothing)):
            began = time.thread_time_ns()
            for _ in range(calls):
                piece()
            best[index] = min(best[index], (time.thread_time_ns() - began) / calls)
    return [one - best[-1] for one in best[:-1]]


class _Ended(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class _kept:
    """An exporter that lets everything go, so that only the request's part is counted."""

    def __init__(self, *, logs: bool = False) -> None:
        self._logs = logs

    def __enter__(self) -> None:
        export.install(self)

    def __exit__(self, *_: object) -> None:
        export.install(None)

    def emit_span(self, span: object) -> None: ...

    def emit_log(self, log: object) -> None: ...

    def takes_logs(self) -> bool:
        return self._logs

    def flush(self, timeout: float) -> bool:
        return True


def _span(flags: int) -> tuple[float, float]:
    incoming = Incoming(TRACE, PARENT, flags)

    def weftline() -> None:
        request = serve.begin(incoming, "bench", _describe, None)
        request.status = 200
        serve.finish(request)

    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())
    tracer = provider.get_tracer("bench")
    parent = NonRecordingSpan(SpanContext(TRACE, PARENT, True, TraceFlags(flags)))
    caller = trace.set_span_in_context(parent, otel.Context())

    def sdk() -> None:
        made = tracer.start_span("GET", caller, SpanKind.SERVER, dict(ATTRIBUTES))
        token = otel.attach(trace.set_span_in_context(made))
        made.set_attribute("http.response.status_code", 200)
        made.end()
        otel.detach(token)

    with _kept():
        ours, theirs = fastest(weftline, sdk)
    return ours, theirs


def _request(begin: Callable[[Any, str], Transaction | None], carrier: dict[str, Any]) -> float:
    def served() -> None:
        request = begin(carrier, "bench")
        assert request is not None
        request.status = 200
        serve.finish(request)
        del carrier["weftline.agent.entered"]

    with _kept():
        return fastest(served)[0]


def _begin(flags: int) -> Transaction:
    return serve.begin(Incoming(TRACE, PARENT, flags), "bench", _describe, None)


def _records() -> Callable[[], logging.LogRecord]:
    logger = logging.getLogger("bench")
    return lambda: logger.makeRecord("bench", logging.INFO, "bench.py", 1, "order %d", (7,), None)


def _describe(_: object, attributes: dict[str, Any]) -> str:
    attributes.update(ATTRIBUTES)
    return "GET"


def _environ(flags: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/items/a", "QUERY_STRING": "", "SCRIPT_NAME": "", "SERVER_NAME": "shop",
        "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "HTTP_HOST": "shop:8080",
        "HTTP_ACCEPT": "*/*", "HTTP_USER_AGENT": "bench/1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_TRACEPARENT": f"00-{TRACE:032x}-{PARENT:016x}-{flags}",
    }  # fmt: skip


def _scope(flags: str) -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/items/a", "query_string": b"", "scheme": "http",
        "server": ("shop", 8080), "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"shop:8080"), (b"accept", b"*/*"), (b"user-agent", b"bench/1"),
            (b"traceparent", f"00-{TRACE:032x}-{PARENT:016x}-{flags}".encode()),
        ],
    }  # fmt: skip


def _nothing() -> None: ...


if __name__ == "__main__":
    main()
