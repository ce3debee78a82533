"""The access loggers of a listener: OpenTelemetry's (`export.py`), gRPC ALS and a file, all writing the same fields.

The rows are the same whatever the way. OTLP counts what it loses, ALS loses silently but costs Envoy less, a file loses
nothing and needs `weftline collect logs` beside it.
"""

from collections.abc import Mapping

from weftline.agent import semconv

from .export import BUFFER_BYTES, FLUSH_INTERVAL, access_log, attempt_fields, attempt_log, request_fields
from .extension import Json, typed
from .proxy import Als, File, Listener, Proxy

ALS_FIELDS = frozenset(
    {
        "access_log_type", "stream_id", "method", "path", "authority", "protocol", "response_code",
        "response_code_details", "connection_termination_details", "upstream_transport_failure_reason",
        "upstream_host", "upstream_request_attempt_count", "route_name", "request_id",
        "duration_ms", "duration_us", "request_duration_us", "response_duration_us", "first_upstream_tx_us",
        "last_upstream_tx_us", "last_upstream_rx_us", "first_downstream_tx_us", "bytes_received", "bytes_sent",
        "downstream_wire_bytes_received", "downstream_wire_bytes_sent", "upstream_wire_bytes_received",
        "upstream_wire_bytes_sent", "downstream_remote_address", "downstream_local_address",
        "upstream_local_address", "user_agent", "requested_server_name", "downstream_tls_version",
        "downstream_peer_subject", "downstream_peer_uri_san", "downstream_local_uri_san",
    }
)  # fmt: skip
"""Fields of semconv.ACCESS_LOG_FIELDS that the protocol has itself; the others are sent as custom tags."""


def access_loggers(proxy: Proxy, listener: Listener) -> list[Json]:
    """The loggers of requests, in the order of ``proxy.access_logs``."""
    return _loggers(proxy, listener, access_log(proxy, listener), request_fields(proxy))


def attempt_loggers(proxy: Proxy, listener: Listener) -> list[Json]:
    """The loggers for the router's `upstream_log`."""
    return _loggers(proxy, listener, attempt_log(proxy, listener), attempt_fields(listener))


def _loggers(proxy: Proxy, listener: Listener, otlp: Json, fields: Mapping[str, str]) -> list[Json]:
    made = []
    for way in proxy.access_logs:
        match way:
            case Als():
                made.append(als(proxy, listener, way.cluster, fields))
            case File():
                made.append(file(proxy, listener, way.path, fields))
            case _:
                made.append(otlp)
    return made


def als(
    proxy: Proxy,
    listener: Listener,
    cluster: str,
    fields: Mapping[str, str] = semconv.ACCESS_LOG_FIELDS,
    *,
    tcp: bool = False,
) -> Json:
    """The gRPC access logger (ALS v3) for an HTTP connection manager or its router, or for a TCP filter.

    ``cluster`` speaks HTTP/2 to the edge's gRPC port. ``fields``: semconv.ATTEMPT_LOG_FIELDS for the router.
    """
    tags = {
        name: operator
        for name, operator in {**semconv.ACCESS_LOG_RECORD_FIELDS, **fields}.items()
        if name != "start_time" and not (name in ALS_FIELDS and operator == semconv.ACCESS_LOG_FIELDS[name])
    } | _resource(proxy, listener)
    kind = "Tcp" if tcp else "Http"
    return typed(
        f"envoy.access_loggers.{kind.lower()}_grpc",
        f"extensions.access_loggers.grpc.v3.{kind}GrpcAccessLogConfig",
        common_config={
            "log_name": listener.role.value,
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": cluster}},
            "buffer_flush_interval": FLUSH_INTERVAL,
            "buffer_size_bytes": BUFFER_BYTES,
            "custom_tags": [{"tag": tag, "value": value} for tag, value in tags.items()],
        },
    )


def file(proxy: Proxy, listener: Listener, path: str, fields: Mapping[str, str] = semconv.ACCESS_LOG_FIELDS) -> Json:
    """The file logger: JSON lines for `weftline collect logs`."""
    return typed(
        "envoy.access_loggers.file",
        "extensions.access_loggers.file.v3.FileAccessLog",
        path=path,
        log_format={
            "json_format": {
                **semconv.ACCESS_LOG_RECORD_FIELDS,
                **fields,
                **_resource(proxy, listener),
                "node_name": proxy.node_id,
                "cluster_name": proxy.service,
                "log_name": listener.role.value,
            }
        },
    )


def _resource(proxy: Proxy, listener: Listener) -> dict[str, str]:
    return {"service.name": proxy.service, semconv.PROXY_ROLE: listener.role.value}
