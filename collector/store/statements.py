"""The store's SQL, read from the files beside this module and put together."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from weftline.collector.store.protocol import Signal


def text(path: str) -> str:
    """A file beside this module."""
    return files("weftline.collector.store").joinpath(path).read_text(encoding="utf-8")


def _without_comments(sql: str) -> str:
    # They would travel with every statement, and a placeholder named in one must not be filled.
    return "\n".join(line for line in sql.splitlines() if not line.startswith("--"))


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert that ClickHouse decodes itself: the statement and the protobuf schema of its input."""

    statement: str
    schema: str
    message: str = "Row"


@cache
def insert(signal: Signal) -> Insert:
    """The insert of a signal, its placeholders filled from `insert/any_value.*`."""
    value = text("insert/any_value.type").strip()
    statement = (
        _without_comments(text(f"insert/{signal.value}.sql"))
        .replace("$LAMBDAS", _without_comments(text("insert/any_value.sql")))
        .replace("$KEY_VALUES", f"Array(Tuple(key LowCardinality(String), value {value}))")
        .replace("$VALUE", value)
    )
    return Insert(statement, text("insert/any_value.proto") + text(f"insert/{signal.value}.proto"))


@cache
def insert_spans_native() -> str:
    """The insert of spans that come as a block of ClickHouse's Native format (`native/block.py`)."""
    return _without_comments(text("insert/otlp_spans_native.sql")).strip()


OF_ONE: Final = "= unhex(%(id)s)"
OF_SEVERAL: Final = (
    "IN (SELECT arrayJoin(arrayMap(id -> toFixedString(unhex(id), 16), CAST(%(ids)s AS Array(String)))))"
)
"""Of which transactions a query is: what comes after `transaction_id` in its condition."""
_PIECES: Final = ("span_line", "access_log_line", "log_line", "from_to", "newest", "red_asked", "red_distance")


@cache
def read(name: str, of: str = "") -> str:
    """The query in `read/<name>.sql`, or the piece of one; `of` is one of `OF_…` where it is about some transactions.

    Filled in are `read/*_line.sql` where it gives rows as lines, for the primary key the quarter hours that it is
    about: `read/within.sql` (those of its transactions; `within_one.sql` of one), `read/from_to.sql` (those of a
    window), and `read/newest.sql`.
    """
    sql = _without_comments(text(f"read/{name}.sql"))
    for piece in _PIECES:
        if f"${piece.upper()}" in sql:
            sql = sql.replace(f"${piece.upper()}", read(piece).strip())
    if "$WITHIN" in sql and of:
        sql = sql.replace("$WITHIN", read("within_one" if of == OF_ONE else "within").strip())
    return sql.replace("$OF", of) if of else sql


@cache
def step(name: str) -> str:
    """The step of retention in `retain/<name>.sql`."""
    return _without_comments(text(f"retain/{name}.sql"))


@cache
def rebuild(name: str) -> str:
    """The step of a backfill in `rebuild/<name>.sql`."""
    return _without_comments(text(f"rebuild/{name}.sql"))


@cache
def shards(name: str) -> str:
    """The statement in `shards/<name>.sql`, or the piece of one."""
    return _without_comments(text(f"shards/{name}.sql"))


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str

    @property
    def statements(self) -> list[str]:
        """In order; each but the last ends with a semicolon at the end of its line."""
        return [statement for statement in re.split(r";\n", self.text) if statement.strip()]


@cache
def migrations() -> tuple[Migration, ...]:
    """`schema/NNNN_<name>.sql` by number."""
    folder = files("weftline.collector.store").joinpath("schema")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        Migration(int(name[:4]), name[5:-4], folder.joinpath(name).read_text(encoding="utf-8")) for name in names
    )
