"""Reads a term's operator and value as tests on one column or attribute."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from weftline.collector.store.conditions import Attribute, Column, Operator, Test
from weftline.query import times
from weftline.query.search import values
from weftline.query.search.errors import SearchSyntaxError
from weftline.query.search.fields import Type
from weftline.query.search.tokens import Token

ORDER: Final = {
    "<": Operator.LESS,
    "<=": Operator.LESS_OR_EQUAL,
    ">": Operator.GREATER,
    ">=": Operator.GREATER_OR_EQUAL,
}
STAR: Final = re.compile(r"(?<!\\)((?:\\\\)*)\*")
"""A ``*`` that no backslash takes its meaning from."""


def compare(of: Column | Attribute, type_: Type, term: Token) -> Sequence[Test]:
    """The tests that ``term`` makes of ``of``; all have to pass. Raises `SearchSyntaxError` at the value."""
    try:
        match type_:
            case Type.NUMBER:
                return _ordered(of, term, values.number)
            case Type.DURATION:
                return _ordered(of, term, times.duration)
            case Type.LEVEL:
                return _level(of, term)
            case _:
                return _text(of, term)
    except SearchSyntaxError:
        raise
    except ValueError as error:
        raise SearchSyntaxError(str(error), term.value_column, len(term.value)) from error


def _text(of: Column | Attribute, term: Token) -> Sequence[Test]:
    match term.operator:
        case "~" | "!~":
            return (Test(of, Operator.MATCHES, term.value, negated=term.operator == "!~"),)
        case ":":
            return (Test(of, Operator.CONTAINS, term.value),)
        case "=" | "!=":
            if isinstance(of, Attribute) and (ends := _range(term)):
                return _between(of, [values.number(end) for end in ends])
            return (_pattern(of, term),)
        case _:
            return (Test(of, ORDER[term.operator], values.number(term.value)),)


def _pattern(of: Column | Attribute, term: Token) -> Test:
    negated = term.operator == "!="
    if term.value == "*" and not term.quoted:
        return Test(of, Operator.EXISTS, negated=negated)
    if STAR.search(term.value):
        return Test(of, Operator.LIKE, term.value, negated)
    return Test(of, Operator.EQUAL, term.value.replace("\\*", "*"), negated)


def _ordered(of: Column | Attribute, term: Token, read: Callable[[str], int | float]) -> Sequence[Test]:
    if term.operator in ("=", "!="):
        if ends := _range(term):
            return _between(of, [read(end) for end in ends])
        return (Test(of, Operator.EQUAL, read(term.value), negated=term.operator == "!="),)
    return (Test(of, ORDER[term.operator], read(term.value)),)


def _level(of: Column | Attribute, term: Token) -> Sequence[Test]:
    if ends := _range(term):
        return _between(of, [values.level(ends[0])[0], values.level(ends[1])[1]])
    first, last = values.level(term.value)
    match term.operator:
        case "=":
            return _between(of, [first, last])
        case ">=" | "<":
            return (Test(of, ORDER[term.operator], first),)
        case _:
            return (Test(of, ORDER[term.operator], last),)


def _range(term: Token) -> tuple[str, str] | None:
    low, dots, high = term.value.partition("..")
    if not dots or term.quoted or not low or not high:
        return None
    if term.operator != "=":
        raise SearchSyntaxError(
            f"A range takes `=`; what lies outside of it is `not {term.field}={term.value}`.",
            term.column,
            len(term.field),
        )
    return low, high


def _between(of: Column | Attribute, ends: Sequence[int | float]) -> Sequence[Test]:
    low, high = ends
    if low > high:
        raise ValueError("This range ends before it begins.")
    return (Test(of, Operator.GREATER_OR_EQUAL, low), Test(of, Operator.LESS_OR_EQUAL, high))
