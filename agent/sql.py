"""What an SQL statement says without its literals: the masked text, and what it does to which tables.

Read with regular expressions, not parsed: pure, bounded, the same for all drivers. In doubt too much is masked: what is
not closed is masked to its end, comments are left out. Placeholders stay: parameters aren't in the text.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_TEXT: Final = 16_384
"""Characters of a statement that are looked at."""
MAX_SUMMARY: Final = 255
"""The semantic conventions' limit of `db.query.summary`."""
_CACHE_TEXT: Final = 1 << 20

_DOUBLE_QUOTED: Final = frozenset(("mysql", "mariadb"))
"""Systems where double quotes hold strings, not identifiers."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`operation` and `collection` are empty unless the text has exactly one; `summary` has all, in order."""

    text: str
    summary: str
    operation: str
    collection: str


def _comment(depth: int) -> str:
    inner = "|" + _comment(depth - 1) if depth else ""
    return rf"/\*(?:[^*/]++|\*(?!/)|/(?!\*){inner})*+(?:\*/|\Z)"


_PLAIN = r"'(?:[^']++|'')*+(?:'|\Z)"
_ESCAPED = r"'(?:[^'\\]++|''|\\.?)*+(?:'|\Z)"
_ESCAPED_DOUBLE = r'"(?:[^"\\]++|""|\\.?)*+(?:"|\Z)'
_DOUBLE = r'"(?:[^"]++|"")*+(?:"|\Z)'
_BACKTICK = r"`(?:[^`]++|``)*+(?:`|\Z)"
_DOLLAR = r"(?<![\w$])\$((?:[A-Za-z_]\w*)?)\$.*?(?:\$\1\$|\Z)"
_NUMBER = r"(?<![\w$?@:])\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?"
_DASHES = r"--[^\n]*"


def _tokens(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join((_comment(2), _DASHES, *patterns, _BACKTICK, _NUMBER)), re.DOTALL)


_STANDARD: Final = _tokens(rf"\b[eE]{_ESCAPED}", rf"\b(?:[xXbBnN]|[uU]&){_PLAIN}", _PLAIN, _DOUBLE, _DOLLAR)
_CLICKHOUSE: Final = _tokens(r"#[^\n]*", _ESCAPED, _DOUBLE, _DOLLAR)
_MYSQL: Final = _tokens(r"#[^\n]*", rf"\b[xXbBnN]{_ESCAPED}", _ESCAPED, _ESCAPED_DOUBLE)
_INLINE_DATA: Final = re.compile(r"\A(\s*+INSERT\b.*?\bFORMAT\s++\w++).+", re.DOTALL | re.IGNORECASE)
"""ClickHouse's `INSERT … FORMAT JSONEachRow {…}`: data that isn't SQL."""

_VALUE = r"(?:\?\d*|%s|%\(\w+\)s|\$\d+|:\w+)(?:::\w+)?"
_VALUES = rf"\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*+\s*\)"
_IN_LIST: Final = re.compile(rf"\b(IN)(\s*)\(\s*{_VALUE}(?:\s*,\s*{_VALUE})++\s*\)", re.IGNORECASE)
_ROWS: Final = re.compile(rf"({_VALUES})(?:\s*,\s*{_VALUES})++")

_WORD: Final = re.compile(
    r"""(?:[^\W\d][\w$]*|"(?:[^"]|"")*"|`(?:[^`]|``)*`)(?:\s*\.\s*(?:[^\W\d][\w$]*|"(?:[^"]|"")*"|`(?:[^`]|``)*`))*|[(),;]"""
)
_NO_OPERATION_AFTER: Final = frozenset(("FOR", "KEY", "DO", "ON", "THEN"))
"""FOR UPDATE, ON DUPLICATE KEY UPDATE, ON CONFLICT DO UPDATE, ON DELETE CASCADE, WHEN MATCHED THEN UPDATE."""
_OPERATIONS: Final = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"))
_OBJECTS: Final = frozenset(
    (
        "TABLE", "INDEX", "VIEW", "DATABASE", "SCHEMA", "SEQUENCE", "FUNCTION", "PROCEDURE", "TRIGGER", "USER",
        "ROLE", "TYPE",
    )
)  # fmt: skip
_BEFORE_TARGET: Final = frozenset(("FROM", "JOIN", "INTO", "UPDATE"))
_NO_TABLE_AFTER: Final = _NO_OPERATION_AFTER | {"DISTINCT", "ARRAY"}
"""IS DISTINCT FROM, ClickHouse's ARRAY JOIN."""
_NO_TABLES: Final = frozenset(("LATERAL", "UNNEST", "VALUES", "STDIN", "STDOUT", "PROGRAM", "SET"))
_NAMES_NEXT: Final = frozenset(("CALL", "COPY", "TRUNCATE", "EXECUTE", "REPLACE", "DESCRIBE", "OPTIMIZE", "EXCHANGE"))
_SKIPPED: Final = frozenset(
    (
        "ONLY", "IF", "NOT", "EXISTS", "OR", "IGNORE", "LOW_PRIORITY", "DELAYED", "ABORT", "FAIL", "ROLLBACK",
        "TABLE", "REPLACE", "INTO", "FROM",
    )
)  # fmt: skip
"""Words that may stand between an operation and its target."""
_ENDS_FROM: Final = frozenset(
    (
        "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "SET", "VALUES", "ON",
        "RETURNING", "WINDOW", "FOR",
    )
)  # fmt: skip

_known: dict[tuple[str, str], Statement] = {}
_held = 0


def read(text: str, system: str) -> Statement:
    """What a statement says; `system` is its `db.system.name`, which decides how strings are quoted. Never raises."""
    global _held  # noqa: PLW0603 - the cache's size
    text = text[:MAX_TEXT]
    found = _known.get((system, text))
    if found is None:
        masked = mask(text, system)
        found = Statement(masked, *_summarize(masked))
        if _held > _CACHE_TEXT:
            _known.clear()
            _held = 0
        _held += 2 * len(text) + 200
        _known[system, text] = found
    return found


def mask(text: str, system: str) -> str:
    """The text with `?` for each literal, lists of values and rows of values cut to one, and without comments."""
    if system == "clickhouse":
        text = _INLINE_DATA.sub(_without_values, text, count=1)
        masked = _CLICKHOUSE.sub(_masked, text)
    elif system in _DOUBLE_QUOTED:
        masked = _MYSQL.sub(_masked_double, text)
    else:
        masked = _STANDARD.sub(_masked, text)
    masked = _IN_LIST.sub(r"\1\2(?)", masked)
    return _ROWS.sub(r"\1", masked).strip()


def _masked(match: re.Match[str]) -> str:
    token = match[0]
    first = token[0]
    if first in "-/#":
        return " "
    if first in '"`':  # an identifier, if it is one
        return token if len(token) > 1 and token[-1] == first else "?"
    return "?"


def _masked_double(match: re.Match[str]) -> str:
    return "?" if match[0][0] == '"' else _masked(match)


def _without_values(match: re.Match[str]) -> str:
    head = match[1]
    return match[0] if head.upper().rstrip().endswith("FORMAT VALUES") else head + " ?"


def _summarize(masked: str) -> tuple[str, str, str]:
    """`db.query.summary`, the only operation and the only collection (or empty)."""
    reader = _Reader()
    words = [match[0] for match in _WORD.finditer(masked)]
    for index, word in enumerate(words):
        reader.take(word, words[index + 1] if index + 1 < len(words) else "")
    targets = [name for name in reader.targets if name.upper() not in reader.named]
    parts = [part for part, target in reader.parts if not target or part in targets]
    summary = ""
    for part in parts:
        if len(summary) + len(part) + 1 > MAX_SUMMARY:
            break
        summary = f"{summary} {part}" if summary else part
    operations = [part for part, target in reader.parts if not target]
    return (
        summary,
        operations[0] if len({name.upper() for name in operations}) == 1 else "",
        targets[0] if len(set(targets)) == 1 else "",
    )


class _Reader:
    """Goes through a statement's words once. `parts` are (name, is a target)."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, bool]] = []
        self.targets: list[str] = []
        self.named: set[str] = set()
        """Names of common table expressions, in upper case: no tables."""
        self.starts = True
        self.expects = False
        self.lists = False
        """A comma here is followed by one more table."""
        self.creates = ""
        self.before = ""
        self.open: list[tuple[bool, bool]] = []
        """For each open parenthesis, whether FROM in it means a table, and `lists` around it."""

    def take(self, word: str, following: str) -> None:
        upper = word.upper()
        if len(word) == 1 and word in "(),;":
            self._punctuation(word, following.upper())
        elif self.starts:
            self._start(word, upper)
        elif self.creates:
            self._create(word, upper)
        elif upper == "SELECT" or (
            upper in _OPERATIONS and self.before not in _NO_OPERATION_AFTER and following != "("
        ):  # INSERT( is a function of MySQL's
            self._operation(word, upper)
        elif self.expects:
            self._target(word, upper, following)
        elif upper in _BEFORE_TARGET and self.before not in _NO_TABLE_AFTER:
            self.expects = not self.open or self.open[-1][0]
        elif upper in _ENDS_FROM:
            self.lists = False
        elif upper == "AS" and following == "(" and not self.lists:
            self.named.add(_bare(self.before))
        self.before = upper

    def _punctuation(self, word: str, following: str) -> None:
        if word == "(":
            query = following in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE") or self.expects
            self.open.append((query, self.lists))
        elif word == ")":
            if self.open:
                self.lists = self.open.pop()[1]
            self.expects = False
        elif word == ",":
            self.expects = self.lists
        else:
            self.starts, self.lists, self.expects = True, False, False

    def _start(self, word: str, upper: str) -> None:
        if upper == "WITH":
            self.starts = False
            return
        self.starts = False
        if upper in ("CREATE", "ALTER", "DROP"):
            self.creates = word
            return
        self._operation(word, upper)
        self.expects = self.expects or upper in _NAMES_NEXT

    def _operation(self, word: str, upper: str) -> None:
        self.parts.append((word, False))
        self.expects = upper == "UPDATE"
        self.lists = False

    def _create(self, word: str, upper: str) -> None:
        if upper in _OBJECTS:
            self.parts.append((f"{self.creates} {word}", False))
            self.creates, self.expects = "", True
        elif upper not in (
            "OR",
            "REPLACE",
            "TEMP",
            "TEMPORARY",
            "UNIQUE",
            "UNLOGGED",
            "MATERIALIZED",
            "RECURSIVE",
            "VIRTUAL",
        ):
            self.parts.append((f"{self.creates} {word}", False))
            self.creates = ""

    def _target(self, word: str, upper: str, following: str) -> None:
        if upper in _SKIPPED:
            return
        self.expects = False
        if upper in _NO_TABLES or (following == "(" and self.before in ("FROM", "JOIN", ",")):
            return
        name = word.replace('"', "").replace("`", "")
        self.parts.append((name, True))
        self.targets.append(name)
        self.lists = self.before in ("FROM", ",", "ONLY")


def _bare(word: str) -> str:
    return word.replace('"', "").replace("`", "").upper()
