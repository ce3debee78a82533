"""Cuts the text of a search into tokens, each with the column it begins at (from 1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from weftline.query.search.errors import SearchSyntaxError


class Kind(Enum):
    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    TERM = auto()
    """field, operator and value"""
    TEXT = auto()
    """a value alone"""
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    column: int
    field: str = ""
    operator: str = ""
    value: str = ""
    value_column: int = 0
    quoted: bool = False
    """The value stood in quotes: it is text, whatever it looks like."""


FIELD: Final = re.compile(r"[A-Za-z_][\w.\-/]*")
OPERATOR: Final = re.compile(r"\s*(!=|!~|<=|>=|=|<|>|~)\s*|:(?=\S)")
KEYWORDS: Final = {"and": Kind.AND, "or": Kind.OR, "not": Kind.NOT}


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``, the last of them END. Raises `SearchSyntaxError`."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            yield Token(Kind.END, at + 1)
            return
        if text[at] in "()":
            yield Token(Kind.OPEN if text[at] == "(" else Kind.CLOSE, at + 1)
            at += 1
            continue
        token, at = _word(text, at)
        yield token


def _word(text: str, at: int) -> tuple[Token, int]:
    begin = at
    if field := FIELD.match(text, at):
        if operator := OPERATOR.match(text, field.end()):
            sign = operator[1] or ":"
            at = operator.end()
            if at == len(text) or text[at] == ")":
                raise SearchSyntaxError(f"`{field[0]}{sign}` needs a value.", begin + 1, at - begin)
            value, end, quoted = _value(text, at)
            return Token(Kind.TERM, begin + 1, field[0], sign, value, at + 1, quoted), end
        keyword = KEYWORDS.get(field[0].lower())
        if keyword and (field.end() == len(text) or text[field.end()] in " \t\n()"):
            return Token(keyword, begin + 1), field.end()
    if operator := OPERATOR.match(text, at):
        raise SearchSyntaxError(f"`{operator[0].strip()}` has no field before it.", at + 1)
    value, end, quoted = _value(text, at)
    return Token(Kind.TEXT, begin + 1, value=value, value_column=begin + 1, quoted=quoted), end


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """A value in quotes, in which ``\\"`` is a quote and every other backslash stands for itself, or up to a blank."""
    quote = text[at]
    if quote not in "\"'":
        end = at
        depth = 0
        while end < len(text) and not text[end].isspace():
            depth += (text[end] == "(") - (text[end] == ")")
            if depth < 0:
                break
            end += 1
        return text[at:end], end, False
    out: list[str] = []
    end = at + 1
    while end < len(text):
        if text[end] == quote:
            return "".join(out), end + 1, True
        if text[end] == "\\" and text[end + 1 : end + 2] == quote:
            end += 1
        out.append(text[end])
        end += 1
    raise SearchSyntaxError(f"This {quote} is never closed.", at + 1, len(text) - at)
