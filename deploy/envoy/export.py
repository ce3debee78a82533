"""What a proxy sends to the collector: spans and access logs, over OTLP."""

from collections.abc import Mapping

from weftline.agent import semconv

from .extension import Json, typed
from .proxy import Collector, Listener, Proxy, Role

FLUSH_INTERVAL = "0.25s"
BUFFER_BYTES = 262144
"""Also the limit beyond which Envoy drops records while the collector doesn't answer."""


def tracing(proxy: Proxy, listener: Listener) -> Json:
    """The tracer: it follows the caller's decision, and decides by ratio where there is none."""
    sampler = typed(
        "envoy.tracers.opentelemetry.samplers.parent_based",
        "extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig",
        wrapped_sampler=typed(
            "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
            "extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig",
            sampling_percentage={
                "numerator": round(proxy.sampling_percentage * 10_000),
                "denominator": "MILLION",
            },
        ),
    )
    resource = typed(
        "envoy.tracers.opentelemetry.resource_detectors.static_config",
        "extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig",
        attributes={semconv.PROXY_ROLE: listener.role.value},
    )
    return {
        "spawn_upstream_span": True,
        "provider": typed(
            "envoy.tracers.opentelemetry",
            "config.trace.v3.OpenTelemetryConfig",
            **_exporter(proxy.collector, "/v1/traces"),
            service_name=proxy.service,
            resource_detectors=[resource],
            sampler=sampler,
        ),
    }


def access_log(proxy: Proxy, listener: Listener) -> Json:
    """The access logger: every field, with the ids of the caller's span and of the attempt's."""
    body = "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%"
    return _logger(proxy, listener, body, request_fields(proxy))


def request_fields(proxy: Proxy) -> Mapping[str, str]:
    """semconv.ACCESS_LOG_FIELDS and what filters found out, named as the store names what ALS says of it by itself."""
    return (
        semconv.ACCESS_LOG_FIELDS
        | {f"metadata.{it.replace(':', '.')}": f"%DYNAMIC_METADATA({it})%" for it in proxy.metadata}
        | {f"filter_state.{it}": f"%FILTER_STATE({it}:PLAIN)%" for it in proxy.filter_state}
    )


def attempt_log(proxy: Proxy, listener: Listener) -> Json:
    """The logger for the router's `upstream_log`: one record an attempt, with the ids that the attempt sent."""
    body = "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% attempt %RESPONSE_CODE%"
    return _logger(proxy, listener, body, attempt_fields(listener))


def attempt_fields(listener: Listener) -> Mapping[str, str]:
    """semconv.ATTEMPT_LOG_FIELDS that this listener knows."""
    if counts_attempts(listener):
        return semconv.ATTEMPT_LOG_FIELDS
    return {
        name: value for name, value in semconv.ATTEMPT_LOG_FIELDS.items() if name != "upstream_request_attempt_count"
    }


def counts_attempts(listener: Listener) -> bool:
    """Whether x-envoy-attempt-count is this proxy's: an inbound one leaves its caller's, or each hop would say 1."""
    return listener.role is not Role.SIDECAR_INBOUND


def _logger(proxy: Proxy, listener: Listener, body: str, fields: Mapping[str, str]) -> Json:
    collector = proxy.collector
    resource = {"service.name": proxy.service} if proxy.service else {}
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
    return typed(
        "envoy.access_loggers.open_telemetry",
        "extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
        **transport,
        body={"string_value": body},
        attributes=_key_values(fields),
        resource_attributes=_key_values({**resource, semconv.PROXY_ROLE: listener.role.value}),
    )


def _key_values(values: Mapping[str, str]) -> Json:
    return {"values": [{"key": key, "value": {"string_value": value}} for key, value in values.items()]}


def _exporter(collector: Collector, path: str) -> Json:
    if collector.protocol == "grpc":
        return {"grpc_service": {"envoy_grpc": {"cluster_name": collector.cluster}, "timeout": "5s"}}
    uri = f"http://{collector.address.host}:{collector.address.port}{path}"
    return {"http_service": {"http_uri": {"uri": uri, "cluster": collector.cluster, "timeout": "5s"}}}
