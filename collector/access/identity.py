"""Who a request comes from, and the words for it. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    READ = "read"
    """look-ups and searches, at the query service"""
    WRITE = "write"
    """spans, logs and access logs, at the edge"""
    ADMIN = "admin"
    """both, for any tenant: the header X-Scope-OrgID names it"""


NO_TENANT: Final = ""
"""The tenant of all rows where nobody told tenants apart."""
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def is_tenant(name: str) -> bool:
    """Whether this may be a tenant's name: 1 to 64 letters, digits, `.`, `_` and `-`, or '' for no tenant."""
    return name == NO_TENANT or _TENANT.fullmatch(name) is not None


class Proof(StrEnum):
    """How it is known who asks."""

    NONE = ""
    """it isn't: anybody may"""
    HEADER = "header"
    """a token that the client sends with each request"""
    COOKIE = "cookie"
    """a token that a browser keeps since somebody signed in"""
    PROXY = "proxy"
    """a trusted proxy says so"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, for which tenant. ``name`` is a token's or a user's; '' for anybody where access is open."""

    name: str
    tenant: str
    roles: frozenset[Role]
    proof: Proof = Proof.NONE

    def may(self, role: Role) -> bool:
        return role in self.roles or Role.ADMIN in self.roles


ANYBODY: Final = Identity("", NO_TENANT, frozenset(Role))


class Denied(Exception):  # noqa: N818 - names the answer
    """The request is not answered; the text tells the sender why, and never what would have been right."""

    def __init__(self, message: str, *, known: bool, name: str = "") -> None:
        super().__init__(message)
        self.known = known
        """True: we know who it is, and they may not (403, PERMISSION_DENIED); False: we don't (401, UNAUTHENTICATED)"""
        self.name = name

    @property
    def status(self) -> int:
        return 403 if self.known else 401

    @property
    def challenge(self) -> str:
        """RFC 6750, section 3: the value of WWW-Authenticate."""
        error = ', error="insufficient_scope"' if self.known else ""
        return f'Bearer realm="weftline"{error}'
