"""Others that trace: their spans are never doubled. Looks only at what the program has imported itself."""

import sys

_CONTRIB = "opentelemetry.instrumentation."
_FLAG = "_is_instrumented_by_opentelemetry"
"""opentelemetry-contrib's mark, on an instrumentor and on an application it instruments."""


def instruments(library: str, instrumentor: str, application: object = None) -> bool:
    """Whether opentelemetry-contrib's instrumentor is active for a library, or for this application of it."""
    module = sys.modules.get(_CONTRIB + library)
    if module is None:
        return False
    if application is not None and getattr(application, _FLAG, False):
        return True
    made = getattr(getattr(module, instrumentor, None), "_instance", None)
    return bool(getattr(made, _FLAG, False))
