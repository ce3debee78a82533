"""What a proxy's access log says went wrong: the one table of Envoy's response flags and response code details.

The view that fills `events` (schema/*_events_from_access_logs.sql) spells the same table in SQL; a test holds both
against each other for every flag. Sources: Envoy's StreamInfo flags and "response code details" pages, Envoy 1.40.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class EventKind(StrEnum):
    """The governance events of a mesh."""

    CIRCUIT_BREAKING = "circuit_breaking"
    RATE_LIMIT = "rate_limit"
    RETRY = "retry"
    """asked again, and not in vain"""
    RETRY_EXHAUSTION = "retry_exhaustion"
    TIMEOUT = "timeout"
    FAULT_INJECTION = "fault_injection"
    OUTLIER_EJECTION = "outlier_ejection"
    """from Envoy's stats only: a log can't say that a host was ejected, at most that none was left"""
    NO_HEALTHY_UPSTREAM = "no_healthy_upstream"
    """no host left: all ejected, all failing their health checks, or none discovered"""
    AUTHORIZATION_DENIAL = "authorization_denial"
    NO_ROUTE = "no_route"
    UPSTREAM_CONNECT_FAILURE = "upstream_connect_failure"
    UPSTREAM_RESET = "upstream_reset"
    CLIENT_ABORT = "client_abort"
    PROTOCOL_ERROR = "protocol_error"
    OVERLOAD = "overload"
    """load shed by the proxy itself"""
    PROXY_UNREADY = "proxy_unready"
    """health check of the proxy failed, or its configuration hasn't arrived"""


class Blame(StrEnum):
    """Where to look, seen from the proxy that wrote the record."""

    PROXY = "proxy"
    """its own limits, policy or resources"""
    CONFIGURATION = "configuration"
    """what its control plane told it"""
    UPSTREAM = "upstream"
    """the next hop, or the way to it"""
    CALLER = "caller"
    """the hop before"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``text`` has the proxy as its subject; ``{upstream}`` stands for where it sent the request."""

    text: str
    kind: EventKind | None
    blame: Blame


_K, _B = EventKind, Blame

FLAGS: Final = {
    "DC": Meaning("client left before the response", _K.CLIENT_ABORT, _B.CALLER),
    "DF": Meaning("DNS did not resolve {upstream}", _K.UPSTREAM_CONNECT_FAILURE, _B.UPSTREAM),
    "DI": Meaning("delay injected by fault filter", _K.FAULT_INJECTION, _B.CONFIGURATION),
    "DO": Meaning("dropped by load-shedding policy", _K.OVERLOAD, _B.CONFIGURATION),
    "DPE": Meaning("client broke the HTTP protocol", _K.PROTOCOL_ERROR, _B.CALLER),
    "DR": Meaning("client reset the stream", _K.CLIENT_ABORT, _B.CALLER),
    "DT": Meaning("connection reached its maximum duration", _K.TIMEOUT, _B.PROXY),
    "FI": Meaning("error injected by fault filter", _K.FAULT_INJECTION, _B.CONFIGURATION),
    "IH": Meaning("caller sent an invalid x-envoy header", _K.PROTOCOL_ERROR, _B.CALLER),
    "LH": Meaning("local health check failed", _K.PROXY_UNREADY, _B.PROXY),
    "LR": Meaning("proxy reset the connection", _K.UPSTREAM_RESET, _B.PROXY),
    "NC": Meaning("route names an unknown cluster", _K.NO_ROUTE, _B.CONFIGURATION),
    "NFCF": Meaning("filter configuration missing", _K.PROXY_UNREADY, _B.CONFIGURATION),
    "NR": Meaning("no route for this host and path", _K.NO_ROUTE, _B.CONFIGURATION),
    "OM": Meaning("proxy overloaded (overload manager)", _K.OVERLOAD, _B.PROXY),
    "RFCF": Meaning("answered from cache", None, _B.PROXY),
    "RL": Meaning("rate limited by this proxy", _K.RATE_LIMIT, _B.PROXY),
    "RLSE": Meaning("rate limit service failed", _K.RATE_LIMIT, _B.CONFIGURATION),
    "SI": Meaning("stream idle too long while waiting for {upstream}", _K.TIMEOUT, _B.UPSTREAM),
    "UAEX": Meaning("denied by the authorization service", _K.AUTHORIZATION_DENIAL, _B.CONFIGURATION),
    "UC": Meaning("{upstream} closed the connection before answering", _K.UPSTREAM_RESET, _B.UPSTREAM),
    "UDO": Meaning("dropped by load-shedding policy", _K.OVERLOAD, _B.CONFIGURATION),
    "UF": Meaning("could not connect to {upstream}", _K.UPSTREAM_CONNECT_FAILURE, _B.UPSTREAM),
    "UH": Meaning("no healthy host of {upstream}", _K.NO_HEALTHY_UPSTREAM, _B.UPSTREAM),
    "UMSDR": Meaning("{upstream} exceeded the maximum stream duration", _K.TIMEOUT, _B.UPSTREAM),
    "UO": Meaning(
        "circuit breaker open (too many requests or connections to {upstream})", _K.CIRCUIT_BREAKING, _B.PROXY
    ),
    "UPE": Meaning("{upstream} broke the HTTP protocol", _K.PROTOCOL_ERROR, _B.UPSTREAM),
    "UR": Meaning("{upstream} reset the stream", _K.UPSTREAM_RESET, _B.UPSTREAM),
    "URX": Meaning("retries used up", _K.RETRY_EXHAUSTION, _B.UPSTREAM),
    "UT": Meaning("{upstream} was too slow: request timed out", _K.TIMEOUT, _B.UPSTREAM),
}
"""By Envoy's short flag."""

DETAILS: Final = {
    "rbac_access_denied": Meaning("denied by an RBAC policy", _K.AUTHORIZATION_DENIAL, _B.CONFIGURATION),
    "jwt_authn_access_denied": Meaning("denied: no valid JWT", _K.AUTHORIZATION_DENIAL, _B.CALLER),
    "ext_authz_denied": Meaning("denied by the authorization service", _K.AUTHORIZATION_DENIAL, _B.CONFIGURATION),
    "ext_authz_error": Meaning("authorization service failed", _K.AUTHORIZATION_DENIAL, _B.CONFIGURATION),
    "max_duration_timeout": Meaning("{upstream} exceeded the maximum stream duration", _K.TIMEOUT, _B.UPSTREAM),
    "request_overall_timeout": Meaning("caller took too long to send its request", _K.TIMEOUT, _B.CALLER),
    "request_header_timeout": Meaning("caller took too long to send its headers", _K.TIMEOUT, _B.CALLER),
    "reached_concurrency_limit": Meaning("adaptive concurrency limit reached", _K.OVERLOAD, _B.PROXY),
    "denied_by_admission_control": Meaning("dropped by admission control", _K.OVERLOAD, _B.PROXY),
}
"""By the beginning of `response_code_details`, or of a TCP proxy's `connection_termination_details`: what Envoy
refuses or ends without a flag."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One event of one record. ``reason``: the flags of this kind as logged, or the detail; '' for a retry."""

    kind: EventKind
    reason: str


@lru_cache(8192)  # the same few thousand times in a big transaction
def causes(flags: str, details: str, termination: str, attempts: int) -> tuple[Cause, ...]:
    """The events of one access log, one a kind; empty for a request that went well or failed in an application."""
    reasons: dict[EventKind, list[str]] = {}
    for flag in split(flags):
        meaning = FLAGS.get(flag)
        if meaning and meaning.kind:
            reasons.setdefault(meaning.kind, []).append(flag)
    detail = next((name for text in (details, termination) for name in DETAILS if text.startswith(name)), "")
    if detail and (kind := DETAILS[detail].kind) and kind not in reasons:
        reasons[kind] = [detail]
    if attempts > 1 and EventKind.RETRY_EXHAUSTION not in reasons:
        reasons[EventKind.RETRY] = []
    return tuple(Cause(kind, ",".join(of)) for kind, of in reasons.items())


def meanings(reason: str) -> tuple[Meaning, ...]:
    """What the flags or the detail of an event's reason mean; empty where there is none."""
    return tuple(it for name in split(reason) if (it := FLAGS.get(name) or DETAILS.get(name)))


def split(flags: str) -> tuple[str, ...]:
    """The single flags of an access log's `response_flags`, in Envoy's order."""
    return tuple(flag for flag in (part.strip() for part in flags.split(",")) if flag and flag != "-")
