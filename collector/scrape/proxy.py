"""Asks one proxy over HTTP: its stats, and once who it is."""

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Final

STATS: Final = "/stats/prometheus"
LARGEST: Final = 64 * 1024 * 1024


class ProxyAway(Exception):  # noqa: N818 - named after what the caller does next: look again later
    """The proxy doesn't answer, or not with stats."""


@dataclass(frozen=True, slots=True)
class Target:
    """``address`` is host:port of an admin or a stats port; ``node_id`` and ``service`` are '' where not known."""

    address: str
    node_id: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    node_id: str
    service: str


def parse_target(text: str) -> Target:
    """``host:port``, ``http://host:port/…`` or ``NODE_ID=host:port``. Raises `ValueError`."""
    node_id, _, address = text.strip().rpartition("=")
    address = address.removeprefix("http://").partition("/")[0]
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no target: write host:port or NODE_ID=host:port.")
    return Target(address, node_id)


def fetch_stats(target: Target, timeout: float) -> str:
    """Prometheus' text format. Raises `ProxyAway`."""
    return _get(target.address, STATS, timeout)


def identify(target: Target, timeout: float) -> Identity:
    """Who the proxy is: what we were told, else what its admin port says.

    A stats port alone (Istio's 15090) says nothing: then the address stands for the proxy, and its rows are matched to
    access logs by the address in the node id (Istio's is ``sidecar~10.1.2.3~pod.namespace~…``).
    """
    if target.node_id:
        return Identity(target.node_id, target.service)
    try:
        node = json.loads(_get(target.address, "/server_info", timeout)).get("node", {})
        return Identity(str(node.get("id") or target.address), target.service or str(node.get("cluster") or ""))
    except (ProxyAway, ValueError, AttributeError):
        return Identity(target.address, target.service)


def _get(address: str, path: str, timeout: float) -> str:
    request = urllib.request.Request(f"http://{address}{path}", headers={"accept": "text/plain"})
    # The proxies of the mesh are asked directly, whatever proxy the environment names for the outside world.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            body: bytes = answer.read(LARGEST + 1)
    except (OSError, http.client.HTTPException, urllib.error.URLError) as error:
        raise ProxyAway(str(getattr(error, "reason", error)) or repr(error)) from error
    if len(body) > LARGEST:
        raise ProxyAway(f"it answered with more than {LARGEST} bytes")
    return body.decode("utf-8", "replace")
