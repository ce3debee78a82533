"""Bearer tokens: a file with a line of JSON for each, holding the token's SHA-256 and never the token.

    {"name": "grafana", "sha256": "9f86…", "tenant": "", "roles": ["read"], "expires": "2027-11-22T00:00:00Z"}

Tokens have 256 random bits, so a plain hash is as good as a slow one. Empty lines and such that begin with # are
skipped.
"""

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from weftline.collector.access.identity import Identity, Role, is_tenant
from weftline.collector.errors import Misconfigured

logger = logging.getLogger(__name__)

PREFIX: Final = "wft_"
"""So that scanners for leaked secrets, and people, know one when they see it."""
LOOK_SECONDS: Final = 1.0
"""How often it is looked whether the file has changed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A line of the file."""

    name: str
    sha256: bytes
    tenant: str
    roles: frozenset[Role]
    expires: datetime | None
    """None: never"""

    @property
    def identity(self) -> Identity:
        return Identity(self.name, self.tenant, self.roles)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def mint() -> str:
    """A new token."""
    return PREFIX + secrets.token_urlsafe(32)


def line(token: Token) -> str:
    """The token as a line of the file."""
    return json.dumps(
        {
            "name": token.name,
            "sha256": token.sha256.hex(),
            "tenant": token.tenant,
            "roles": sorted(token.roles),
            "expires": token.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if token.expires else None,
        }
    )


def parse(lines: Iterable[str], where: str) -> list[Token]:
    """Raises `Misconfigured` that names ``where``, the line and what is wrong with it."""
    tokens: list[Token] = []
    names: set[str] = set()
    for number, text in enumerate(lines, 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        try:
            token = _token(json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise Misconfigured(f"{where}, line {number}: no token: {reason}.") from None
        if token.name in names:
            raise Misconfigured(f"{where}, line {number}: there are two tokens named {token.name!r}.")
        names.add(token.name)
        tokens.append(token)
    return tokens


def _token(fields: Mapping[str, Any]) -> Token:
    if not isinstance(fields, dict):
        raise TypeError("it is no JSON object")
    if unknown := fields.keys() - {"name", "sha256", "tenant", "roles", "expires"}:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    name, tenant, roles = fields["name"], fields.get("tenant", ""), fields["roles"]
    if not isinstance(name, str) or not name:
        raise ValueError("name is no text")
    if not isinstance(tenant, str) or not is_tenant(tenant):
        raise ValueError("tenant may have up to 64 letters, digits, dots, dashes and underscores")
    if not isinstance(roles, list) or not roles:
        raise ValueError("roles is no list of read, write, admin")
    sha256 = bytes.fromhex(fields["sha256"])
    if len(sha256) != hashlib.sha256().digest_size:
        raise ValueError("sha256 has not 64 hex digits")
    expires = fields.get("expires")
    when = datetime.fromisoformat(expires) if expires is not None else None
    if when is not None and when.tzinfo is None:
        raise ValueError("expires has no time zone")
    return Token(name, sha256, tenant, frozenset(map(Role, roles)), when)


class TokenFile:
    """The tokens of a file, read again when it changes. Reading fails at the start only: `Misconfigured`.

    A file that can't be read later leaves the tokens as they were, and is said once for each change. Safe from several
    threads: each change replaces the whole table.
    """

    def __init__(self, path: Path, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._looked = clock()
        self._mark = self._stat()
        self._tokens = self._read()

    def find(self, token: str) -> Token | None:
        """The token's line, unless there is none or it has expired."""
        self._look()
        presented = digest(token)
        # Which digests begin alike tells nothing: whoever could choose a digest would have broken SHA-256.
        found = self._tokens.get(presented[:8])
        if found is None or not hmac.compare_digest(found.sha256, presented):
            return None
        return None if found.expires is not None and found.expires <= self._now() else found

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        mark = self._stat()
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._tokens = self._read()
        except Misconfigured as error:
            logger.error("Tokens stay as they were; mend their file: %s", error)  # noqa: TRY400 - the text says it all
        else:
            logger.info("Read the tokens again path=%s tokens=%d.", self._path, len(self._tokens))

    def _stat(self) -> tuple[int, ...]:
        try:
            it = self._path.stat()
        except OSError:
            return ()
        return it.st_ino, it.st_mtime_ns, it.st_size

    def _read(self) -> dict[bytes, Token]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Misconfigured(f"The file of tokens {self._path} can't be read: {reason}.") from None
        return {token.sha256[:8]: token for token in parse(lines, str(self._path))}
