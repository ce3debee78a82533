"""Requests to an application under the agent, and whether each one's transaction holds what the application did.

What it did is told by the witness (`witness/sitecustomize.py`), not by the agent. Requests come one after the other, so
all that the witness saw between two of them belongs to the first.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from weftline.query.cli.client import UnknownIdError, fetch

PATIENCE = 30.0
_LITERAL = re.compile(r"'(?:[^']|'')*'|\?\d*|%s|\bNULL\b|(?<![\w.\"])-?\d[\w.]*", re.IGNORECASE)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA READ_UNCOMMITTED")
"""What isn't compared: SQLite's driver begins and ends transactions itself, only some of its callers do it by a statement;
and the one thing SQLAlchemy asks each new connection, which gets no span by design."""

Seen = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was answered. `began` is how much the witness had seen by then."""

    method: str
    route: str
    status: int
    transaction_id: str
    began: int


class Visitor:
    """One user's browser: keeps cookies, follows no redirect."""

    def __init__(self, url: str, witness: Path, last_line: str) -> None:
        """`last_line` matches what a server logs when it is done with a request."""
        self.witness = witness
        self.visits: list[Visit] = []
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self._last_line = re.compile(last_line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, path: str, status: int, route: str, **more: Any) -> httpx.Response:
        return self.visit("GET", path, status, route, **more)

    def post(self, path: str, status: int, route: str, **more: Any) -> httpx.Response:
        return self.visit("POST", path, status, route, **more)

    def visit(self, method: str, path: str, status: int, route: str, *, until: str = "", **more: Any) -> httpx.Response:
        """Asks, and waits until the server has logged it, and something matching `until` has been logged too."""
        began = self.seen_bytes()
        response = self.client.request(method, path, **more)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        transaction_id = response.headers["x-transaction-id"]
        assert len(response.headers.get_list("x-transaction-id")) == 1
        self.visits.append(Visit(method, route, status, transaction_id, began))
        for line in filter(None, (self._last_line, until and re.compile(until))):
            self._wait(began, line)
        return response

    def seen_bytes(self) -> int:
        return self.witness.stat().st_size if self.witness.exists() else 0

    def seen(self, visit: Visit) -> list[Seen]:
        """All that the application did for a request."""
        at = self.visits.index(visit)
        until = self.visits[at + 1].began if at + 1 < len(self.visits) else self.seen_bytes()
        return read(self.witness, visit.began, until)

    def _wait(self, began: int, line: re.Pattern[str]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not any(
            line.search(f"{it['logger']}: {it['text']}") for it in read(self.witness, began) if "logger" in it
        ):
            assert time.monotonic() < deadline, f"nothing like {line.pattern!r} was logged"
            time.sleep(0.02)


def read(witness: Path, began: int = 0, until: int | None = None) -> list[Seen]:
    """What the witness saw between two points of its file."""
    if not witness.exists():
        return []
    return [json.loads(line) for line in witness.read_bytes()[began:until].splitlines()]


def queries(seen: Iterable[Seen]) -> Counter[str]:
    """The statements SQLite ran."""
    return Counter(text for it in seen if "query" in it and (text := normal(it["query"])))


def lines(seen: Iterable[Seen]) -> Counter[tuple[str, str, str]]:
    """The records logging made: (logger, level, text)."""
    return Counter((it["logger"], it["level"], it["text"]) for it in seen if "logger" in it)


def normal(statement: str) -> str:
    """A statement without its values, parameters put in or not. Empty for what isn't compared."""
    text = " ".join(_LIST.sub("(?)", _LITERAL.sub("?", statement)).split()).rstrip(" ;")
    return "" if text.upper().startswith(_CONTROL) else text


def look_up(visit: Visit, url: str, rows: int) -> list[dict[str, Any]]:
    """The transaction's entries, once they are as many as they must be; what there is when they don't come."""
    deadline = time.monotonic() + PATIENCE
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        try:
            found = fetch(visit.transaction_id, url)["entries"]
        except UnknownIdError:
            found = []
        if len([it for it in found if not _is_extra(it)]) >= rows:
            break
        time.sleep(0.1)
    return found


def check(visitor: Visitor, visit: Visit, url: str, others: Mapping[str, int] | None = None) -> None:
    """The transaction holds the request's server span, all its queries and log lines, each once, and nothing else.

    `others` are the names of further spans, and how many there must be of each.
    """
    seen = visitor.seen(visit)
    expected_queries, expected_lines, others = queries(seen), lines(seen), Counter(others or {})
    rows = 1 + expected_queries.total() + expected_lines.total() + others.total()
    entries = look_up(visit, url, rows)
    what = f"{visit}\n" + "\n".join(f"{e['kind']} {e.get('name') or e.get('body')}" for e in entries)

    assert {entry["transaction_id"] for entry in entries} == {visit.transaction_id}, what
    assert [entry["parent"] is None for entry in entries] == [True] + [False] * (len(entries) - 1), what
    assert {entry["parent_by"] for entry in entries[1:]} <= {"span"}, what
    spans = [entry for entry in entries if entry["kind"] == "span"]
    logs = [entry for entry in entries if entry["kind"] == "log"]
    assert len(spans) + len(logs) == len(entries), what

    [server] = [span for span in spans if span["span_kind"] == "server"]
    assert server is entries[0], what
    assert server["attributes"].get("http.route", "") == visit.route, what
    assert server["attributes"]["http.request.method"] == visit.method, what
    assert server["attributes"]["http.response.status_code"] == str(visit.status), what
    assert (server["status"] == "error") == (visit.status >= 500), what

    found = Counter(
        text for span in spans if "sqlite" in span["attributes"].get("db.system.name", "")
        if (text := normal(span["attributes"]["db.query.text"]))
    )  # fmt: skip
    assert found == expected_queries, what
    written = Counter((log["scope_name"], log["severity_text"], log["body"]) for log in logs if not log["event_name"])
    assert written == expected_lines, what
    rest = Counter(
        span["name"] for span in spans if span is not server and span["attributes"].get("db.system.name") != "sqlite"
    )
    assert rest == others, what


def _is_extra(entry: Mapping[str, Any]) -> bool:
    """Events of the agent's own (a task's id is an alias), and what isn't compared."""
    if entry.get("event_name"):
        return True
    text = entry["attributes"].get("db.query.text")
    return text is not None and not normal(text)
