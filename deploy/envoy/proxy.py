"""A proxy in a few words: what `bootstrap.py` turns into Envoy's configuration."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal


class Role(StrEnum):
    """Where a listener stands; the value is sent as `weftline.proxy.role`."""

    EDGE = "edge"
    """The first proxy that clients meet."""
    GATEWAY = "gateway"
    """One in the middle: an egress or east-west gateway, a waypoint."""
    SIDECAR_INBOUND = "sidecar-inbound"
    SIDECAR_OUTBOUND = "sidecar-outbound"


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again up to ``attempts`` times after an answer that carries one of ``headers``, or on Envoy's ``on``."""

    attempts: int = 1
    on: str = "retriable-headers"
    headers: tuple[str, ...] = ("retry-after",)


@dataclass(frozen=True, slots=True)
class Route:
    """Paths beginning with ``prefix`` go to ``cluster``; ``timeout`` in seconds covers all attempts."""

    name: str
    prefix: str
    cluster: str
    timeout: float = 15.0
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """One port and where its requests go; what matches no route is answered 404."""

    role: Role
    address: Address
    routes: tuple[Route, ...]
    trusted: bool = True
    """Whether callers may say which trace they belong to; an edge on the internet should not let them."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """``connection_per_request``: for servers that close connections without saying so in their answer; Envoy would
    send the next request into one that is just closing (UC)."""

    name: str
    endpoints: tuple[Address, ...]
    connection_per_request: bool = False


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans and access logs go: an OTLP receiver, ours or any other. HTTP costs Envoy and our edge less."""

    address: Address
    protocol: Literal["grpc", "http"] = "http"
    cluster: str = "weftline"
    """Name of the Envoy cluster that leads there."""


class AccessLog(Enum):
    OTLP = "otlp"
    """Envoy's OpenTelemetry logger, to the collector."""


@dataclass(frozen=True, slots=True)
class Als:
    """The gRPC access log service (ALS v3) at ``address``, the edge's gRPC port."""

    address: Address
    cluster: str = "weftline_als"
    """Name of the Envoy cluster that leads there."""


@dataclass(frozen=True, slots=True)
class File:
    """JSON lines in a file at ``path`` on the proxy's machine, for `weftline collect logs`."""

    path: str


@dataclass(frozen=True, slots=True)
class Proxy:
    """One Envoy process.

    ``service``: `service.name` of its spans and logs; a sidecar has the name of the service it stands beside. Where
    it is '' the store takes the name of the Envoy's own cluster (`node.cluster`) for its logs.
    ``sampling_percentage``: of the traces that begin here; others follow their caller's decision.
    """

    service: str
    node_id: str
    admin: Address
    collector: Collector
    listeners: tuple[Listener, ...]
    clusters: tuple[Cluster, ...] = ()
    sampling_percentage: float = 100.0
    access_logs: tuple[AccessLog | Als | File, ...] = (AccessLog.OTLP,)
    """Ways that each access log takes; one that comes several ways is one row."""
    metadata: tuple[str, ...] = ()
    """Dynamic metadata that requests' logs say too: `NAMESPACE` (JSON) or `NAMESPACE:KEY`."""
    filter_state: tuple[str, ...] = ()
    """Names of objects in filter state that they say too."""
    token_env: str = ""
    """Environment variable of the process with the bearer token for what it sends; so the token isn't written here."""
