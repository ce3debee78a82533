"""Envoy's response flags in a few words, and which rows report a failure. Source: Envoy's StreamInfo flags."""

from typing import Final

FLAGS: Final = {
    "DC": "client left before the response",
    "DF": "DNS did not resolve the upstream",
    "DI": "delay injected by fault filter",
    "DO": "dropped by load-shedding policy",
    "DPE": "client broke the HTTP protocol",
    "DR": "client reset the stream",
    "DT": "connection reached its maximum duration",
    "FI": "error injected by fault filter",
    "IH": "caller sent an invalid x-envoy header",
    "LH": "local health check failed",
    "LR": "proxy reset the connection",
    "NC": "route names an unknown cluster",
    "NFCF": "filter configuration missing",
    "NR": "no route for this host and path",
    "OM": "proxy overloaded (overload manager)",
    "RFCF": "answered from cache",
    "RL": "rate limited by this proxy",
    "RLSE": "rate limit service failed",
    "SI": "stream idle too long",
    "UAEX": "denied by the authorization service",
    "UC": "upstream closed the connection before answering",
    "UDO": "dropped by load-shedding policy",
    "UF": "could not connect to the upstream",
    "UH": "no healthy upstream",
    "UMSDR": "upstream exceeded the maximum stream duration",
    "UO": "circuit breaker open (too many requests or connections)",
    "UPE": "upstream broke the HTTP protocol",
    "UR": "upstream reset the stream",
    "URX": "retries used up",
    "UT": "upstream too slow: request timed out",
}
"""Short flag to its meaning, in the view of the proxy that wrote it."""

HARMLESS: Final = frozenset({"DI", "RFCF"})
"""Flags of requests that went well."""


def split(flags: str) -> tuple[str, ...]:
    """The single flags of an access log's `response_flags`, in Envoy's order."""
    return tuple(flag for flag in (part.strip() for part in flags.split(",")) if flag and flag != "-")


def explain(flags: str) -> str:
    """``UF,URX`` → ``could not connect to the upstream; retries used up``. Unknown flags stand as they are."""
    return "; ".join(FLAGS.get(flag, flag) for flag in split(flags))
