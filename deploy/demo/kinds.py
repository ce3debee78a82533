"""The seven kinds of transactions the demo produces, and every row that each must leave behind. Data only.

The driver sends them, waits for exactly these rows, and the end-to-end tests compare with them.
"""

from dataclasses import dataclass
from typing import Literal

APP = ""
"""Proxy role of a span that an application's agent recorded."""

INBOUND = "sidecar-inbound"
OUTBOUND = "sidecar-outbound"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """One proxy's record. ``flags`` is '' for none; ``attempts`` 0 where no upstream was tried."""

    service: str
    role: str
    code: int
    flags: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """A proxy's record of one attempt to reach its upstream. ``number`` is 0 where the proxy doesn't count."""

    service: str
    role: str
    number: int


@dataclass(frozen=True, slots=True)
class Span:
    """One span; ``role`` is the proxy's, or `APP`."""

    service: str
    kind: Literal["server", "client"]
    role: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line an application logged; ``body`` is its text after filling in {order}, or how it begins."""

    service: str
    severity: Literal["INFO", "WARNING", "ERROR"]
    body: str
    exception: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """``case`` tells payment what to do; ``status`` is the client's answer; a transaction has exactly these rows.

    Access logs and log lines stand in the order in which their requests arrive and their lines are written.
    """

    name: str
    story: str
    status: int
    access_logs: tuple[AccessLog, ...]
    log_lines: tuple[LogLine, ...]
    spans: tuple[Span, ...]
    case: str = ""
    path: str = "/checkout"
    sampled: bool = True
    verdict: str = ""
    """First line of the look-up: which hop failed, and why."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """As many as each access log says, numbered from 1 on by all but inbound proxies."""
        return tuple(
            Attempt(log.service, log.role, 0 if log.role == INBOUND else number)
            for log in self.access_logs
            for number in range(1, log.attempts + 1)
        )

    @property
    def rows(self) -> int:
        """How many rows of all kinds."""
        return len(self.access_logs) + len(self.attempts) + len(self.log_lines) + len(self.spans)


def _proxy(service: str, role: str, attempts: int = 1) -> tuple[Span, ...]:
    """A proxy's spans: one for the request it got, one for each attempt it made."""
    return (Span(service, "server", role), *[Span(service, "client", role)] * attempts)


TO_CART = (*_proxy("edge", "edge"), *_proxy("cart", INBOUND), Span("cart", "server", APP), Span("cart", "client", APP))
TO_PAYMENT = (*_proxy("payment", INBOUND), Span("payment", "server", APP))
ONE_ATTEMPT = (*TO_CART, *_proxy("cart", OUTBOUND), *TO_PAYMENT)

CHECKOUT = LogLine("cart", "INFO", "checkout of order {order}")
CHARGING = LogLine("payment", "INFO", "charging order {order}")
CHARGED = LogLine("payment", "INFO", "order {order} is charged")
PAID = LogLine("cart", "INFO", "order {order} is paid")


def _not_paid(status: int) -> LogLine:
    return LogLine("cart", "ERROR", f"order {{order}} is not paid: payment answered {status}")


def _all_the_way(code: int) -> tuple[AccessLog, ...]:
    """Every proxy up to payment passes ``code`` on."""
    return (
        AccessLog("edge", "edge", code),
        AccessLog("cart", INBOUND, code),
        AccessLog("cart", OUTBOUND, code),
        AccessLog("payment", INBOUND, code),
    )


SUCCESS = Kind(
    name="success",
    story="an order is paid",
    status=200,
    access_logs=_all_the_way(200),
    spans=ONE_ATTEMPT,
    log_lines=(CHECKOUT, CHARGING, CHARGED, PAID),
)
APPLICATION_ERROR = Kind(
    name="application error",
    story="payment raises an exception",
    status=500,
    case="declined",
    verdict="payment itself answered with 500",
    access_logs=_all_the_way(500),
    spans=ONE_ATTEMPT,
    log_lines=(
        CHECKOUT,
        CHARGING,
        LogLine("payment", "ERROR", "order {order} can't be charged", exception=True),
        _not_paid(500),
    ),
)
UPSTREAM_DOWN = Kind(
    name="upstream down",
    story="payment's sidecar can't connect to the ledger",
    status=503,
    case="booked",
    verdict="payment's outbound proxy: could not connect to ledger (Connection refused)",
    access_logs=(*_all_the_way(503), AccessLog("payment", OUTBOUND, 503, flags="UF")),
    spans=(*ONE_ATTEMPT, Span("payment", "client", APP), *_proxy("payment", OUTBOUND)),
    log_lines=(
        CHECKOUT,
        CHARGING,
        LogLine("payment", "INFO", "HTTP Request: POST "),  # httpx logs its own requests
        LogLine("payment", "ERROR", "order {order} is not booked: the ledger answered 503"),
        _not_paid(503),
    ),
)
NO_ROUTE = Kind(
    name="no route",
    story="the edge knows no such path",
    status=404,
    path="/no-such-page",
    verdict="edge proxy: no route for this host and path",
    access_logs=(AccessLog("edge", "edge", 404, flags="NR", attempts=0),),
    spans=(Span("edge", "server", "edge"),),
    log_lines=(),
)
TIMEOUT = Kind(
    name="timeout",
    story="payment takes longer than cart's sidecar waits",
    status=504,
    case="slow",
    verdict="cart's outbound proxy: payment was too slow: request timed out; payment's inbound proxy was still waiting",
    access_logs=(
        AccessLog("edge", "edge", 504),
        AccessLog("cart", INBOUND, 504),
        AccessLog("cart", OUTBOUND, 504, flags="UT"),
        AccessLog("payment", INBOUND, 0, flags="DC"),
    ),
    spans=ONE_ATTEMPT,
    log_lines=(
        CHECKOUT,
        CHARGING,
        LogLine("payment", "WARNING", "the card network is slow, waiting for order {order}"),
        _not_paid(504),
        CHARGED,  # payment never learns that nobody waits any more
    ),
)
RETRY = Kind(
    name="retry",
    story="payment is busy, cart's sidecar asks again and succeeds",
    status=200,
    case="busy",
    verdict="cart's outbound proxy: asked payment 2 times; payment itself answered with 503",
    access_logs=(
        AccessLog("edge", "edge", 200),
        AccessLog("cart", INBOUND, 200),
        AccessLog("cart", OUTBOUND, 200, attempts=2),
        AccessLog("payment", INBOUND, 503),
        AccessLog("payment", INBOUND, 200),
    ),
    spans=(*TO_CART, *_proxy("cart", OUTBOUND, attempts=2), *TO_PAYMENT, *TO_PAYMENT),
    log_lines=(
        CHECKOUT,
        CHARGING,
        LogLine("payment", "WARNING", "the card network is busy, order {order} should be sent again"),
        CHARGING,
        CHARGED,
        PAID,
    ),
)
SAMPLED_OUT = Kind(
    name="sampled out",
    story="the client decided against tracing: no span exists",
    status=200,
    sampled=False,
    access_logs=_all_the_way(200),
    spans=(),
    log_lines=(CHECKOUT, CHARGING, CHARGED, PAID),
)

KINDS = (SUCCESS, APPLICATION_ERROR, UPSTREAM_DOWN, NO_ROUTE, TIMEOUT, RETRY, SAMPLED_OUT)
