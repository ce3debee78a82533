"""HTTP's semantic conventions (1.44, stable): what servers and clients record in the same way."""

import functools
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final

METHODS: Final = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))
SENSITIVE_QUERY: Final = frozenset(
    (
        "AWSAccessKeyId",
        "Signature",
        "sig",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Goog-Signature",
    )
)
"""Query parameters that are credentials: their values are never recorded."""
_REDACTED: Final = "REDACTED"
_KEPT: Final = 256
"""Hosts and methods kept: callers choose them, so there may be any number."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def method(attributes: dict[str, object], name: str) -> str:
    """Records the method; returns what the span's name begins with. Unknown methods don't make new names."""
    if name in METHODS:
        attributes["http.request.method"] = name
        return name
    attributes["http.request.method"] = "_OTHER"
    attributes["http.request.method_original"] = name
    return "HTTP"


def query(text: str) -> str:
    """A query string without the values of :data:`SENSITIVE_QUERY`; everything else as it came."""
    if not any(name in text for name in SENSITIVE_QUERY):
        return text
    parts = []
    for part in text.split("&"):
        name, equals, _ = part.partition("=")
        parts.append(name + equals + _REDACTED if name in SENSITIVE_QUERY and equals else part)
    return "&".join(parts)


def url(text: str) -> str:
    """A whole URL without user, password and :data:`SENSITIVE_QUERY` values."""
    if "@" not in text and "?" not in text:
        return text
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return ""  # it can't be told where its credentials are
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{_REDACTED}:{_REDACTED}@{host}" if at and user else host
    return urllib.parse.urlunsplit(parts._replace(netloc=netloc, query=query(parts.query)))


def server(attributes: dict[str, Any], host: str, scheme: str) -> None:
    """Records `server.address` and `server.port` from a Host header or an authority such as `[::1]:8080`."""
    attributes.update(server_of(host, scheme))


@functools.lru_cache(maxsize=_KEPT)
def server_of(host: str, scheme: str) -> Mapping[str, Any]:
    """The attributes of :func:`server`."""
    address, port = host, _DEFAULT_PORTS.get(scheme)
    name, colon, digits = host.rpartition(":")
    if colon and digits.isdigit():
        address, port = name, int(digits)
    found: dict[str, Any] = {"server.address": address.strip("[]")}
    if port is not None:
        found["server.port"] = port
    return found


@functools.lru_cache(maxsize=_KEPT)
def request(name: str, scheme: str, host: str, version: str) -> tuple[str, Mapping[str, Any]]:
    """What requests to a server have in common, worked out once: :func:`method`, the scheme, :func:`server` and the
    protocol's version, with `HTTP/` or without; and what the span's name begins with. Empty are a host or a version
    that isn't known."""
    found: dict[str, Any] = {}
    begins = method(found, name)
    found["url.scheme"] = scheme
    if host:
        server(found, host, scheme)
    if version:
        found["network.protocol.version"] = version.removeprefix("HTTP/")
    return begins, found


@functools.lru_cache(maxsize=_KEPT)
def called(name: str, origin: str) -> tuple[str, Mapping[str, Any]]:
    """What requests to another server have in common, worked out once: :func:`method` and :func:`server`; and what the
    span's name begins with. `origin` is the URL, at least up to its path."""
    found: dict[str, Any] = {}
    begins = method(found, name)
    scheme, _, rest = origin.partition("://")
    authority = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    server(found, authority, scheme.lower())
    return begins, found


def client_address(forwarded_for: str | None, peer: str | None) -> str | None:
    """The first hop of X-Forwarded-For, else the peer of the connection."""
    return forwarded_for.partition(",")[0].strip() if forwarded_for else peer
