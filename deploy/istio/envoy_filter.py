"""EnvoyFilters: what Istio's own resources can't say about its proxies' HTTP connection managers. Pure.

Per listener: the sanitizer before the tracer, the transaction ID as the first filter, the caller's traceparent and the
listener's role kept for the access log that MeshConfig describes, a log per upstream attempt. All of it comes from
`deploy/envoy`; only the way it gets into the proxy is Istio's.
"""

from collections.abc import Mapping
from typing import Any

from weftline.agent import semconv
from weftline.deploy.envoy.extension import typed
from weftline.deploy.envoy.http_connection_manager import PARENT, PARENT_STATE, keep, request_id, router, transaction_id
from weftline.deploy.envoy.proxy import Address, Collector, Listener, Proxy, Role
from weftline.deploy.envoy.sanitize import sanitizer

Resource = dict[str, Any]

MANAGER = "envoy.filters.network.http_connection_manager"
ROUTER = "envoy.filters.http.router"
CONTEXTS: Mapping[Role, str] = {
    Role.EDGE: "GATEWAY",
    Role.GATEWAY: "GATEWAY",
    Role.SIDECAR_INBOUND: "SIDECAR_INBOUND",
    Role.SIDECAR_OUTBOUND: "SIDECAR_OUTBOUND",
}
ROLE_STATE = "weftline.role"


def kept(state: str) -> str:
    """Format string of what a filter kept under ``state``: an EnvoyFilter's, or the proxy-wasm module's (`wasm.`)."""
    operators = ",".join(f'{{"command":"FILTER_STATE","param":"{name}:PLAIN"}}' for name in (state, f"wasm.{state}"))
    return f'%COALESCE({{"operators":[{operators}]}})%'


KEPT_ROLE = kept(ROLE_STATE)
"""The listener's role: what describes spans and access logs is one for the whole mesh."""


def envoy_filter(
    name: str,
    namespace: str,
    roles: Mapping[Role, str],
    collector: Collector,
    spec: Mapping[str, Any],
    *,
    trusted: bool,
) -> Resource:
    """The resource that patches listeners of ``roles``, each in its patch context; ``spec`` says which workloads."""
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **spec,
            "configPatches": [
                patch
                for role, context in roles.items()
                for patch in _patches(Listener(role, Address("", 0), (), trusted=trusted), context, collector)
            ],
        },
    }


def _patches(listener: Listener, context: str, collector: Collector) -> list[Resource]:
    proxy = Proxy(service="", node_id="", admin=Address("", 0), collector=collector, listeners=(listener,))
    manager: Resource = {
        "early_header_mutation_extensions": [sanitizer(listener)],
        "request_id_extension": request_id(samples=True),
        # A span id for every attempt: Istio asks for it at gateways only.
        "tracing": {"spawn_upstream_span": True},
    }
    if listener.role is Role.EDGE:
        manager["always_set_request_id_in_response"] = True
    if listener.role is Role.GATEWAY:
        # Istio has every gateway take its callers for outsiders (use_remote_address), and replace their x-request-id.
        manager["preserve_external_request_id"] = True
    return [
        _patch("NETWORK_FILTER", context, "MERGE", _typed_manager(manager)),
        # Inserted at the front one after the other: the last stands first.
        _patch("HTTP_FILTER", context, "INSERT_FIRST", keep({**PARENT, ROLE_STATE: listener.role.value})),
        _patch("HTTP_FILTER", context, "INSERT_FIRST", transaction_id(listener)),
        _patch(
            "HTTP_FILTER",
            context,
            "MERGE",
            typed(ROUTER, "extensions.filters.http.router.v3.Router", **router(proxy, listener)),
            sub_filter=ROUTER,
        ),
    ]


def _typed_manager(fields: Resource) -> Resource:
    message = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return typed(MANAGER, message, **fields)


def _patch(apply_to: str, context: str, operation: str, value: Resource, *, sub_filter: str = "") -> Resource:
    wanted: Resource = {"name": MANAGER}
    if sub_filter:
        wanted["subFilter"] = {"name": sub_filter}
    where = (
        {"waypoint": {"filter": wanted}} if context == "WAYPOINT" else {"listener": {"filterChain": {"filter": wanted}}}
    )
    return {
        "applyTo": apply_to,
        "match": {"context": context, **where},
        "patch": {"operation": operation, "value": value},
    }


def access_log_labels() -> dict[str, str]:
    """What MeshConfig's log provider must send: every field, and the role that the filters kept."""
    return {**semconv.ACCESS_LOG_FIELDS, "parent_traceparent": kept(PARENT_STATE), semconv.PROXY_ROLE: KEPT_ROLE}
