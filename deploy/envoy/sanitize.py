"""What happens to a request's headers before the tracer looks at them."""

from weftline.agent import semconv

from .extension import Json, append_header, typed
from .proxy import Listener, Role

VALID_TRACEPARENT = " && ".join(
    [
        "'traceparent' in request.headers",
        "size(request.headers['traceparent']) == 55",
        # The middle is 16 digits long because the whole is 55; with a {16} more Envoy refuses it as too large.
        "request.headers['traceparent'].matches('^00-[0-9a-f]{32}-[0-9a-f]+-[0-9a-f][0-9a-f]$')",
        "!request.headers['traceparent'].startsWith('00-00000000000000000000000000000000')",
        "!request.headers['traceparent'].contains('-0000000000000000-')",
    ]
)
"""CEL: version 00, 32 and 16 lower-case hex digits that aren't all zero (W3C Trace Context, 3.2).

Regular expressions cost most, so there is one; without the header nothing else is looked at.
"""


def sanitizer(listener: Listener) -> Json:
    """Drop a traceparent the tracer would stumble over, and the tracestate that came with it (W3C Trace Context, 3.3).

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
    """Both headers go to one side if they may stay, are taken off, and come back."""
    conditions = {
        semconv.TRACEPARENT: VALID_TRACEPARENT,
        semconv.TRACESTATE: f"'{_checked(semconv.TRACEPARENT)}' in request.headers && 'tracestate' in request.headers",
    }
    mutations: list[Json] = [{"remove": _checked(name)} for name in conditions]
    mutations += [
        append_header(
            _checked(name), f"%CEL({condition} ? request.headers['{name}'] : '')%", "OVERWRITE_IF_EXISTS_OR_ADD"
        )
        for name, condition in conditions.items()
    ]
    for name in conditions:
        mutations += [
            {"remove": name},
            append_header(name, f"%REQ({_checked(name)})%", "ADD_IF_ABSENT"),
            {"remove": _checked(name)},
        ]
    return mutations


def _checked(name: str) -> str:
    """Where a header waits while the one that came is taken off; an empty one is not put back."""
    return f"x-weftline-{name}"
