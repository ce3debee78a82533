"""A fake: an Envoy's bootstrap such as Istio's control plane would write it, and how it applies EnvoyFilters to it.

There is no cluster here. What is Istio's: provider and Telemetry turned into tracing and access log, the filters that
stand in every proxy, attempt counts on. The patches are merged as its documentation says, and the real Envoy runs it.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from weftline.deploy.envoy.extension import TYPE, typed

Json = dict[str, Any]
MANAGER = "envoy.filters.network.http_connection_manager"


def istio_bootstrap(
    *,
    port: int,
    admin: int,
    upstream: int,
    collector: int,
    collector_cluster: str,
    mesh_config: Json,
    telemetry: Json,
    gateway: bool,
) -> Json:
    """One listener on ``port``, everything to ``upstream``; the ports are on loopback."""
    return {
        "node": {"id": "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local", "cluster": "cart"},
        "admin": {"address": _address(admin)},
        "layered_runtime": {
            "layers": [{"name": "test", "static_layer": {"tracing.opentelemetry.flush_interval_ms": 100}}]
        },
        "static_resources": {
            "listeners": [
                {
                    "name": "listener",
                    "address": _address(port),
                    "filter_chains": [
                        {"filters": [_manager(collector_cluster, mesh_config, telemetry, gateway=gateway)]}
                    ],
                }
            ],
            "clusters": [_cluster("app", upstream), _cluster(collector_cluster, collector, http2=True)],
        },
    }


def _manager(collector_cluster: str, mesh_config: Json, telemetry: Json, *, gateway: bool) -> Json:
    traces, logs = mesh_config["meshConfig"]["extensionProviders"]
    assert "opentelemetry" in traces
    [tracing] = telemetry["spec"]["tracing"]
    provider = logs["envoyOtelAls"]
    grpc_service = {"envoy_grpc": {"cluster_name": collector_cluster}}
    labels = provider["logFormat"]["labels"]
    access_log = typed(
        "envoy.access_loggers.open_telemetry",
        "extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
        common_config={
            "log_name": provider["logName"],
            "transport_api_version": "V3",
            "grpc_service": grpc_service,
            "buffer_flush_interval": "0.1s",
        },
        body={"string_value": provider["logFormat"]["text"]},
        attributes={"values": [{"key": key, "value": {"string_value": value}} for key, value in labels.items()]},
    )
    return typed(
        MANAGER,
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="listener",
        use_remote_address=gateway,
        request_id_extension={
            "typed_config": {
                "@type": f"{TYPE}extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "use_request_id_for_trace_sampling": True,
            }
        },
        tracing={
            "client_sampling": {"value": 100.0},
            "random_sampling": {"value": tracing["randomSamplingPercentage"]},
            "overall_sampling": {"value": 100.0},
            "custom_tags": [
                {"tag": name, "value": tag["formatter"]["value"]} for name, tag in tracing["customTags"].items()
            ],
            "provider": typed(
                "envoy.tracers.opentelemetry",
                "config.trace.v3.OpenTelemetryConfig",
                grpc_service=grpc_service,
                service_name="cart",
            ),
        },
        access_log=[access_log],
        http_filters=[
            typed("envoy.filters.http.cors", "extensions.filters.http.cors.v3.Cors"),
            typed("envoy.filters.http.fault", "extensions.filters.http.fault.v3.HTTPFault"),
            typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router"),
        ],
        route_config={
            "name": "listener",
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "include_request_attempt_count": True,
                    "routes": [
                        {
                            "name": "default",
                            "match": {"prefix": "/busy-once"},
                            "route": {"cluster": "app", "retry_policy": {"retry_on": "5xx", "num_retries": 2}},
                        },
                        {"name": "refused", "match": {"prefix": "/refused"}, "direct_response": {"status": 403}},
                        {"name": "default", "match": {"prefix": "/app"}, "route": {"cluster": "app"}},
                    ],
                }
            ],
        },
    )


def apply(envoy_filter: Json, context: str, bootstrap: Json) -> Json:
    """The bootstrap with the patches for ``context`` applied in order."""
    patched = copy.deepcopy(bootstrap)
    [listener] = patched["static_resources"]["listeners"]
    [manager] = listener["filter_chains"][0]["filters"]
    for patch in envoy_filter["spec"]["configPatches"]:
        if patch["match"]["context"] == context:
            _apply(patch, manager)
    return patched


def _apply(patch: Json, manager: Json) -> None:
    where = patch["match"].get("waypoint") or patch["match"]["listener"]["filterChain"]
    assert where["filter"]["name"] == manager["name"]
    sub_filter = where["filter"].get("subFilter", {}).get("name")
    filters = manager["typed_config"]["http_filters"]
    operation, value = patch["patch"]["operation"], copy.deepcopy(patch["patch"]["value"])
    match patch["applyTo"], operation:
        case "NETWORK_FILTER", "MERGE":
            _merge(manager["typed_config"], value["typed_config"])
        case "HTTP_FILTER", "MERGE":
            [target] = [it for it in filters if it["name"] == sub_filter]
            _merge(target["typed_config"], value["typed_config"])
        case "HTTP_FILTER", "INSERT_FIRST":
            filters.insert(0, value)
        case other:
            raise AssertionError(other)


def _merge(into: Json, what: Mapping[str, Any]) -> None:
    """Protobuf's merge: messages field by field, lists joined, everything else (an Any is bytes) replaced."""
    for name, value in what.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict) and name != "typed_config":
            _merge(into[name], value)
        elif isinstance(value, list):
            into.setdefault(name, []).extend(value)
        else:
            into[name] = value


def contexts(envoy_filter: Json) -> Iterable[str]:
    return dict.fromkeys(patch["match"]["context"] for patch in envoy_filter["spec"]["configPatches"])


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int, *, http2: bool = False) -> Json:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    cluster: Json = {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}
    if http2:
        cluster["typed_extension_protocol_options"] = {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return cluster
