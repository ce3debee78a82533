"""Pages that follow something, through a connection that breaks: they go on where they were cut off."""

import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from support.browser import Site, page_of, send
from support.demo_traffic import transaction
from support.otlp import log, logs_request
from support.slow_proxy import SlowProxy
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.deploy.demo.kinds import SUCCESS

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

QUERY = 'log:"checkout of order"'


@pytest.fixture
def between(pages: Site) -> Iterator[SlowProxy]:
    with SlowProxy(urlsplit(pages.url).port or 0) as proxy:
        yield proxy


@pytest.fixture
def page(browser: Browser, between: SlowProxy) -> Iterator[Page]:
    with page_of(browser, f"http://127.0.0.1:{between.port}") as page:
        yield page


@pytest.fixture
def store(pages_store: ClickHouseSettings) -> ClickHouseSettings:
    return pages_store


@pytest.fixture
def followed(page: Page) -> list[Request]:
    """Every request that follows something."""
    asked: list[Request] = []
    page.on("request", lambda it: asked.append(it) if "follow" in it.url else None)
    return asked


def send_another(writer: ClickHouseWriter) -> str:
    """A transaction of now; its ID."""
    new = transaction(SUCCESS, time.time_ns() % 10**9, time.time_ns())
    send(writer, [new], f"another-{new.transaction_id}")
    return new.transaction_id


def cut(between: SlowProxy, page: Page) -> None:
    between.delay = None
    between.cut()
    expect(page.get_by_text("The connection is lost")).to_be_visible()


@pytest.mark.parametrize("told_before", [True, False], ids=["after some", "before any"])
def test_live_goes_on_with_what_happened_meanwhile(
    page: Page, between: SlowProxy, writer: ClickHouseWriter, followed: list[Request], told_before: bool
) -> None:
    nothing = page.request.get("/api/v1/search?" + urlencode({"q": "service=nobody"})).json()
    page.goto("/search?live=1&" + urlencode({"q": QUERY}))
    state = page.get_by_role("status").filter(has_text="Live: each transaction appears")
    expect(state).to_be_visible()
    # From here on only the stream tells of transactions.
    page.route("**/api/v1/search?*", lambda route: route.fulfill(json=nothing))
    told = [send_another(writer)] if told_before else []
    for one in told:
        expect(page.locator(f"a[href$='{one}']")).to_be_visible()
    cut(between, page)
    told.append(send_another(writer))
    between.delay = 0.0
    expect(state).to_be_visible()
    told.append(send_another(writer))
    for one in reversed(told):
        expect(page.locator(f"a[href$='{one}']")).to_have_count(1)
    assert "last-event-id" not in followed[0].headers
    assert "last-event-id" in followed[-1].headers


def test_log_lines_go_on_and_none_is_told_twice(
    page: Page, between: SlowProxy, writer: ClickHouseWriter, followed: list[Request]
) -> None:
    transaction_id, now = f"{time.time_ns():032x}", time.time_ns()

    def write(*texts: str) -> None:
        lines = [log(transaction_id, "01" * 8, text, time=now, severity_number=9) for text in texts]
        writer.insert(Signal.LOGS, [logs_request(*lines)], f"{transaction_id}-{texts[0]}")

    write("first", "second")
    page.goto(f"/trace/{transaction_id}?view=logs")
    page.get_by_role("button", name="Follow").click()
    state = page.get_by_text("further lines appear as they arrive")
    expect(state).to_be_visible()
    write("third")
    expect(page.locator(".line")).to_have_count(3)
    cut(between, page)
    write("meanwhile")
    between.delay = 0.0
    expect(state).to_be_visible()
    expect(page.locator(".line")).to_have_count(4)
    write("after")
    expect(page.locator(".line")).to_have_count(5)
    assert "last-event-id" in followed[-1].headers
