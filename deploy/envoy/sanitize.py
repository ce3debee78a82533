"""What happens to a request's headers before the tracer looks at them."""

from weftline.agent import semconv

from .extension import Json, append_header, typed
from .proxy import Listener, Role

VALID_TRACEPARENT = " && ".join(
    [
        "size(request.headers['traceparent']) == 55",
        # One regular expression for all fields is refused as too large.
        "request.headers['traceparent'].matches('^00-[0-9a-f]{32}-')",
        "request.headers['traceparent'].matches('-[0-9a-f]{16}-[0-9a-f]{2}$')",
        "!request.headers['traceparent'].startsWith('00-00000000000000000000000000000000')",
        "!request.headers['traceparent'].contains('-0000000000000000-')",
    ]
)
"""CEL: version 00, 32 and 16 lower-case hex digits that aren't all zero (W3C Trace Context, 3.2)."""


def sanitizer(listener: Listener) -> Json:
    """Drop a traceparent the tracer would stumble over, and the tracestate that came with it (W3C Trace Context, 3.3).

    The edge also drops a client's order to sample, and, if its clients aren't trusted, all they say about traces.
    """
    names = (semconv.TRACEPARENT, semconv.TRACESTATE)
    mutations: list[Json]
    if listener.trusted:
        mutations = _keep_if_valid(names)
    else:
        mutations = [{"remove": name} for name in (*names, semconv.TRANSACTION_ID)]
    if listener.role is Role.EDGE:
        mutations.append({"remove": "x-client-trace-id"})
    return typed(
        "envoy.http.early_header_mutation.header_mutation",
        "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=mutations,
    )


def _keep_if_valid(names: tuple[str, ...]) -> list[Json]:
    mutations: list[Json] = [{"remove": _checked(name)} for name in names]
    mutations += [
        append_header(
            _checked(name),
            f"%CEL({VALID_TRACEPARENT} && '{name}' in request.headers ? request.headers['{name}'] : '')%",
            "OVERWRITE_IF_EXISTS_OR_ADD",
        )
        for name in names
    ]
    for name in names:
        mutations += [
            {"remove": name},
            append_header(name, f"%REQ({_checked(name)})%", "ADD_IF_ABSENT"),
            {"remove": _checked(name)},
        ]
    return mutations


def _checked(name: str) -> str:
    """Where a header waits while the one that came is taken off; an empty one is not put back."""
    return f"x-weftline-{name}"
