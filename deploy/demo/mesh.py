"""The shop's proxies: an edge, and beside each service a sidecar with an inbound and an outbound listener. Pure.

client → edge → [inbound → cart → outbound] → [inbound → payment → outbound] → ledger (nothing listens there)
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Retry, Role, Route

HOST = "127.0.0.1"
PAYMENT_TIMEOUT = 1.0
"""Seconds cart's sidecar waits for payment."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port of the shop."""

    edge: int
    cart: int
    cart_inbound: int
    cart_outbound: int
    payment: int
    payment_inbound: int
    payment_outbound: int
    ledger: int
    edge_admin: int
    cart_admin: int
    payment_admin: int

    @classmethod
    def choose(cls, free_port: Callable[[], int]) -> "Ports":
        """All from ``free_port``, without repetition."""
        chosen: dict[int, None] = {}
        while len(chosen) < len(fields(cls)):
            chosen[free_port()] = None
        return cls(*chosen)


def edge(ports: Ports, collector: Collector) -> Proxy:
    """Knows one page; every other path is answered 404 here."""
    return Proxy(
        service="edge",
        node_id="edge-1",
        admin=Address(HOST, ports.edge_admin),
        collector=collector,
        listeners=(
            Listener(
                Role.EDGE,
                Address(HOST, ports.edge),
                (Route("checkout", "/checkout", "cart"),),
            ),
        ),
        clusters=(Cluster("cart", (Address(HOST, ports.cart_inbound),)),),
    )


def cart_sidecar(ports: Ports, collector: Collector) -> Proxy:
    """Retries what payment asks to be retried, and gives payment little time."""
    payment = Route("payment", "/", "payment", timeout=PAYMENT_TIMEOUT, retry=Retry(attempts=1))
    return Proxy(
        service="cart",
        node_id="cart-1",
        admin=Address(HOST, ports.cart_admin),
        collector=collector,
        listeners=(
            Listener(Role.SIDECAR_INBOUND, Address(HOST, ports.cart_inbound), (Route("app", "/", "cart-app"),)),
            Listener(Role.SIDECAR_OUTBOUND, Address(HOST, ports.cart_outbound), (payment,)),
        ),
        clusters=(
            Cluster("cart-app", (Address(HOST, ports.cart),)),
            Cluster("payment", (Address(HOST, ports.payment_inbound),)),
        ),
    )


def payment_sidecar(ports: Ports, collector: Collector) -> Proxy:
    """Its outbound listener leads to a ledger that is down."""
    return Proxy(
        service="payment",
        node_id="payment-1",
        admin=Address(HOST, ports.payment_admin),
        collector=collector,
        listeners=(
            Listener(
                Role.SIDECAR_INBOUND,
                Address(HOST, ports.payment_inbound),
                (Route("app", "/", "payment-app"),),
            ),
            Listener(Role.SIDECAR_OUTBOUND, Address(HOST, ports.payment_outbound), (Route("ledger", "/", "ledger"),)),
        ),
        clusters=(
            # Uvicorn closes the connection after an exception, without saying so in its answer.
            Cluster("payment-app", (Address(HOST, ports.payment),), connection_per_request=True),
            Cluster("ledger", (Address(HOST, ports.ledger),)),
        ),
    )
