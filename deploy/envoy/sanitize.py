"""What happens to a request's headers before the tracer looks at them."""

from weftline.agent import semconv

from .extension import Json, append_header, typed
from .proxy import Listener, Role

_HEADER = f"request.headers['{semconv.TRACEPARENT}']"
VALID_TRACEPARENT = " && ".join(
    [
        # Lengths and dashes. 0-f are the digits, the letters and what is between them, but no dash: hexadecimal digits
        # proper are two ranges, and Envoy refuses an expression of more than 100 steps.
        f"{_HEADER}.matches('^00-[0-f]{{32}}-[0-f]{{16}}-[0-9a-f][0-9a-f]$')",
        # Lower-case hexadecimal digits, and in both ids one that isn't 0.
        f"{_HEADER}.matches('^00-0*[1-9a-f][0-9a-f]*-0*[1-9a-f][0-9a-f]*-')",
    ]
)
"""CEL: version 00, 32 and 16 lower-case hex digits that aren't all zero (W3C Trace Context, 3.2).

Each time the expression says `request.headers[...]` Envoy copies the header, which costs more than an expression
over it; so nobody asks whether it is there: without it the whole has no value, and Envoy writes nothing.
"""
_CHECKED = f"x-weftline-{semconv.TRACEPARENT}"
"""Where the header waits while the one that came is taken off."""


def sanitizer(listener: Listener) -> Json:
    """Drop a traceparent the tracer would stumble over; the tracestate that came with it falls with it (W3C, 3.3).

    The edge also drops a client's order to sample, and, if its clients aren't trusted, all they say about traces.
    """
    if listener.trusted:
        mutations = _keep_if_valid()
    else:
        mutations = [{"remove": name} for name in (semconv.TRACEPARENT, semconv.TRACESTATE, semconv.TRANSACTION_ID)]
    if listener.role is Role.EDGE:
        mutations.append({"remove": "x-client-trace-id"})
    return typed(
        "envoy.http.early_header_mutation.header_mutation",
        "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=mutations,
    )


def _keep_if_valid() -> list[Json]:
    """The header goes to one side if it may stay, is taken off, and comes back. An empty one is not put back.

    The tracestate of a request without a traceparent needs nothing: the tracer replaces it.
    """
    checked = append_header(_CHECKED, f"%CEL({VALID_TRACEPARENT} ? {_HEADER} : '')%", "OVERWRITE_IF_EXISTS_OR_ADD")
    checked["append"]["keep_empty_value"] = True  # or a caller's own would stay
    return [
        checked,
        {"remove": semconv.TRACEPARENT},
        append_header(semconv.TRACEPARENT, f"%REQ({_CHECKED})%", "ADD_IF_ABSENT"),
        {"remove": _CHECKED},
    ]
