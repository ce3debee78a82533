"""Gives a search its meaning: which rows each term is about, and what that asks of the store.

Terms side by side describe one row, as far as one row can have them: those that only one kind of row knows (`flags`,
`log`) choose that kind, those of several kinds (`service`, `status`, attributes) go with them. `service=cart
log:"timeout"` is one line that cart logged; `flags~UO log:"timeout"` is a proxy's record, and a line.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from weftline.collector.store.conditions import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Attribute,
    Condition,
    HasRow,
    IsNamed,
    Not,
    Operator,
    RowKind,
    Test,
    WholeIs,
)
from weftline.collector.store.searcher import Window
from weftline.query import times
from weftline.query.identifiers import TRACE_ID, TRACEPARENT, normalise
from weftline.query.search import values
from weftline.query.search.compare import compare
from weftline.query.search.errors import SearchSyntaxError
from weftline.query.search.fields import ATTRIBUTE_OPERATORS, FIELDS, OPERATORS, TEXT, Type
from weftline.query.search.parse import Both, Either, Group, Negation, Tree, parse
from weftline.query.search.tokens import Token

DEFAULT_SINCE: Final = 3_600_000_000_000
"""How long ago a search begins that doesn't say, in ns: an hour."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a text asks: the condition, and when the transactions began."""

    condition: Condition
    window: Window


@dataclass(frozen=True, slots=True)
class _RowTerm:
    """A term of rows: the tests it makes on each kind that has it."""

    tests: dict[RowKind, Sequence[Test]]


def understand(text: str, now: int, since: str = "", until: str = "") -> Question:
    """The question in ``text``. ``now`` in ns since the epoch; ``since`` and ``until`` as in the language, used where
    the text has none. Raises `SearchSyntaxError`, and `ValueError` for a wrong ``since`` or ``until``."""
    bounds: dict[str, int] = {}
    condition = _condition(parse(text), bounds, now, top=True)
    end = bounds.get("until", times.moment(until, now) if until else now)
    begin = bounds.get("since", times.moment(since, now) if since else max(0, end - DEFAULT_SINCE))
    return Question(condition, values.window(begin, end))


def _condition(tree: Tree, bounds: dict[str, int], now: int, *, top: bool) -> Condition:
    match tree:
        case Both(parts):
            return _all([_condition(part, bounds, now, top=top) for part in parts])
        case Either(parts):
            return AnyOf([_condition(part, bounds, now, top=False) for part in parts])
        case Negation(part):
            return Not(_condition(part, bounds, now, top=False))
        case Group(terms):
            return _group(terms, bounds, now, top=top)


def _group(terms: Sequence[Token], bounds: dict[str, int], now: int, *, top: bool) -> Condition:
    parts: list[Condition] = []
    of_rows: list[_RowTerm] = []
    for term in terms:
        meaning = _term(term, now)
        if isinstance(meaning, int):
            if not top:
                raise SearchSyntaxError(
                    f"`{term.field}` is of the whole search: it can't stand under `or` and `not`.",
                    term.column,
                    len(term.field),
                )
            bounds[term.field] = meaning
        elif isinstance(meaning, _RowTerm):
            of_rows.append(meaning)
        else:
            parts.append(meaning)
    return _all([*parts, *_rows(of_rows)])


def _all(parts: Sequence[Condition]) -> Condition:
    flat = [one for part in parts for one in (part.parts if isinstance(part, AllOf) else (part,))]
    return flat[0] if len(flat) == 1 else AllOf(flat) if flat else EVERYTHING


def _rows(terms: Sequence[_RowTerm]) -> list[Condition]:
    if not terms:
        return []
    chosen = [kind for kind in RowKind if any(set(term.tests) == {kind} for term in terms)]
    if not chosen:
        possible = [kind for kind in RowKind if all(kind in term.tests for term in terms)]
        if not possible:
            # No one row has them all; each is a condition of its own.
            return [condition for term in terms for condition in _rows([term])]
        kinds = [_has(kind, terms) for kind in possible]
        return [kinds[0] if len(kinds) == 1 else AnyOf(kinds)]
    conditions: list[Condition] = [_has(kind, terms) for kind in chosen]
    left = [term for term in terms if not any(kind in term.tests for kind in chosen)]
    if left:
        # What narrows every row, such as `service`, narrows these too.
        kinds_left = {kind for term in left for kind in term.tests}
        narrow = [term for term in terms if term not in left and kinds_left <= set(term.tests)]
        conditions += _rows([*narrow, *left])
    return conditions


def _has(kind: RowKind, terms: Sequence[_RowTerm]) -> HasRow:
    return HasRow(kind, tuple(test for term in terms for test in term.tests.get(kind, ())))


def _term(term: Token, now: int) -> Condition | _RowTerm | int:
    if not term.field:
        return _text(term)
    field = FIELDS.get(term.field)
    if field is None:
        attribute = Attribute(_attribute_name(term))
        _check_operator(term, ATTRIBUTE_OPERATORS)
        return _RowTerm(dict.fromkeys(RowKind, compare(attribute, Type.TEXT, term)))
    _check_operator(term, OPERATORS[field.type])
    if field.type in (Type.TIME, Type.NAME):
        try:
            return times.moment(term.value, now) if field.type is Type.TIME else IsNamed(normalise(term.value))
        except ValueError as error:
            raise SearchSyntaxError(str(error), term.value_column, len(term.value)) from error
    if field.whole:
        return _all([WholeIs(test) for test in compare(field.whole, field.type, term)])
    if field.values and term.operator in ("=", "!=") and term.value not in field.values:
        raise SearchSyntaxError(
            f"`{field.name}` is one of {', '.join(field.values)}.", term.value_column, len(term.value)
        )
    return _RowTerm({kind: compare(column, field.type, term) for kind, column in field.rows.items()})


def _text(term: Token) -> Condition | _RowTerm:
    if not term.quoted and (TRACE_ID.fullmatch(term.value) or TRACEPARENT.fullmatch(term.value)):
        return IsNamed(normalise(term.value))
    return _RowTerm({kind: (Test(column, Operator.CONTAINS, term.value),) for kind, column in TEXT.rows.items()})


def _attribute_name(term: Token) -> str:
    name = term.field
    if name.startswith("attribute."):
        return name.removeprefix("attribute.")
    if "." in name:
        return name
    near = difflib.get_close_matches(name, FIELDS, n=1)
    suggestion = f" Did you mean `{near[0]}`?" if near else ""
    raise SearchSyntaxError(
        f"There is no field `{name}`.{suggestion} An attribute without a dot is written `attribute.{name}`.",
        term.column, len(name),
    )  # fmt: skip


def _check_operator(term: Token, allowed: str) -> None:
    if term.operator not in allowed.split():
        raise SearchSyntaxError(
            f"`{term.field}` can't be asked with `{term.operator}`; it takes {allowed}.", term.column, len(term.field)
        )
