"""A small mesh for Istio's control plane where there is no cluster: all on loopback, and no traffic redirected."""

from collections.abc import Mapping
from typing import Any

from support.four_ways import cluster
from weftline.deploy.envoy.proxy import Address
from weftline.deploy.local.ports import HOST, free_port

Json = dict[str, Any]


def xds_bootstrap(kind: str, name: str, namespace: str, labels: Mapping[str, str], control_plane: int) -> Json:
    """Of a proxy that gets everything from Istio's control plane: ``kind`` sidecar or router, nothing redirected to it."""
    return {
        "node": {
            "id": f"{kind}~{HOST}~{name}-1.{namespace}~{namespace}.svc.cluster.local",
            "cluster": name,
            "metadata": {
                "CLUSTER_ID": "Kubernetes", "INTERCEPTION_MODE": "NONE", "LABELS": dict(labels), "NAME": f"{name}-1",
                "NAMESPACE": namespace,
            },
        },
        "admin": {"address": {"socket_address": {"address": HOST, "port_value": free_port()}}},
        "dynamic_resources": {
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "static_resources": {"clusters": [cluster("xds-grpc", control_plane, http2=True)]},
        "layered_runtime": {
            "layers": [{"name": "test", "static_layer": {"tracing.opentelemetry.flush_interval_ms": 100}}]
        },
    }  # fmt: skip


def _resource(kind: str, name: str, namespace: str, spec: Json, group: str = "networking.istio.io/v1") -> Json:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


WITHOUT_TLS = _resource(
    "PeerAuthentication", "default", "istio-system", {"mtls": {"mode": "DISABLE"}}, "security.istio.io/v1"
)
"""Nobody is here who would give proxies certificates."""


def service(name: str, namespace: str, host: str, port: int, to: int, protocol: str = "HTTP") -> Json:
    """``host:port`` is the loopback's port ``to``; workloads have the label app=``name``."""
    endpoint = {"address": HOST, "ports": {"main": to}, "labels": {"app": name}}
    ports = [{"number": port, "name": "main", "protocol": protocol}]
    return _resource(
        "ServiceEntry",
        name,
        namespace,
        {"hosts": [host], "ports": ports, "resolution": "STATIC", "endpoints": [endpoint]},
    )


def collector_service(collector: Address, to: int) -> Json:
    return service("weftline-edge", "weftline", collector.host, collector.port, to, "GRPC")


def sidecar(name: str, namespace: str, *, inbound: int, outbound: int, application: int) -> Json:
    """A proxy that listens on two ports of the loopback, for calls of ``application`` and for calls it makes."""

    def port(number: int) -> Json:
        return {"port": {"number": number, "protocol": "HTTP", "name": "http"}, "bind": HOST, "captureMode": "NONE"}

    spec = {
        "workloadSelector": {"labels": {"app": name}},
        "ingress": [{**port(inbound), "defaultEndpoint": f"{HOST}:{application}"}],
        # The second is for the collector: without it Istio gives the proxy no cluster for its logs and spans.
        "egress": [{**port(outbound), "hosts": ["*/*"]}, {"hosts": ["*/*"]}],
    }
    return _resource("Sidecar", name, namespace, spec)


def gateway(name: str, namespace: str, labels: Mapping[str, str], port: int, host: str, to: int) -> list[Json]:
    """A gateway on the loopback's ``port`` that sends /app to ``host:to`` and knows no other path."""
    server = {"port": {"number": port, "name": "http", "protocol": "HTTP"}, "bind": HOST, "hosts": ["*"]}
    destination = {"destination": {"host": host, "port": {"number": to}}}
    routes = {
        "hosts": ["*"],
        "gateways": [f"{namespace}/{name}"],
        "http": [{"match": [{"uri": {"prefix": "/app"}}], "route": [destination]}],
    }
    return [
        _resource("Gateway", name, namespace, {"selector": dict(labels), "servers": [server]}),
        _resource("VirtualService", name, namespace, routes),
    ]
