"""The part of a bootstrap that sees requests: tracer, access log, filters and routes of one listener.

Facts behind the choices, measured with Envoy 1.40:
- `%TRACE_ID%` and `%SPAN_ID%` are known whether or not the trace is sampled, from after the early header mutation on.
- `traceparent` in a request is the caller's until the router makes an attempt, then the attempt's. So the caller's
  is put aside in filter state by a filter; in the access log `%REQ(TRACEPARENT)%` is that of the last attempt.
- A malformed `traceparent` makes the tracer give up on the request: no span, no `%TRACE_ID%`.
- With request-id settings at their defaults Envoy rewrites the caller's x-request-id and never samples a request whose
  id isn't a UUID. Turned off, `random_sampling` is ignored: the sampler decides.
"""

from collections.abc import Mapping

from weftline.agent import semconv

from .access_loggers import access_loggers, attempt_loggers
from .export import counts_attempts, tracing
from .extension import TYPE, Json, append_header, typed
from .proxy import Listener, Proxy, Role, Route
from .sanitize import sanitizer

PARENT_STATE = "weftline.parent"
"""Filter state that keeps the caller's traceparent for the access log (semconv.ACCESS_LOG_FIELDS)."""
PARENT = {PARENT_STATE: f"%REQ({semconv.TRACEPARENT})%"}


def http_connection_manager(proxy: Proxy, listener: Listener) -> Json:
    """The network filter for one listener of ``proxy``."""
    settings = additions(proxy, listener)
    settings["http_filters"].append(
        typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router", **router(proxy, listener))
    )
    return typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=listener.role.value,
        **settings,
        route_config={
            "name": listener.role.value,
            "virtual_hosts": [
                {
                    "name": listener.role.value,
                    "domains": ["*"],
                    "include_request_attempt_count": counts_attempts(listener),
                    "routes": [_route(route) for route in listener.routes],
                }
            ],
        },
    )


def additions(proxy: Proxy, listener: Listener) -> Json:
    """What makes any HTTP connection manager take part. Its own HTTP filters come behind these."""
    edge = listener.role is Role.EDGE
    return {
        # The edge faces clients: their address is the peer's, and their x-request-id is replaced.
        "use_remote_address": edge,
        "always_set_request_id_in_response": edge,
        "request_id_extension": request_id(samples=False),
        "early_header_mutation_extensions": [sanitizer(listener)],
        "tracing": tracing(proxy, listener),
        "access_log": access_loggers(proxy, listener),
        # Where callers aren't trusted the sanitizer has removed their traceparent: there is none to keep.
        "http_filters": [transaction_id(listener), *([keep(PARENT)] if listener.trusted else [])],
    }


def request_id(*, samples: bool) -> Json:
    """Leaves the caller's x-request-id as it is. ``samples``: whether it decides what is traced, as it does by default.

    Only with a sampler in its place may it not: without one Envoy then traces everything.
    """
    return {
        "typed_config": {
            "@type": f"{TYPE}extensions.request_id.uuid.v3.UuidRequestIdConfig",
            "pack_trace_reason": False,
            "use_request_id_for_trace_sampling": samples,
        }
    }


def router(proxy: Proxy, listener: Listener) -> Json:
    """What the router, the last filter, must be told: one log per attempt to have the request answered upstream."""
    return {"upstream_log": attempt_loggers(proxy, listener)}


def transaction_id(listener: Listener) -> Json:
    """First filter: what later filters and the router answer themselves has the ID too.

    The edge overwrites what a client made up. A sidecar keeps what is there, so that a service which copies
    x-transaction-id but no traceparent still has its rows joined; its response then names the same one.
    """
    edge = listener.role is Role.EDGE
    action = "OVERWRITE_IF_EXISTS_OR_ADD" if edge else "ADD_IF_ABSENT"
    answered = "%TRACE_ID%" if edge else f"%REQ({semconv.TRANSACTION_ID})%"
    return typed(
        "envoy.filters.http.header_mutation",
        "extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={
            "request_mutations": [append_header(semconv.TRANSACTION_ID, "%TRACE_ID%", action)],
            "response_mutations": [append_header(semconv.TRANSACTION_ID, answered, action)],
        },
    )


def keep(states: Mapping[str, str]) -> Json:
    """Second filter: what the access log shall say, kept before the router overwrites the caller's traceparent.

    ``states``: name in filter state to format string; an empty value is not kept.
    """
    return typed(
        "envoy.filters.http.set_filter_state",
        "extensions.filters.http.set_filter_state.v3.Config",
        on_request_headers=[
            {
                "object_key": name,
                "factory_key": "envoy.string",
                "format_string": {"text_format_source": {"inline_string": value}, "omit_empty_values": True},
                "skip_if_empty": True,
            }
            for name, value in states.items()
        ],
    )


def _route(route: Route) -> Json:
    action: Json = {"cluster": route.cluster, "timeout": f"{route.timeout}s"}
    if route.retry is not None:
        action["retry_policy"] = {
            "retry_on": route.retry.on,
            "num_retries": route.retry.attempts,
            "retriable_headers": [{"name": name, "present_match": True} for name in route.retry.headers],
        }
    return {"name": route.name, "match": {"prefix": route.prefix}, "route": action}
