"""Others that trace: their spans are never doubled. Looks only at what the program has imported itself."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry import context as otel

from weftline.agent import context, counters

_CONTRIB: Final = "opentelemetry.instrumentation."
_FLAG: Final = "_is_instrumented_by_opentelemetry"
"""opentelemetry-contrib's mark, on an instrumentor and on an application it instruments."""
_SUPPRESS: Final = getattr(otel, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")
_SUPPRESS_HTTP: Final = getattr(otel, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation")
_IMPORTED: Final = {"aiohttp_client": "aiohttp", "aiohttp_server": "aiohttp", "urllib": "http.client"}
"""What is imported, where opentelemetry-contrib's instrumentor has another name."""
_counted: set[tuple[str, str]] = set()
_alone_among = -1
"""How many modules were imported when none of them traced: asked for every request, answered by that number."""


def alone() -> bool:
    """Whether nobody traced when as much was imported as now: then :func:`instruments` need not be asked."""
    return len(sys.modules) == _alone_among


def instruments(library: str, instrumentor: str, application: object = None) -> bool:
    """Whether somebody else makes a library's spans: opentelemetry-contrib's instrumentor for it, or for this
    application of it; ddtrace, New Relic or Sentry, which is counted once for each library."""
    global _alone_among  # noqa: PLW0603 - a process has one table of modules
    modules = sys.modules
    if len(modules) == _alone_among:
        return False
    if not any(map(modules.__contains__, _ROOTS)):
        _alone_among = len(modules)
        return False
    module = modules.get(_CONTRIB + library)
    if module is not None:
        if application is not None and getattr(application, _FLAG, False):
            return True
        made = getattr(getattr(module, instrumentor, None), "_instance", None)
        if getattr(made, _FLAG, False):
            return True
    for product in _PRODUCTS:
        if product in modules and _PRODUCTS[product](_IMPORTED.get(library, library)):
            if (product, library) not in _counted:
                _counted.add((product, library))
                counters.count("skipped", f"{library}: {product}")
            return True
    return False


def suppressed() -> bool:
    """Whether OpenTelemetry's switch stands here that says this call is not to be traced: exporters set it, and
    instrumentors whose span already stands for it."""
    here = context.current()
    return bool(here.get(_SUPPRESS) or here.get(_SUPPRESS_HTTP))


@contextlib.contextmanager
def suppressing() -> Iterator[None]:
    """Sets that switch: what is called in the block is not traced."""
    previous = otel.get_current()
    otel.attach(otel.set_value(_SUPPRESS, value=True))
    try:
        yield
    finally:
        otel.attach(previous)


def withdraw(request: context.Transaction) -> None:
    """Takes back a request that a server's cut began before it could know that somebody else makes its span."""
    if request.span is not None and not request.span.end_ns:
        request.span.end_ns = request.span.start_ns  # ended, so that it takes nothing more, and never sent
    request.withdrawn = True
    context.leave(request.previous)


def _ddtrace(library: str) -> bool:
    module = sys.modules.get(library)
    return bool(getattr(module, "_datadog_patch", False) or getattr(module, "__datadog_patch", False))


def _newrelic(library: str) -> bool:
    results: dict[tuple[str, ...], Any] = getattr(sys.modules.get("newrelic.config"), "_module_import_hook_results", {})
    return any(names[0].partition(".")[0] == library and not failure for names, failure in list(results.items()))


def _sentry(library: str) -> bool:
    # Sentry reports errors without tracing in most programs: only with tracing does it make spans
    client = sys.modules["sentry_sdk"].get_client()
    traces = client.options.get("traces_sample_rate") is not None or client.options.get("traces_sampler") is not None
    return traces and client.get_integration(library) is not None


_PRODUCTS: Final = {"ddtrace": _ddtrace, "newrelic": _newrelic, "sentry_sdk": _sentry}
_ROOTS: Final = (_CONTRIB.rstrip("."), *_PRODUCTS)
"""Without one of these imported nobody else traces."""
