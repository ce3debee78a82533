"""What a search asks of a transaction, as data: the query service builds it out of text, the store turns it into SQL.

Columns are those of the views `schema/*_searchable_*.sql`; nothing here is SQL, and nothing of the user's becomes SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class RowKind(StrEnum):
    """A kind of row that can be searched; the value is the name of its view."""

    SPAN = "searchable_spans"
    ACCESS_LOG = "searchable_access_logs"
    LOG = "searchable_logs"


class Operator(StrEnum):
    EQUAL = "="
    LIKE = "like"
    """The whole text against a pattern: ``*`` is any text, ``\\*`` a star, case counts."""
    MATCHES = "~"
    """An RE2 expression finds something in the text."""
    CONTAINS = ":"
    """The text is in it, in any case."""
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    EXISTS = "exists"
    """The attribute is there, or the text is not empty; has no value."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the kind's view. Of a ``many`` (an array) one element has to pass; ``not`` means that none does."""

    name: str
    many: bool = False


class Within(StrEnum):
    """Where an attribute is looked for."""

    ROW = "row"
    """in the row's own, else in its resource's"""
    RESOURCE = "resource"
    SPAN = "span"
    """in the span's own, its resource's, scope's, events' and links': any of them may pass (Jaeger's rule)"""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute; a row without it passes no test, negated or not. `Within.SPAN` is of spans only."""

    key: str
    within: Within = Within.ROW


@dataclass(frozen=True, slots=True)
class Test:
    """One condition on one row. Numbers compare as numbers: an attribute that is no number passes no such test."""

    of: Column | Attribute
    operator: Operator
    value: str | int | float = ""
    negated: bool = False

    __test__ = False  # pytest: no test class


@dataclass(frozen=True, slots=True)
class HasRow:
    """There is a row of this kind that passes all ``tests``; without tests, any row of the kind."""

    kind: RowKind
    tests: Sequence[Test]


@dataclass(frozen=True, slots=True)
class WholeIs:
    """The transaction as a whole passes the test: a column of the view ``searchable_transactions``."""

    test: Test


@dataclass(frozen=True, slots=True)
class IsNamed:
    """Its transaction ID or one of its aliases is this (see `Reader.resolve`)."""

    any_id: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; empty: every transaction."""

    parts: Sequence["Condition"]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; empty: no transaction."""

    parts: Sequence["Condition"]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = HasRow | WholeIs | IsNamed | AllOf | AnyOf | Not

EVERYTHING = AllOf(())
