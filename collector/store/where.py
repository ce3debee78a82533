"""Turns a search's condition into SQL: fixed pieces, with a placeholder for everything that came from a user.

Every piece is a set of transactions, `transaction_id IN (SELECT …)`, so parts combine with AND, OR and NOT.
"""

from typing import Any, Final

from weftline.collector.store import statements
from weftline.collector.store.conditions import (
    AllOf,
    AnyOf,
    Attribute,
    Condition,
    HasRow,
    IsNamed,
    Not,
    Operator,
    Test,
    WholeIs,
    Within,
)

TEXT_TESTS: Final = {
    Operator.EQUAL: "{of} = {value}",
    Operator.LIKE: "{of} LIKE {value}",
    Operator.MATCHES: "match({of}, {value})",
    Operator.CONTAINS: "positionCaseInsensitiveUTF8({of}, {value}) > 0",
    Operator.LESS: "{of} < {value}",
    Operator.LESS_OR_EQUAL: "{of} <= {value}",
    Operator.GREATER: "{of} > {value}",
    Operator.GREATER_OR_EQUAL: "{of} >= {value}",
    Operator.EXISTS: "{of} != ''",
}

LATER: Final = "$LATER"
"""Stands in the condition on rows: what is read after rows_until, '' or `read/search_later.sql`."""
WITHIN: Final = {
    Within.ROW: "multiIf(mapContains(attributes, {key}), [attributes[{key}]], "
    "mapContains(resource, {key}), [resource[{key}]], [])",
    Within.RESOURCE: "if(mapContains(resource, {key}), [resource[{key}]], [])",
    Within.SPAN: "arrayMap(them -> them[{key}], arrayFilter(them -> mapContains(them, {key}), "
    "arrayConcat([attributes, resource, scope_attributes], event_attributes, link_attributes)))",
}
"""The values of an attribute, as an array."""


def where(condition: Condition) -> tuple[str, dict[str, Any]]:
    """SQL that is true of the `transaction_id`s that ``condition`` holds for, and the values of its placeholders.

    It also uses the placeholders since, until and rows_until (ns), and `LATER`, which the caller fills.
    """
    values: dict[str, Any] = {}
    return _condition(condition, values), values


def _condition(condition: Condition, values: dict[str, Any]) -> str:
    match condition:
        case AllOf(parts):
            return _joined(" AND ", [_condition(part, values) for part in parts], empty="true")
        case AnyOf(parts):
            return _joined(" OR ", [_condition(part, values) for part in parts], empty="false")
        case Not(part):
            return f"(NOT {_condition(part, values)})"
        case IsNamed(any_id):
            return _in(statements.read("search_named").replace("$ID", _place(any_id, values)))
        case WholeIs(test):
            return _in(statements.read("search_whole").replace("$TESTS", _test(test, values)))
        case HasRow(kind, tests):
            passing = _joined(" AND ", [_test(test, values) for test in tests], empty="true")
            return _in(statements.read("search_row").replace("$VIEW", kind.value).replace("$TESTS", passing))


def _in(select: str) -> str:
    return f"(transaction_id IN (\n{select.strip()}\n))"


def _joined(operator: str, parts: list[str], *, empty: str) -> str:
    return f"({operator.join(parts)})" if parts else empty


def _test(test: Test, values: dict[str, Any]) -> str:
    if isinstance(test.of, Attribute):
        return _attribute(test.of, test, values)
    # Column names are the query service's own table of fields, never a user's text; a slip there must not become SQL.
    assert test.of.name.isidentifier(), test.of.name  # noqa: S101
    if test.of.many:
        sql = f"arrayExists(one -> {_compare('one', test, values)}, {test.of.name})"
    else:
        sql = _compare(test.of.name, test, values)
    return f"NOT {sql}" if test.negated else sql


def _attribute(of: Attribute, test: Test, values: dict[str, Any]) -> str:
    key = _place(of.key, values)
    # All the values that the attribute has, each in an array of at most a few.
    found = WITHIN[of.within].format(key=key)
    if test.operator is Operator.EXISTS:
        return f"{'empty' if test.negated else 'notEmpty'}({found})"
    passes = _compare("one", test, values)
    if test.negated:
        return f"(notEmpty({found}) AND NOT arrayExists(one -> {passes}, {found}))"
    return f"arrayExists(one -> {passes}, {found})"


def _compare(of: str, test: Test, values: dict[str, Any]) -> str:
    if isinstance(test.value, str):
        value = _like(test.value) if test.operator is Operator.LIKE else test.value
        return f"({TEXT_TESTS[test.operator].format(of=of, value=_place(value, values))})"
    value = _place(test.value, values)
    if isinstance(test.of, Attribute):
        # Attributes are kept as text; one that is no number is NULL here, and passes no test.
        return f"ifNull(toFloat64OrNull({of}) {test.operator.value} {value}, false)"
    return f"({of} {test.operator.value} {value})"


def _like(pattern: str) -> str:
    """A pattern of ``*`` (``\\*`` for a star) as ClickHouse's LIKE has it."""
    out = []
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            out.append("%")
        elif character == "\\":
            after = next(characters, "\\")
            out.append(after if after == "*" else _literal(character) + _literal(after))
        else:
            out.append(_literal(character))
    return "".join(out)


def _literal(character: str) -> str:
    return f"\\{character}" if character in "%_\\" else character


def _place(value: Any, values: dict[str, Any]) -> str:
    name = f"v{len(values)}"
    values[name] = value
    return f"%({name})s"
