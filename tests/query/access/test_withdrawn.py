"""An answer that goes on ends when who asked may no more: real servers, and tokens in a file that changes."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.access import Tokens, tokens
from support.rows import TRANSACTION, RowsReader, RowsSearcher, log
from support.server import serve
from weftline.collector.access.identity import Role
from weftline.collector.access.tokens import Token, digest, line, parse
from weftline.query.app import create_app
from weftline.query.cli import client
from weftline.query.routes.following import Followers
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket

PATHS = [f"/api/v1/transactions/{TRANSACTION}/logs?follow=true", "/api/v1/search/follow?q=service%3Dcart"]
SOON = 5.0
"""Seconds; the file is looked at once a second."""


@pytest.fixture
def made(tmp_path) -> Tokens:
    return tokens(tmp_path)


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader([log("before")])


@pytest.fixture
def url(made: Tokens, reader: RowsReader) -> Iterator[str]:
    followers = Followers(poll_seconds=0.05, longest_seconds=20)
    with serve(create_app(reader, RowsSearcher(), QuerySettings(), made.access(), followers=followers)) as url:
        yield url


def told(url: str, path: str, made: Tokens, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Events and their data, until the service ends them."""
    request = urllib.request.Request(url + path, headers=made.bearer(name))
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SOON) as response:
        event = ""
        for one in response:
            field, _, text = one.decode().strip().partition(": ")
            if field == "event":
                event = text
            elif field == "data":
                yield event, json.loads(text)


def change(made: Tokens, name: str, **fields: object) -> None:
    """Another line for one token; none without ``fields``."""
    them = parse(made.file.read_text().splitlines(), "")
    kept = [replace(token, **fields) if token.name == name else token for token in them if fields or token.name != name]  # type: ignore[arg-type]
    made.file.write_text("".join(line(token) + "\n" for token in kept))


CHANGES = [
    ({}, "The token is unknown or has expired."),
    ({"expires": datetime(2026, 1, 1, tzinfo=UTC)}, "The token is unknown or has expired."),
    ({"roles": frozenset([Role.WRITE])}, "reader may not read."),
    ({"tenant": "a"}, "reader asks for another tenant now."),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("changed", "says"), CHANGES)
def test_it_ends_and_says_why(url: str, made: Tokens, path: str, changed: dict[str, object], says: str) -> None:
    timer = threading.Timer(0.5, change, (made, "reader"), changed)
    timer.start()
    began = time.monotonic()
    events = list(told(url, path, made, "reader"))
    assert time.monotonic() - began < SOON
    assert events[-1] == ("end", {"reason": f"access has ended: {says}", "denied": True})
    assert [event for event, _ in events[:-1]] == (["line"] if "logs" in path else [])
    timer.join()


def test_it_ends_when_the_token_expires(url: str, made: Tokens) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    made.secrets["short"] = "wft_short"
    with made.file.open("a") as file:
        file.write(line(Token("short", digest("wft_short"), "", frozenset([Role.READ]), soon)) + "\n")
    time.sleep(1.1)  # until the file is looked at again
    assert list(told(url, PATHS[1], made, "short"))[-1][1]["denied"]
    assert timedelta(0) <= datetime.now(UTC) - soon < timedelta(seconds=2)


def test_nothing_more_is_told_and_others_go_on(url: str, made: Tokens, reader: RowsReader) -> None:
    admins = told(url, PATHS[0], made, "admin")
    readers = told(url, PATHS[0], made, "reader")
    assert [next(it)[1]["text"] for it in (admins, readers)] == ["before", "before"]
    change(made, "reader")
    assert [event for event, _ in readers] == ["end"]
    reader.rows.append(log("afterwards", ms=1))
    assert next(admins)[1]["text"] == "afterwards"
    admins.close()


def test_the_command_says_so_as_of_any_refusal(url: str, made: Tokens) -> None:
    threading.Timer(0.3, change, (made, "reader")).start()
    given = client.TOKEN.set(made.secrets["reader"])
    try:
        with pytest.raises(client.NotAllowedError, match="access has ended: The token is unknown"):
            list(client.follow(PATHS[0], url))
    finally:
        client.TOKEN.reset(given)


def test_nobody_goes_on_with_the_stream_of_another_tenant(url: str, made: Tokens, reader: RowsReader) -> None:
    def begin(name: str, last: str = "") -> tuple[str, str]:
        """The first event's id and text."""
        request = urllib.request.Request(url + PATHS[0], headers={**made.bearer(name), "Last-Event-ID": last})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SOON) as response:
            found: dict[str, str] = {}
            for line in response:
                field, _, text = line.decode().strip().partition(": ")
                if not field and "data" in found:
                    break
                found[field] = text
        return found["id"], json.loads(found["data"])["text"]

    last, text = begin("a")
    assert text == "before"
    assert begin("b", last)[1] == "before", "a stream of its own, from the beginning"
    reader.rows.append(log("afterwards", ms=1))
    assert begin("a", last)[1] == "afterwards"
