"""Access for tests: a token of each kind, in a real file."""

from dataclasses import dataclass
from pathlib import Path

from weftline.collector.access.gate import Access
from weftline.collector.access.identity import Role
from weftline.collector.access.tokens import Token, digest, line, mint
from weftline.collector.settings import AccessSettings


@dataclass
class Tokens:
    """Secrets by name, and the file with their hashes."""

    file: Path
    secrets: dict[str, str]

    def bearer(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secrets[name]}"}

    def access(self, **settings: object) -> Access:
        return Access.of(AccessSettings(tokens_file=str(self.file), **settings))  # type: ignore[arg-type]


def tokens(folder: Path, *more: tuple[str, str, str]) -> Tokens:
    """`reader`, `writer` and `admin` of no tenant, `a` and `b` who read and write for the tenants `a` and `b`, and
    ``more`` as (name, tenant, role role …)."""
    kinds = [
        ("reader", "", "read"), ("writer", "", "write"), ("admin", "", "admin"), ("a", "a", "read write"),
        ("b", "b", "read write"), *more,
    ]  # fmt: skip
    it = Tokens(folder / "tokens.jsonl", {name: mint() for name, _, _ in kinds})
    it.file.write_text(
        "".join(
            line(Token(name, digest(it.secrets[name]), tenant, frozenset(map(Role, roles.split())), None)) + "\n"
            for name, tenant, roles in kinds
        )
    )
    return it
