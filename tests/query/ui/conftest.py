"""The pages over the demo's transactions, and a browser, for each module that asks for them."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from support.attacks import send_attacks
from support.browser import Site, chromium, demo_traffic, page_of, send, send_stats, site
from support.local import own_database
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.deploy.local.clickhouse import ClickHouse

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def pages_store(clickhouse: ClickHouse) -> Iterator[ClickHouseSettings]:
    """A database of the module's own: what one adds, another doesn't count."""
    with own_database(clickhouse, f"pages_{next(_numbers)}") as settings:
        yield settings


@pytest.fixture(scope="module")
def pages(pages_store: ClickHouseSettings) -> Iterator[Site]:
    """Every kind of the demo within the last twenty minutes. Tests add to it, so they count nothing that is not theirs."""
    demo = demo_traffic(time.time_ns() - 5_000_000_000)
    with closing(ClickHouseWriter(pages_store)) as writer:
        send(writer, demo)
    send_stats(pages_store, time.time_ns())
    with site(pages_store, demo) as running:
        yield running


@pytest.fixture(scope="module")
def attacked(pages: Site, pages_store: ClickHouseSettings) -> str:
    """ID of a transaction with something hostile in every field that takes text."""
    with closing(ClickHouseWriter(pages_store)) as writer:
        return send_attacks(writer)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, pages: Site) -> Iterator[Page]:
    """1280 pixels wide, light."""
    with page_of(browser, pages.url) as page:
        yield page
