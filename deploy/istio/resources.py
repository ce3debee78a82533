"""Everything an Istio mesh needs to take part, as data: file name -> its resources. Pure; `command.py` prints it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weftline.agent import semconv
from weftline.deploy.envoy.proxy import Address, Collector, Role

from .envoy_filter import CONTEXTS, KEPT_ROLE, access_log_labels, envoy_filter

Resource = dict[str, Any]

TRACES, LOGS = "weftline-traces", "weftline-logs"
GATEWAY_API = "gateway.networking.k8s.io"
WAYPOINTS = [{"group": GATEWAY_API, "kind": "GatewayClass", "name": "istio-waypoint"}]


@dataclass(frozen=True, slots=True)
class Mesh:
    """``collector``: the Kubernetes service that gets spans and access logs, OTLP over gRPC, by its full name.

    ``edge`` and ``gateways``: a label of the pods that clients meet, and of egress and east-west gateways.
    ``sampling``: percentage of the traces that begin at the edge; what is behind it follows the edge.
    ``image``: where the proxy-wasm module lies, if it is used.
    """

    collector: Address
    root_namespace: str = "istio-system"
    edge_namespace: str = "istio-ingress"
    edge: tuple[str, str] = ("istio", "ingressgateway")
    gateways: tuple[str, str] = ("istio", "egressgateway")
    sampling: float = 5.0
    trusted: bool = False
    image: str = "oci://registry.example.com/weftline/propagator:0.1.0"


def files(mesh: Mesh) -> Mapping[str, tuple[str, list[Resource]]]:
    """Name of the ready file -> what to do with it, and its documents."""
    return {
        "mesh-config": ("helm upgrade istiod istio/istiod -n istio-system --reuse-values -f", [_mesh_config(mesh)]),
        "telemetry": ("kubectl apply -f", _telemetry(mesh)),
        "gateways": ("kubectl apply -f", _gateways(mesh)),
        "sidecars": ("kubectl apply -f", [_sidecars(mesh)]),
        "waypoints": ("kubectl apply -f", _waypoints(mesh)),
        "wasm-plugin": ("instead of gateways, sidecars and waypoints: kubectl apply -f", _wasm_plugins(mesh)),
        "gateway-api": ("an example, kubectl apply -f", _gateway_api(mesh)),
    }


def _mesh_config(mesh: Mesh) -> Resource:
    where = {"service": mesh.collector.host, "port": mesh.collector.port}
    text = "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%\n"
    log = {**where, "logName": "weftline", "logFormat": {"text": text, "labels": access_log_labels()}}
    return {
        "meshConfig": {
            "enableTracing": True,
            # node.cluster, and so the service of spans and access logs: the name that the application's own agent uses.
            "defaultConfig": {"tracingServiceName": "CANONICAL_NAME_ONLY"},
            "extensionProviders": [
                {"name": TRACES, "opentelemetry": {**where}},
                {"name": LOGS, "envoyOtelAls": log},
            ],
        }
    }


def _telemetry(mesh: Mesh) -> list[Resource]:
    """The edge decides by ratio. Behind it 100: Envoy then does as the caller's traceparent says."""
    everywhere: Resource = _recorded(100.0)
    at_the_edge: Resource = {"selector": {"matchLabels": dict([mesh.edge])}, **_recorded(mesh.sampling)}
    return [
        _resource("telemetry.istio.io/v1", "Telemetry", "weftline", mesh.root_namespace, everywhere),
        _resource("telemetry.istio.io/v1", "Telemetry", "weftline-edge", mesh.edge_namespace, at_the_edge),
    ]


def _recorded(sampling: float) -> Resource:
    """Spans, with the role of the listener that made them, and access logs."""
    tracing = {
        "providers": [{"name": TRACES}],
        "randomSamplingPercentage": sampling,
        "customTags": {semconv.PROXY_ROLE: {"formatter": {"value": KEPT_ROLE}}},
    }
    return {"tracing": [tracing], "accessLogging": [{"providers": [{"name": LOGS}]}]}


def _collector(mesh: Mesh) -> Collector:
    """By the name that Istio gives a service's cluster in its proxies."""
    return Collector(mesh.collector, "grpc", cluster=f"outbound|{mesh.collector.port}||{mesh.collector.host}")


def _gateways(mesh: Mesh) -> list[Resource]:
    def selected(label: tuple[str, str]) -> Resource:
        return {"workloadSelector": {"labels": dict([label])}}

    def one(name: str, namespace: str, role: Role, label: tuple[str, str], *, trusted: bool) -> Resource:
        roles = {role: CONTEXTS[role]}
        return envoy_filter(name, namespace, roles, _collector(mesh), selected(label), trusted=trusted)

    return [
        one("weftline-edge", mesh.edge_namespace, Role.EDGE, mesh.edge, trusted=mesh.trusted),
        one("weftline-gateways", mesh.root_namespace, Role.GATEWAY, mesh.gateways, trusted=True),
    ]


def _sidecars(mesh: Mesh) -> Resource:
    roles = {role: CONTEXTS[role] for role in (Role.SIDECAR_INBOUND, Role.SIDECAR_OUTBOUND)}
    return envoy_filter("weftline-sidecars", mesh.root_namespace, roles, _collector(mesh), {}, trusted=True)


def _waypoints(mesh: Mesh) -> list[Resource]:
    """Waypoints take policies by targetRefs only; in the root namespace, their class means all of them."""
    target = {"targetRefs": WAYPOINTS}
    telemetry: Resource = {**target, **_recorded(100.0)}
    roles = {Role.GATEWAY: "WAYPOINT"}
    return [
        envoy_filter("weftline-waypoints", mesh.root_namespace, roles, _collector(mesh), target, trusted=True),
        _resource("telemetry.istio.io/v1", "Telemetry", "weftline-waypoints", mesh.root_namespace, telemetry),
    ]


def _wasm_plugins(mesh: Mesh) -> list[Resource]:
    """The module in every proxy. At the edge it stands behind that of all gateways, so that its word is the last."""

    def one(name: str, namespace: str, where: Resource, priority: int, **settings: Any) -> Resource:
        spec = {**where, "url": mesh.image, "phase": "AUTHN", "priority": priority, "pluginConfig": settings}
        return _resource("extensions.istio.io/v1alpha1", "WasmPlugin", name, namespace, spec)

    root = mesh.root_namespace
    edge: Resource = {"selector": {"matchLabels": dict([mesh.edge])}}
    gateways: Resource = {"selector": {"matchLabels": dict([mesh.gateways])}}
    decides = {"trusted": mesh.trusted, "sampling": mesh.sampling}
    return [
        one("weftline-inbound", root, {"match": [{"mode": "SERVER"}]}, 20, role=Role.SIDECAR_INBOUND.value),
        # Mode CLIENT is every gateway's, too.
        one("weftline-outbound", root, {"match": [{"mode": "CLIENT"}]}, 20, role=Role.SIDECAR_OUTBOUND.value),
        one("weftline-gateways", root, gateways, 10, role=Role.GATEWAY.value),
        one("weftline-edge", mesh.edge_namespace, edge, 10, role=Role.EDGE.value, **decides),
        one("weftline-waypoints", root, {"targetRefs": WAYPOINTS}, 10, role=Role.GATEWAY.value),
    ]


def _gateway_api(mesh: Mesh) -> list[Resource]:
    """A gateway whose pods carry the edge's label, so that what is for the edge is for it too."""
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    gateway: Resource = {
        "gatewayClassName": "istio",
        "infrastructure": {"labels": dict([mesh.edge])},
        "listeners": [listener],
    }
    route: Resource = {
        "parentRefs": [{"name": "shop", "namespace": mesh.edge_namespace}],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/checkout"}}],
                "backendRefs": [{"name": "cart", "port": 8080}],
            }
        ],
    }
    return [
        _resource(f"{GATEWAY_API}/v1", "Gateway", "shop", mesh.edge_namespace, gateway),
        _resource(f"{GATEWAY_API}/v1", "HTTPRoute", "cart", "shop", route),
    ]


def _resource(api: str, kind: str, name: str, namespace: str, spec: Resource) -> Resource:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
