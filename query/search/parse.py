"""The grammar of a search.

search    = [ either ]
either    = both { "or" both }
both      = one { [ "and" ] one }      -- but terms side by side, without "and", make one group
one       = "not" ( term | "(" either ")" | "not" … ) | "(" either ")" | group
group     = term { term }
term      = field operator value | text
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from weftline.query.search.errors import SearchSyntaxError
from weftline.query.search.tokens import Kind, Token, tokens

MAX_LENGTH: Final = 4096
MAX_DEPTH: Final = 32
MAX_TERMS: Final = 64


@dataclass(frozen=True, slots=True)
class Group:
    """Terms side by side: they describe one row, as far as one row can have them all."""

    terms: Sequence[Token]


@dataclass(frozen=True, slots=True)
class Both:
    parts: Sequence["Tree"]


@dataclass(frozen=True, slots=True)
class Either:
    parts: Sequence["Tree"]


@dataclass(frozen=True, slots=True)
class Negation:
    part: "Tree"


Tree = Group | Both | Either | Negation


def parse(text: str) -> Tree:
    """The tree of ``text``; without any term it is an empty group. Raises `SearchSyntaxError`."""
    if len(text) > MAX_LENGTH:
        raise SearchSyntaxError(f"A search has at most {MAX_LENGTH} characters; this has {len(text)}.", MAX_LENGTH + 1)
    found = list(tokens(text))
    terms = [token for token in found if token.kind in (Kind.TERM, Kind.TEXT)]
    if len(terms) > MAX_TERMS:
        raise SearchSyntaxError(f"A search has at most {MAX_TERMS} terms.", terms[MAX_TERMS].column)
    if found[0].kind is Kind.END:
        return Group(())
    parser = _Parser(found)
    tree = parser.either(0)
    if parser.next.kind is not Kind.END:
        raise SearchSyntaxError("This `)` closes nothing.", parser.next.column)
    return tree


class _Parser:
    def __init__(self, found: Sequence[Token]) -> None:
        self._found = found
        self._at = 0

    @property
    def next(self) -> Token:
        return self._found[self._at]

    def either(self, depth: int) -> Tree:
        parts = [self._both(depth)]
        while self._take(Kind.OR):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(parts)

    def _both(self, depth: int) -> Tree:
        parts = [self._one(depth)]
        while self._take(Kind.AND) or self.next.kind in (Kind.NOT, Kind.OPEN, Kind.TERM, Kind.TEXT):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Both(parts)

    def _one(self, depth: int, most: int = MAX_TERMS) -> Tree:
        """``most``: how many terms side by side belong together; `not` is about one."""
        token = self.next
        if depth > MAX_DEPTH:
            raise SearchSyntaxError(f"More than {MAX_DEPTH} levels of `(` and `not`.", token.column)
        if self._take(Kind.NOT):
            return Negation(self._one(depth + 1, most=1))
        if self._take(Kind.OPEN):
            inner = self.either(depth + 1)
            if not self._take(Kind.CLOSE):
                raise SearchSyntaxError("This `(` is never closed.", token.column)
            return inner
        terms: list[Token] = []
        while self.next.kind in (Kind.TERM, Kind.TEXT) and len(terms) < most:
            terms.append(self.next)
            self._at += 1
        if not terms:
            raise SearchSyntaxError("A term is missing here, such as `status=error`.", token.column)
        return Group(terms)

    def _take(self, kind: Kind) -> bool:
        if self.next.kind is not kind:
            return False
        self._at += 1
        return True
