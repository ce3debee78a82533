"""`weftline logs --follow` and `weftline search --follow` as users run them: until Ctrl-C, whatever happens to a connection."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, hit, log
from support.server import serve
from support.slow_proxy import SlowProxy
from weftline.query.app import create_app
from weftline.query.cli.search import search
from weftline.query.routes.following import Followers
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket

ANSWER_SECONDS = 0.5
"""Then the service ends an answer, as after a quarter of an hour."""


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader([log("0"), log("1", ms=1)])


@pytest.fixture
def searcher() -> RowsSearcher:
    return RowsSearcher()


@pytest.fixture
def between(reader: RowsReader, searcher: RowsSearcher) -> Iterator[SlowProxy]:
    """Before the service: what it does to connections is what happens to them."""
    followers = Followers(poll_seconds=0.02, longest_seconds=ANSWER_SECONDS)
    app = create_app(reader, searcher, QuerySettings(), followers=followers, clock=lambda: START)
    with serve(app) as url, SlowProxy(urlsplit(url).port or 0) as proxy:
        yield proxy


@contextmanager
def running(between: SlowProxy, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, until Ctrl-C; it has said nothing then that was not read."""
    code = "from weftline.query.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments, "--json", "--url", f"http://127.0.0.1:{between.port}"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
            process.send_signal(signal.SIGINT)
            rest, said = process.communicate(timeout=30)
            assert (process.returncode, rest) == (0, "")
            assert said.count("The connection is lost") == 1
        finally:
            process.kill()


def follows(process: subprocess.Popen[str], field: str, between: SlowProxy, add: Callable[[str], None]) -> None:
    """What is added while all is well, behind the end of an answer, and while there is no connection."""
    assert process.stdout

    def told() -> str:
        return str(json.loads(process.stdout.readline())[field])  # type: ignore[union-attr]

    add("2")
    assert told().startswith("2")
    time.sleep(2 * ANSWER_SECONDS)
    add("3")
    assert told().startswith("3")
    between.delay = None
    between.cut()
    add("4")
    time.sleep(ANSWER_SECONDS)
    between.delay = 0.0
    add("5")
    assert [told()[0], told()[0]] == ["4", "5"]


def test_log_lines(between: SlowProxy, reader: RowsReader) -> None:
    with running(between, "logs", TRANSACTION, "--follow") as process:
        assert process.stdout
        assert [json.loads(process.stdout.readline())["text"] for _ in range(2)] == ["0", "1"]
        follows(process, "text", between, lambda it: reader.rows.append(log(it, ms=int(it))))


def test_transactions(between: SlowProxy, searcher: RowsSearcher) -> None:
    def add(it: str) -> None:
        searcher.hits = [hit(it * 32, START + int(it)), *searcher.hits]

    with running(between, "search", "service=cart", "--follow") as process:
        deadline = time.monotonic() + 30
        while not searcher.asked:  # it is followed from now on
            assert time.monotonic() < deadline
            time.sleep(0.02)
        follows(process, "transaction_id", between, add)


def test_what_cannot_be_followed_is_said_at_once(between: SlowProxy) -> None:
    ran = CliRunner().invoke(search, ["duraton>5ms", "--follow", "--url", f"http://127.0.0.1:{between.port}"])
    assert (ran.exit_code, ran.stdout) == (2, "")
