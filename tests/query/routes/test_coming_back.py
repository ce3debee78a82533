"""Followers that lose their connection and come back with `Last-Event-ID`: real servers, connections that are cut."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, hit, log
from support.server import serve
from weftline.query.app import create_app
from weftline.query.routes import search
from weftline.query.routes.following import Followers
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket

LOGS = f"/api/v1/transactions/{TRANSACTION}/logs?follow=true"


class Source:
    """As a browser's EventSource: remembers the last id."""

    def __init__(self, url: str, path: str, last: str = "") -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
        self._connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        self.last = last

    def begin(self) -> None:
        """The first lines, before any event."""
        while line := self._response.readline().decode().rstrip("\n"):
            if line.startswith("id: "):
                self.last = line.removeprefix("id: ")

    def hear(self, count: int) -> list[str]:
        """Texts of lines or ids of transactions."""
        told: list[str] = []
        event, identity, data = "", "", ""
        while len(told) < count:
            line = self._response.readline().decode().rstrip("\n")
            field, _, value = line.partition(": ")
            if field == "event":
                event = value
            elif field == "id":
                identity = value
            elif field == "data":
                data = value
            elif not line and event:
                assert event in ("line", "transaction"), data
                it = json.loads(data)
                told.append(it["text"] if event == "line" else it["transaction_id"][0])
                self.last, event = identity, ""
        return told

    def cut(self) -> None:
        self._connection.close()


@pytest.fixture
def followers() -> Followers:
    return Followers(poll_seconds=0.02, longest_seconds=20)


def test_lines(followers: Followers) -> None:
    reader = RowsReader([log(str(number), ms=number) for number in range(5)])
    with serve(create_app(reader, RowsSearcher(), QuerySettings(), followers=followers)) as url:
        source = Source(url, LOGS)
        assert source.hear(3) == ["0", "1", "2"], "the others are on their way"
        source.cut()
        reader.rows.append(log("5", ms=5))
        again = Source(url, LOGS, source.last)
        assert again.hear(3) == ["3", "4", "5"]
        reader.rows.append(log("6", ms=6))
        assert again.hear(1) == ["6"]
        other = Source(url, LOGS + "&level=info", again.last)
        assert other.hear(7) == list("0123456"), "another question"
        for it in (again, other):
            it.cut()


@pytest.fixture
def searcher() -> RowsSearcher:
    return RowsSearcher()


@pytest.fixture
def following(searcher: RowsSearcher, followers: Followers) -> Iterator[tuple[str, list[int]]]:
    """Its URL, and its clock."""
    clock = [START]
    app = FastAPI()
    app.include_router(search.router(RowsReader(), searcher, QuerySettings(), followers, lambda: clock[0]))
    with serve(app) as url:
        yield url, clock


def test_transactions(searcher: RowsSearcher, following: tuple[str, list[int]]) -> None:
    url, clock = following
    path = "/api/v1/search/follow?q=service%3Dcart"
    source = Source(url, path)
    source.begin()
    searcher.hits = [hit(f"{number}" * 32, START + number) for number in range(4, 0, -1)]
    assert source.hear(2) == ["1", "2"]
    source.cut()
    # Told in any order of their beginning; and more than one look finds at once happens in between.
    clock[0] += 90 * 10**9
    searcher.hits = [hit(f"{number}" * 32, START + number) for number in range(9, -1, -1)]
    again = Source(url, path, source.last)
    assert sorted(again.hear(8)) == ["0", "3", "4", "5", "6", "7", "8", "9"]
    again.cut()


def test_who_was_told_nothing_yet_misses_nothing(searcher: RowsSearcher, following: tuple[str, list[int]]) -> None:
    url, clock = following
    source = Source(url, "/api/v1/search/follow")
    source.begin()
    source.cut()
    clock[0] += 300 * 10**9
    searcher.hits = [hit("a" * 32, START + 1)]
    again = Source(url, "/api/v1/search/follow", source.last)
    assert again.hear(1) == ["a"], "it happened while there was no connection"
    again.cut()
    last = again.last
    again = Source(url, "/api/v1/search/follow", last)
    again.begin()
    assert again.last == last, "what goes on has no beginning of its own"
    again.cut()


def test_transactions_of_a_service_that_was_started_again(
    searcher: RowsSearcher, following: tuple[str, list[int]]
) -> None:
    url, clock = following
    searcher.hits = [hit("a" * 32, START + 50), hit("b" * 32, START - 10**9)]
    clock[0] += 10 * 10**9
    source = Source(url, "/api/v1/search/follow", f"{'0' * 16}-7-{START}")
    assert source.hear(2) == ["b", "a"], "one that began before may not have been told"
    source.cut()
