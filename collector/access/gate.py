"""The one place that decides who a request comes from and whether it may: `Access`.

Bearer tokens are RFC 6750's. Headers with a user's name are what oauth2-proxy and Istio's RequestAuthentication set
after they have checked an OpenID Connect login; they count only if the connection comes from a network that is trusted.
"""

import ipaddress
import time
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final

from weftline.collector.access.identity import ANYBODY, NO_TENANT, Denied, Identity, Proof, Role, is_tenant
from weftline.collector.access.tokens import TokenFile
from weftline.collector.errors import Misconfigured
from weftline.collector.settings import AccessSettings

CHOOSE_TENANT: Final = "x-scope-orgid"
"""What Grafana's Mimir, Loki and Tempo call it: which tenant, of those one may."""
COOKIE: Final = "weftline_token"

Headers = Iterable[tuple[bytes | str, bytes | str]]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Access:
    """Says who a request comes from. Safe from several threads. ``tokens`` None and no ``proxies``: anybody may all."""

    def __init__(self, settings: AccessSettings, tokens: TokenFile | None, proxies: Sequence[_Network]) -> None:
        self._settings = settings
        self._tokens = tokens
        self._proxies = proxies

    @classmethod
    def of(cls, settings: AccessSettings) -> "Access":
        """Raises `Misconfigured` if the tokens can't be read or a network is none."""
        file = settings.tokens_file
        tokens = TokenFile(Path(file), time.monotonic, lambda: datetime.now(UTC)) if file else None
        try:
            proxies = [ipaddress.ip_network(it) for it in settings.trusted_proxies]
        except ValueError as error:
            raise Misconfigured(f"WEFTLINE_ACCESS_TRUSTED_PROXIES: {error}.") from None
        return cls(settings, tokens, proxies)

    @property
    def on(self) -> bool:
        return self._tokens is not None or bool(self._proxies)

    @property
    def sign_out_url(self) -> str:
        """Where users of the proxies sign out; '' if nobody said so."""
        return self._settings.sign_out_url

    def require(self, host: str, what: str) -> None:
        """Raises `Misconfigured` where others than this machine could ask, and nobody said who may."""
        if not (self.on or self._settings.open or _loopback(host)):
            raise Misconfigured(
                f"{what} would listen on {host} for anybody: name who may with WEFTLINE_ACCESS_TOKENS_FILE "
                "(`weftline token new`) or WEFTLINE_ACCESS_TRUSTED_PROXIES, or say WEFTLINE_ACCESS_OPEN=true."
            )

    def admit(self, headers: Headers, peer: str, role: Role) -> Identity:
        """Who sends a request with these headers over a connection from ``peer`` (an IP address), who may ``role``.

        Raises `Denied`.
        """
        if not self.on:
            return ANYBODY
        identity = self._identify(_Fields(headers), peer)
        if not identity.may(role):
            raise Denied(f"{identity.name} may not {role}.", known=True, name=identity.name)
        return identity

    def trusts(self, peer: str) -> bool:
        """Whether what a connection from ``peer`` says about others is believed."""
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._proxies)

    def _identify(self, fields: "_Fields", peer: str) -> Identity:
        if self._proxies and self.trusts(peer) and (user := fields.one(self._settings.user_header)):
            return self._user(user, fields)
        scheme, _, token = fields.one("authorization").partition(" ")
        if scheme and scheme.lower() != "bearer":
            raise Denied("Only the scheme Bearer is known.", known=False)
        proof = Proof.HEADER if token.strip() else Proof.COOKIE
        token = token.strip() or fields.cookie(COOKIE)
        if not token:
            raise Denied("A token is needed: `Authorization: Bearer …`.", known=False)
        found = self._tokens.find(token) if self._tokens is not None else None
        if found is None:
            raise Denied("The token is unknown or has expired.", known=False)
        return _choose(replace(found.identity, proof=proof), [found.tenant], fields)

    def _user(self, user: str, fields: "_Fields") -> Identity:
        s = self._settings
        groups = {it.strip() for it in fields.one(s.groups_header).split(",")} - {""}
        roles = set()
        if not s.reader_groups or groups & set(s.reader_groups):
            roles.add(Role.READ)
        if groups & set(s.writer_groups):
            roles.add(Role.WRITE)
        if groups & set(s.admin_groups):
            roles.add(Role.ADMIN)
        tenants = [NO_TENANT]
        if s.tenant_header or s.tenant_group_prefix:
            named = [fields.one(s.tenant_header)] if s.tenant_header else []
            if prefix := s.tenant_group_prefix:
                named += sorted(it.removeprefix(prefix) for it in groups if it.startswith(prefix))
            tenants = [it for it in named if it]
        # Nobody is let into the rows of no tenant because a header is missing.
        if (not tenants and Role.ADMIN not in roles) or not all(map(is_tenant, tenants)):
            raise Denied(f"{user} belongs to no tenant.", known=True, name=user)
        identity = Identity(user, tenants[0] if tenants else NO_TENANT, frozenset(roles), Proof.PROXY)
        return _choose(identity, tenants, fields)


def _choose(identity: Identity, tenants: Sequence[str], fields: "_Fields") -> Identity:
    """The identity with the tenant that the request names, if it may."""
    chosen = fields.one(CHOOSE_TENANT)
    if not chosen or chosen == identity.tenant:
        return identity
    if not is_tenant(chosen) or not (chosen in tenants or Role.ADMIN in identity.roles):
        raise Denied(f"{identity.name} may not ask for that tenant.", known=True, name=identity.name)
    return replace(identity, tenant=chosen)


class _Fields:
    """Headers or gRPC metadata by name, lower case."""

    def __init__(self, headers: Headers) -> None:
        self._all = [(_text(name).lower(), value) for name, value in headers]

    def one(self, name: str) -> str:
        """The header's value, '' if there is none; a second one (whoever put it there) is refused."""
        name = name.lower()
        values = [_text(value) for of, value in self._all if of == name] if name else []
        if len(values) > 1:
            raise Denied(f"The request has several headers {name}.", known=False)
        return values[0].strip() if values else ""

    def cookie(self, name: str) -> str:
        for of, value in self._all:
            if of == "cookie":
                try:
                    if found := SimpleCookie(_text(value)).get(name):
                        return found.value
                except CookieError:
                    continue
        return ""


def peer_of(grpc_peer: str) -> str:
    """The IP address in what gRPC calls a peer (`ipv4:10.0.0.1:5000`, `ipv6:%5B::1%5D:5000`); '' for a Unix socket."""
    kind, _, rest = urllib.parse.unquote(grpc_peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


OPEN: Final = Access(AccessSettings(open=True), None, ())
"""Anybody may all."""
