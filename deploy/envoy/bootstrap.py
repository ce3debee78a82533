"""A proxy described in a few words -> Envoy's bootstrap. Pure; `local/envoy.py` runs the result.

What a listener's requests meet is in http_connection_manager.py: a `traceparent` that isn't W3C's is dropped before it
can switch tracing off; the tracer starts; `x-transaction-id` is set to the trace id by the first filter, so that what
this proxy answers itself (no route, rate limit) carries it too; every request is logged with the ids of the caller's
span and of the upstream attempt's, whether or not the trace is sampled.
"""

from .extension import Json, append_header, typed
from .http_connection_manager import additions, http_connection_manager, router
from .proxy import Address, Als, Cluster, Proxy

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(proxy: Proxy) -> Json:
    """Envoy's bootstrap as JSON data."""
    return {
        "node": {"id": proxy.node_id, "cluster": proxy.service},
        "admin": {"address": _socket_address(proxy.admin)},
        # Envoy's own value is 5 s: too long for somebody who looks a request up after it failed.
        "layered_runtime": {
            "layers": [{"name": "weftline", "static_layer": {"tracing.opentelemetry.flush_interval_ms": 250}}]
        },
        "static_resources": {
            "listeners": [
                {
                    # Names must differ; one proxy may have several listeners of a role.
                    "name": f"{listener.role.value}-{listener.address.port}",
                    "address": _socket_address(listener.address),
                    "filter_chains": [{"filters": [http_connection_manager(proxy, listener)]}],
                }
                for listener in proxy.listeners
            ],
            "clusters": [*map(_cluster, proxy.clusters), *_weftline_clusters(proxy)],
        },
    }


def snippet(proxy: Proxy) -> Json:
    """What an Envoy that is configured already must add: to its HTTP connection manager, its router, its clusters.

    ``proxy`` has one listener; its address and routes don't matter.
    """
    (listener,) = proxy.listeners
    return {
        "http_connection_manager": additions(proxy, listener),
        "router": router(proxy, listener),
        "clusters": _weftline_clusters(proxy),
    }


def _socket_address(address: Address) -> Json:
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _cluster(cluster: Cluster) -> Json:
    endpoints = [{"endpoint": {"address": _socket_address(address)}} for address in cluster.endpoints]
    options = {}
    if cluster.connection_per_request:
        options = _http_options(
            common_http_protocol_options={"max_requests_per_connection": 1},
            explicit_http_config={"http_protocol_options": {}},
        )
    return {
        "name": cluster.name,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": cluster.name, "endpoints": [{"lb_endpoints": endpoints}]},
        **options,
    }


def _http_options(**options: Json) -> Json:
    return {
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {"@type": f"type.googleapis.com/{_HTTP_OPTIONS}", **options},
        }
    }


def _weftline_clusters(proxy: Proxy) -> list[Json]:
    """Those that spans and access logs go to; each name once."""
    collector = proxy.collector
    speaks_grpc = {collector.cluster: collector.protocol == "grpc"}
    addresses = {collector.cluster: collector.address}
    for way in proxy.access_logs:
        if isinstance(way, Als):
            speaks_grpc[way.cluster], addresses[way.cluster] = True, way.address
    return [
        _cluster(Cluster(name, (address,))) | _protocol(proxy, grpc=speaks_grpc[name])
        for name, address in addresses.items()
    ]


def _protocol(proxy: Proxy, *, grpc: bool) -> Json:
    """How a cluster of weftline's is spoken to, and with which token.

    The token is added here, for every tracer and logger alike: of a gRPC service's `initial_metadata` 1.40 sends the
    words `%ENVIRONMENT(...)%` themselves, so that it would have to be written there.
    """
    if not grpc and not proxy.token_env:
        return {}
    options: Json = {"explicit_http_config": {"http2_protocol_options" if grpc else "http_protocol_options": {}}}
    if proxy.token_env:
        bearer = f"Bearer %ENVIRONMENT({proxy.token_env})%"
        header = append_header("authorization", bearer, "OVERWRITE_IF_EXISTS_OR_ADD")
        options["http_filters"] = [
            typed(
                "envoy.filters.http.header_mutation",
                "extensions.filters.http.header_mutation.v3.HeaderMutation",
                mutations={"request_mutations": [header]},
            ),
            typed("envoy.filters.http.upstream_codec", "extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
        ]
    return _http_options(**options)
