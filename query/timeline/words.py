"""Names of proxies and of what they call, as people say them. Pure."""

from typing import Final

from weftline.collector.store.event_kinds import meanings
from weftline.query.timeline.flags import UPSTREAM

ROLES: Final = {"sidecar-inbound": "inbound proxy", "sidecar-outbound": "outbound proxy"}


def proxy_name(service: str, role: str) -> str:
    """``cart's outbound proxy``; ``edge proxy`` where the proxy is a service of its own."""
    if role in ROLES:
        return f"{service}'s {ROLES[role]}"
    return f"{service} proxy" if role in ("", service) else f"{service} {role} proxy"


def upstream_name(cluster: str) -> str:
    """What a cluster stands for, in words: Istio's ``outbound|9080|v1|reviews.shop.svc.cluster.local`` is its host."""
    if cluster.startswith("inbound|"):
        return "the application"
    return (cluster.rsplit("|", 1)[-1] if "|" in cluster else cluster) or UPSTREAM


def explain(reason: str, cluster: str) -> str:
    """Flags or a detail in words."""
    return "; ".join(dict.fromkeys(it.text.format(upstream=upstream_name(cluster)) for it in meanings(reason)))
