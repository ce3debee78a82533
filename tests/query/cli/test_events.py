"""`weftline events` as users run it, against a real HTTP server; what it follows, also against a real ClickHouse."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from support.otlp import access_log, logs_request
from support.rows import RowsReader, RowsSearcher, access, events_of
from support.server import serve
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import AccessLogRow, Signal
from weftline.query.app import create_app
from weftline.query.cli.client import UnreachableError
from weftline.query.cli.events import following
from weftline.query.cli.events_view import draw_counts, draw_events
from weftline.query.settings import QuerySettings

MINUTE = 60 * 10**9
ROWS: list[AccessLogRow] = [
    access("edge", "e", "", "e1", took=40, service="edge", code=504, flags="UT", cluster="cart", path="/checkout"),
    access(
        "sidecar-inbound", "c", "e1", "c1", ms=1, took=50, code=0, flags="DC", details="downstream_remote_disconnect"
    ),
    access("sidecar-outbound", "o", "x", "o2", ms=70, attempts=2, cluster="payment", path="/" + "long/" * 30),
    access("edge", "f", ms=99, service="edge", code=404, flags="NR", path="/no\x1b[31m"),
    access("sidecar-outbound", "g", ms=199, code=403, details="rbac_access_denied_matched_policy[none]"),
]


def weftline(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from weftline.query.cli import main; main()", *arguments],
        env={**os.environ, "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    reader = RowsReader(ROWS)
    reader.mesh_events = events_of(*ROWS)
    with serve(create_app(reader, RowsSearcher(), QuerySettings())) as url:
        yield url


@pytest.mark.socket
def test_it_prints_two_lines_an_event_oldest_first(url: str) -> None:
    ran = weftline("events", "--url", url)
    assert (ran.returncode, ran.stderr) == (0, "")
    events = ran.stdout.split("\n\n", 1)[1].splitlines()
    assert events[:6] == [
        "06:07:12  edge proxy: cart was too slow: request timed out",
        "          timeout  504 UT  GET /checkout  4bf92f3577b34da6a3ce929d0e0e4736",
        "06:07:12  cart's inbound proxy: client left before the response",
        "          follows from edge proxy",
        "          client_abort  0 DC  GET /pay  4bf92f3577b34da6a3ce929d0e0e4736",
        "06:07:12  cart's outbound proxy: asked payment 2 times",
    ]
    assert "          no_route  404 NR  GET /no\\x1b[31m  4bf92f3577b34da6a3ce929d0e0e4736" in events
    assert "06:07:12  cart's outbound proxy: denied by an RBAC policy" in events


@pytest.mark.socket
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_none_has_colour(url: str, columns: int) -> None:
    ran = weftline("events", "--url", url, columns=columns)
    assert max(map(cell_len, ran.stdout.splitlines())) <= columns
    assert "\x1b" not in ran.stdout


@pytest.mark.socket
def test_json_is_the_apis(url: str) -> None:
    answer = json.loads(weftline("events", "--url", url, "--json").stdout)
    assert [event["kind"] for event in answer["events"]] == [
        "authorization_denial", "no_route", "retry", "client_abort", "timeout",
    ]  # fmt: skip


@pytest.mark.socket
def test_what_cannot_be_asked_exits_with_2_or_3(url: str) -> None:
    assert weftline("events", "--url", url, "--kind", "nonsense").returncode == 2
    bad = weftline("events", "--url", url, "--since", "yesterday")
    assert (bad.returncode, "`yesterday` is no time" in bad.stderr) == (2, True)
    assert weftline("events", "--url", "http://127.0.0.1:1").returncode == 3


def drawn(answer: Mapping[str, Any], **options: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=80, force_terminal=False, **options)
    draw_counts(answer, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_counts_are_drawn_most_frequent_first() -> None:
    def count(minute: int, kind: str, times: int) -> dict[str, Any]:
        return {"start_unix_nano": str(minute * MINUTE), "kind": kind, "service": "cart", "count": times}

    answer = {
        "since_unix_nano": "0", "until_unix_nano": str(5 * MINUTE), "interval_ns": MINUTE,
        "counts": [count(0, "retry", 1), count(1, "timeout", 8), count(4, "timeout", 4), count(4, "timeout", 1)],
    }  # fmt: skip
    assert drawn(answer) == [
        "     13  timeout                   █  ▅",
        "      1  retry                    █",
    ]  # fmt: skip


def test_no_events_draw_nothing() -> None:
    console = Console(file=io.StringIO())
    draw_events([], console)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def page(*ids: str, more: str | None = None, at: int = 100) -> dict[str, Any]:
    events = [{"id": id_, "time_unix_nano": str(at - n)} for n, id_ in enumerate(ids)]
    return {"events": events, "until_unix_nano": str(1_795_000_000 * 10**9), "next": more}


def test_following_gives_each_event_once_whatever_comes_again_or_late() -> None:
    answers = iter(
        [
            page("c", "b", "a"),
            UnreachableError("away"),
            page("d", "c"),
            page("f", more="cursor"),
            page("e", "d"),
            page(),
            page("h", "f"),
        ]
    )
    asked: list[Mapping[str, object]] = []

    def ask(parameters: Mapping[str, object]) -> dict[str, Any]:
        asked.append(parameters)
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pages = following(page("b", "a"), ask, sleep=lambda _: None)
    assert [[event["id"] for event in next(pages)] for _ in range(4)] == [["c"], ["d"], ["f", "e"], ["h"]]
    assert asked[0]["stored_since"] == "1794999985.000"
    assert asked[4]["cursor"] == "cursor"


def test_what_the_first_page_had_no_room_for_is_not_news() -> None:
    answers = iter([page("new", "shown", "before", at=101), page("late", "before")])
    pages = following(page("shown", more="cursor", at=100), lambda _: next(answers), sleep=lambda _: None)
    assert [[event["id"] for event in next(pages)] for _ in range(2)] == [["new"], ["late"]]


@pytest.mark.clickhouse
def test_follow_shows_what_happens_now(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """Real store, real service, real command: an event stored while it runs is printed, and an old one that comes late."""
    with serve(create_app(reader, RowsSearcher(), QuerySettings())) as url:
        process = subprocess.Popen(
            [sys.executable, "-c", "from weftline.query.cli import main; main()", "events", "-f", "--json", "--url", url],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        lines: list[dict[str, Any]] = []
        assert process.stdout
        thread = threading.Thread(target=lambda: lines.extend(map(json.loads, process.stdout)), daemon=True)  # type: ignore[arg-type]
        thread.start()
        try:
            for number, age in enumerate((1, 7200), 1):
                record = access_log("ab" * 16, f"{number:016x}", time=time.time_ns() - age * 10**9, response_flags="UO")
                writer.insert(Signal.LOGS, [logs_request(record)], f"t{number}")
                until = time.monotonic() + 20
                while len(lines) < number and time.monotonic() < until:
                    time.sleep(0.05)
            assert [(line["kind"], line["span_id"][-1]) for line in lines] == [
                ("circuit_breaking", "1"), ("circuit_breaking", "2"),
            ]  # fmt: skip
        finally:
            process.terminate()
            process.wait(10)
            thread.join(10)
            process.stdout.close()
