"""The Envoy of the benchmark: logs each request the chosen ways; its upstream is a listener of its own that answers 200."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weftline.deploy.envoy import access_loggers
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.export import access_log
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

WAYS = ("otlp_http", "otlp_grpc", "envoy_als", "file")
GRPC = "weftline_grpc"


def envoy(folder: Path, ways: Sequence[str], *, edge_http: int, edge_grpc: int, port: int) -> Envoy:
    """Unsampled, so that access logs are all it sends; each way has its name as log_name. Not started."""
    upstream = free_port()
    listener = Listener(Role.EDGE, Address(HOST, port), (Route("all", "/", "upstream"),))
    clusters = (Cluster("upstream", (Address(HOST, upstream),)),)
    admin = Address(HOST, free_port())

    def proxy(collector: Collector) -> Proxy:
        return Proxy("shop", "edge-1", admin, collector, (listener,), clusters, sampling_percentage=0)

    over_http, over_grpc = (
        proxy(Collector(Address(HOST, edge_http))),
        proxy(Collector(Address(HOST, edge_grpc), "grpc")),
    )
    config = bootstrap(over_http)
    resources = config["static_resources"]
    [grpc] = [
        it for it in bootstrap(over_grpc)["static_resources"]["clusters"] if it["name"] == over_grpc.collector.cluster
    ]
    resources["clusters"].append(
        {**grpc, "name": GRPC, "load_assignment": {**grpc["load_assignment"], "cluster_name": GRPC}}
    )
    loggers = {
        "otlp_http": access_log(over_http, listener),
        "otlp_grpc": access_log(over_grpc, listener),
        "envoy_als": access_loggers.als(over_http, listener, GRPC),
        "file": access_loggers.file(over_http, listener, str(folder / "access.log")),
    }
    loggers["otlp_http"]["typed_config"]["log_name"] = "otlp_http"
    loggers["otlp_grpc"]["typed_config"]["common_config"]["log_name"] = "otlp_grpc"
    loggers["otlp_grpc"]["typed_config"]["common_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] = GRPC
    for way in ("otlp_http", "otlp_grpc"):
        loggers[way]["typed_config"]["stat_prefix"] = f"{way}."
    loggers["envoy_als"]["typed_config"]["common_config"]["log_name"] = "envoy_als"
    loggers["file"]["typed_config"]["log_format"]["json_format"]["log_name"] = "file"
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["access_log"] = [loggers[way] for way in ways]
    manager["http_filters"][-1]["typed_config"].pop("upstream_log", None)
    resources["listeners"].append(_answering(upstream))
    return Envoy("envoy", folder, config)


def _answering(port: int) -> dict[str, Any]:
    manager = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "upstream",
        "address": {"socket_address": {"address": HOST, "port_value": port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": f"type.googleapis.com/envoy.{manager}",
                            "stat_prefix": "upstream",
                            "route_config": {
                                "virtual_hosts": [
                                    {
                                        "name": "all",
                                        "domains": ["*"],
                                        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                                    }
                                ]
                            },
                            "http_filters": [
                                {
                                    "name": "envoy.filters.http.router",
                                    "typed_config": {
                                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                                    },
                                }
                            ],
                        },
                    }
                ]
            }
        ],
    }
