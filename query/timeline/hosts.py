"""Which rows share a clock: one per host, or per pod. Pure.

OpenTelemetry's resource names an application's host, Envoy's node id names its proxy; which proxy and which application
share a pod is seen by who caused what: an inbound proxy calls its own application, and that calls its own outbound one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from weftline.agent.semconv import PROXY_ROLE
from weftline.collector.store.protocol import AccessLogRow, Row, SpanRow

HOST_ATTRIBUTES: Final = ("host.id", "host.name", "k8s.pod.name")
"""OpenTelemetry's resource attributes that name what has a clock of its own, best first."""
INBOUND: Final = "sidecar-inbound"
OUTBOUND: Final = "sidecar-outbound"

Name = tuple[str, ...]
"""``("host", name)``, ``("proxy", service, node id or role)`` or ``("service", service)`` where nothing names a
host."""


def role_of(row: Row) -> str:
    """The role of the proxy that wrote the row; '' for an application's, and for a proxy that says none."""
    if isinstance(row, AccessLogRow):
        return row.proxy_role
    return (row.resource.get(PROXY_ROLE) or row.attributes.get(PROXY_ROLE, "")) if isinstance(row, SpanRow) else ""


def hosts(rows: Sequence[Row], parents: Sequence[int | None], own_span: Mapping[int, int]) -> list[int]:
    """For each row the number of its clock, counted from 0 in order of appearance."""
    names = [_name(row) for row in rows]
    shared: dict[Name, Name] = {name: name for name in names}

    def chief(name: Name) -> Name:
        while (above := shared[name]) != name:
            shared[name] = shared[above]
            name = above
        return name

    for position, parent in enumerate(parents):
        if parent is None or names[position] == names[parent]:
            continue
        if own_span.get(position) == parent or _share(rows[parent], rows[position], names[parent], names[position]):
            one, other = sorted((chief(names[parent]), chief(names[position])))
            # A host's name stays the group's: it sorts before the others.
            shared[other] = one
    _give_the_nameless_to_the_only_one(names, rows, shared, chief)
    numbers: dict[Name, int] = {}
    return [numbers.setdefault(chief(name), len(numbers)) for name in names]


def _name(row: Row) -> Name:
    for attribute in HOST_ATTRIBUTES:
        if found := row.resource.get(attribute):
            return ("host", found)
    if isinstance(row, AccessLogRow) and row.node_id:
        # Istio's node id: sidecar~10.1.2.3~cart-5d9f.shop~shop.svc.cluster.local
        parts = row.node_id.split("~")
        pod = parts[2].rpartition(".")[0] if len(parts) == 4 else ""
        return ("host", pod) if pod else ("proxy", row.service, row.node_id)
    if isinstance(row, AccessLogRow) or role_of(row):
        return ("proxy", row.service, role_of(row))
    return ("service", row.service)


def _share(parent: Row, child: Row, above: Name, below: Name) -> bool:
    """Whether a row and what it caused were written in one pod."""
    if parent.service != child.service or (above[0] == below[0] == "host"):
        return False
    caller, called = role_of(parent), role_of(child)
    if above[0] == below[0] == "proxy":
        return (caller, called) == (INBOUND, OUTBOUND) or (
            caller == called and len({above[2], below[2]} - {caller}) < 2
        )
    return caller != OUTBOUND and called != INBOUND


def _give_the_nameless_to_the_only_one(
    names: Sequence[Name], rows: Sequence[Row], shared: dict[Name, Name], chief: Callable[[Name], Name]
) -> None:
    """Rows of a service that name no host are those of the service's only host, where it has only one."""
    of_service: dict[str, set[Name]] = {}
    for name, row in zip(names, rows, strict=True):
        if not role_of(row) and name[0] == "host":
            of_service.setdefault(row.service, set()).add(chief(name))
    for service, chiefs in of_service.items():
        nameless: Name = ("service", service)
        if nameless in shared and len(chiefs) == 1:
            shared[chief(nameless)] = chiefs.pop()
