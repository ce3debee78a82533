"""The contenders: how each is started before the application is imported, what it does to the application, and how it
is made to send what waits."""

import functools
from collections.abc import Callable
from typing import Any

Flush = Callable[[], Any]


def start(name: str) -> Flush:
    """Starts `plain` (nothing), `weftline`, `contrib` or `ddtrace`."""
    return {"plain": lambda: bool, "weftline": _weftline, "contrib": _contrib, "ddtrace": _ddtrace}[name]()


def _weftline() -> Flush:
    import weftline.agent.auto  # noqa: F401 - importing it is what starts the agent
    from weftline.agent import lifecycle

    return functools.partial(lifecycle.flush, 30)


def _contrib() -> Flush:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.force_flush


def _ddtrace() -> Flush:
    import ddtrace.auto  # type: ignore[import-not-found]  # noqa: F401 - importing it is what starts it
    from ddtrace.trace import tracer

    return tracer.flush


def instrument(name: str, app: Any, client: str) -> None:
    """What contrib does to an application and to the client it calls others with; the rest instrument by themselves."""
    if name != "contrib":
        return
    if type(app).__name__ == "Flask":
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        FlaskInstrumentor().instrument_app(app)
    else:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app)
    if client == "requests":
        from opentelemetry.instrumentation.requests import RequestsInstrumentor

        RequestsInstrumentor().instrument()
    elif client == "httpx":
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        HTTPXClientInstrumentor().instrument()
