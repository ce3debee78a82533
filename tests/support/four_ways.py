"""One real Envoy that writes every access log four ways at once: OTLP over gRPC and HTTP, gRPC ALS, and a file."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weftline.agent import semconv
from weftline.deploy.envoy import access_loggers
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.export import access_log, attempt_log, request_fields
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.ports import HOST, free_port

Json = dict[str, Any]
GRPC = "weftline_grpc"
WAYS = ("otlp_http", "otlp_grpc", "als", "file")
TYPE = "type.googleapis.com/envoy.extensions."


@dataclass(frozen=True, slots=True)
class Ways:
    """What writes logs, and which of the ways it takes."""

    proxy: Proxy
    over_grpc: Proxy
    folder: Path
    ways: Sequence[str] = WAYS

    def loggers(self, listener: Listener, *, attempts: bool = False, tcp: bool = False) -> list[Json]:
        fields = semconv.ATTEMPT_LOG_FIELDS if attempts else request_fields(self.proxy)
        otlp = attempt_log if attempts else access_log
        made = {
            "otlp_http": otlp(self.proxy, listener),
            "otlp_grpc": _through(otlp(self.over_grpc, listener)),
            "als": access_loggers.als(self.proxy, listener, GRPC, fields, tcp=tcp),
            "file": access_loggers.file(self.proxy, listener, str(self.log), fields),
        }
        return [made[way] for way in self.ways]

    @property
    def log(self) -> Path:
        return self.folder / "access.log"


def _through(logger: Json) -> Json:
    logger = copy.deepcopy(logger)
    # No column has the body. Without the difference both OTLP requests are the same bytes, and stored once.
    logger["typed_config"]["body"]["string_value"] += " over gRPC"
    logger["typed_config"]["common_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] = GRPC
    return logger


def cluster(name: str, port: int, *, http2: bool = False, **more: Any) -> Json:
    out: Json = {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": HOST, "port_value": port}}}}]}
            ],
        },
        **more,
    }
    if http2:
        options = "upstreams.http.v3.HttpProtocolOptions"
        out["typed_extension_protocol_options"] = {
            f"envoy.extensions.{options}": {
                "@type": TYPE + options,
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return out


def network_listener(name: str, port: int, filters: Sequence[Json], **more: Any) -> Json:
    return {
        "name": name,
        "address": {"socket_address": {"address": HOST, "port_value": port}},
        "filter_chains": [{"filters": list(filters)}],
        **more,
    }


def make(
    folder: Path,
    *,
    edge_http: int,
    edge_grpc: int,
    port: int,
    routes: Sequence[Route],
    upstreams: Mapping[str, int],
    ways: Sequence[str] = WAYS,
    role: Role = Role.EDGE,
    metadata: tuple[str, ...] = (),
    filter_state: tuple[str, ...] = (),
) -> tuple[Json, Ways, Listener]:
    """A bootstrap with an HTTP listener on ``port``, how it logs, and its listener, for more listeners to be added."""
    listener = Listener(role, Address(HOST, port), tuple(routes))
    clusters = tuple(Cluster(name, (Address(HOST, at),)) for name, at in upstreams.items())
    admin = Address(HOST, free_port())

    def proxy(collector: Collector) -> Proxy:
        return Proxy(
            "shop", "edge-1", admin, collector, (listener,), clusters, metadata=metadata, filter_state=filter_state
        )

    how = Ways(
        proxy(Collector(Address(HOST, edge_http))), proxy(Collector(Address(HOST, edge_grpc), "grpc")), folder, ways
    )
    config = bootstrap(how.proxy)
    assert any(it["name"] == how.proxy.collector.cluster for it in config["static_resources"]["clusters"])
    config["static_resources"]["clusters"].append(cluster(GRPC, edge_grpc, http2=True))
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["access_log"] = how.loggers(listener)
    manager["http_filters"][-1]["typed_config"]["upstream_log"] = how.loggers(listener, attempts=True)
    return config, how, listener
