"""The part of a bootstrap that sees requests: tracer, access log, filters and routes of one listener.

Facts behind the choices, measured with Envoy 1.40:
- `%TRACE_ID%` and `%SPAN_ID%` are known whether or not the trace is sampled, from after the early header mutation on.
- `traceparent` in a request is the caller's until the router makes an attempt, then the attempt's. So the caller's
  is put aside in filter state by a filter; in the access log `%REQ(TRACEPARENT)%` is that of the last attempt.
- A malformed `traceparent` makes the tracer give up on the request: no span, no `%TRACE_ID%`.
- With request-id settings at their defaults Envoy rewrites the caller's x-request-id and never samples a request whose
  id isn't a UUID. Turned off, `random_sampling` is ignored: the sampler decides.
"""

from typing import Any

from weftline.agent import semconv

from .proxy import Collector, Listener, Proxy, Role, Route

Json = dict[str, Any]

COLLECTOR_CLUSTER = "weftline"
"""The cluster that spans and access logs go to."""

TYPE = "type.googleapis.com/envoy."
FLUSH_INTERVAL = "0.25s"
BUFFER_BYTES = 262144
"""Also the limit beyond which Envoy drops records while the collector doesn't answer."""
PARENT_STATE = "weftline.parent"
"""Filter state that keeps the caller's traceparent for the access log (semconv.ACCESS_LOG_FIELDS)."""

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


def http_connection_manager(proxy: Proxy, listener: Listener) -> Json:
    """The network filter for one listener of ``proxy``."""
    edge = listener.role is Role.EDGE
    return _typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=listener.role.value,
        # The edge faces clients: their address is the peer's, and their x-request-id is replaced.
        use_remote_address=edge,
        always_set_request_id_in_response=edge,
        request_id_extension={
            "typed_config": {
                "@type": f"{TYPE}extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
                "use_request_id_for_trace_sampling": False,
            }
        },
        early_header_mutation_extensions=[_sanitizer(edge)],
        tracing=_tracing(proxy, listener),
        access_log=[_access_log(proxy, listener)],
        http_filters=[_transaction_id(edge), _keep_parent(), _typed_router()],
        route_config={
            "name": listener.role.value,
            "virtual_hosts": [
                {
                    "name": listener.role.value,
                    "domains": ["*"],
                    # An inbound proxy would overwrite its caller's count with its own, which is always 1.
                    "include_request_attempt_count": listener.role is not Role.SIDECAR_INBOUND,
                    "routes": [_route(route) for route in listener.routes],
                }
            ],
        },
    )


def _typed(name: str, message: str, **config: Any) -> Json:
    """An extension: its name, its protobuf message (after `envoy.`) and that message's fields."""
    return {"name": name, "typed_config": {"@type": TYPE + message, **config}}


def _typed_router() -> Json:
    return _typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")


def _append(header: str, value: str, action: str) -> Json:
    return {"append": {"append_action": action, "header": {"key": header, "value": value}}}


def _sanitizer(edge: bool) -> Json:
    """Drop a traceparent the tracer would stumble over, and the tracestate that came with it (W3C Trace Context, 3.3);
    at the edge also a client's order to sample.
    """
    names = (semconv.TRACEPARENT, semconv.TRACESTATE)
    mutations: list[Json] = [{"remove": _checked(name)} for name in names]
    mutations += [
        _append(
            _checked(name),
            f"%CEL({VALID_TRACEPARENT} && '{name}' in request.headers ? request.headers['{name}'] : '')%",
            "OVERWRITE_IF_EXISTS_OR_ADD",
        )
        for name in names
    ]
    for name in names:
        mutations += [
            {"remove": name},
            _append(name, f"%REQ({_checked(name)})%", "ADD_IF_ABSENT"),
            {"remove": _checked(name)},
        ]
    if edge:
        mutations.append({"remove": "x-client-trace-id"})
    return _typed(
        "envoy.http.early_header_mutation.header_mutation",
        "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=mutations,
    )


def _checked(name: str) -> str:
    """Where a header waits while the one that came is taken off; an empty one is not put back."""
    return f"x-weftline-{name}"


def _transaction_id(edge: bool) -> Json:
    """First filter: what later filters and the router answer themselves has the ID too.

    The edge overwrites what a client made up. A sidecar keeps what is there, so that a service which copies
    x-transaction-id but no traceparent still has its rows joined.
    """
    action = "OVERWRITE_IF_EXISTS_OR_ADD" if edge else "ADD_IF_ABSENT"
    mutation = _append(semconv.TRANSACTION_ID, "%TRACE_ID%", action)
    return _typed(
        "envoy.filters.http.header_mutation",
        "extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"request_mutations": [mutation], "response_mutations": [mutation]},
    )


def _keep_parent() -> Json:
    """Second filter: the caller's traceparent, before the router puts its attempt's in its place."""
    return _typed(
        "envoy.filters.http.set_filter_state",
        "extensions.filters.http.set_filter_state.v3.Config",
        on_request_headers=[
            {
                "object_key": PARENT_STATE,
                "factory_key": "envoy.string",
                "format_string": {
                    "text_format_source": {"inline_string": f"%REQ({semconv.TRACEPARENT})%"},
                    "omit_empty_values": True,
                },
                "skip_if_empty": True,
            }
        ],
    )


def _tracing(proxy: Proxy, listener: Listener) -> Json:
    sampler = _typed(
        "envoy.tracers.opentelemetry.samplers.parent_based",
        "extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig",
        wrapped_sampler=_typed(
            "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
            "extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig",
            sampling_percentage={
                "numerator": round(proxy.sampling_percentage * 10_000),
                "denominator": "MILLION",
            },
        ),
    )
    resource = _typed(
        "envoy.tracers.opentelemetry.resource_detectors.static_config",
        "extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig",
        attributes={semconv.PROXY_ROLE: listener.role.value},
    )
    return {
        "spawn_upstream_span": True,
        "provider": _typed(
            "envoy.tracers.opentelemetry",
            "config.trace.v3.OpenTelemetryConfig",
            **_exporter(proxy.collector, "/v1/traces"),
            service_name=proxy.service,
            resource_detectors=[resource],
            sampler=sampler,
        ),
    }


def _access_log(proxy: Proxy, listener: Listener) -> Json:
    collector = proxy.collector
    buffer: Json = {"buffer_flush_interval": FLUSH_INTERVAL, "buffer_size_bytes": BUFFER_BYTES}
    if collector.protocol == "grpc":
        # Deprecated, but beside `grpc_service` 1.40 takes no notice of the buffer's settings (1 s, 16 KiB).
        transport: Json = {
            "common_config": {
                "log_name": listener.role.value,
                "transport_api_version": "V3",
                **_exporter(collector, "/v1/logs"),
                **buffer,
            }
        }
    else:
        transport = {"log_name": listener.role.value, **_exporter(collector, "/v1/logs"), **buffer}
    return _typed(
        "envoy.access_loggers.open_telemetry",
        "extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
        **transport,
        body={"string_value": "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%"},
        attributes=_key_values(semconv.ACCESS_LOG_FIELDS),
        resource_attributes=_key_values({"service.name": proxy.service, semconv.PROXY_ROLE: listener.role.value}),
    )


def _key_values(values: dict[str, str]) -> Json:
    return {"values": [{"key": key, "value": {"string_value": value}} for key, value in values.items()]}


def _exporter(collector: Collector, path: str) -> Json:
    if collector.protocol == "grpc":
        return {"grpc_service": {"envoy_grpc": {"cluster_name": COLLECTOR_CLUSTER}, "timeout": "5s"}}
    uri = f"http://{collector.address.host}:{collector.address.port}{path}"
    return {"http_service": {"http_uri": {"uri": uri, "cluster": COLLECTOR_CLUSTER, "timeout": "5s"}}}


def _route(route: Route) -> Json:
    action: Json = {"cluster": route.cluster, "timeout": f"{route.timeout}s"}
    if route.retry is not None:
        action["retry_policy"] = {
            "retry_on": route.retry.on,
            "num_retries": route.retry.attempts,
            "retriable_headers": [{"name": name, "present_match": True} for name in route.retry.headers],
        }
    return {"name": route.name, "match": {"prefix": route.prefix}, "route": action}
