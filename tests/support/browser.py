"""A real browser before the real pages: Debian's chromium, driven by Playwright.

The pages are the built ones (`make ui`), served by the query service over a real ClickHouse. What can't be had here
skips the test, except in CI (environment variable CI), where it fails. BROWSER_SLOWDOWN=6 in the environment makes
the browser's processor six times slower: whoever doesn't wait for what an action brings about is found out.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.demo_traffic import Traffic, transaction
from support.server import serve
from weftline.collector.access.gate import OPEN, Access
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.proxy_stats import ProxyStatRow
from weftline.deploy.demo.kinds import KINDS, SUCCESS, Kind
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

UI = Path(__file__).parents[2] / "query" / "ui"
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SECOND = 1_000_000_000
PATIENCE_MS = 60_000
"""How long anything may take on a machine that has much else to do; what is fast is not waited for."""
SLOWDOWN = int(os.environ.get("BROWSER_SLOWDOWN", "1"))


@dataclass(frozen=True)
class Site:
    """The pages, and what is behind them."""

    url: str
    demo: Sequence[Traffic]
    """Newest last."""

    def of(self, kind: Kind) -> Traffic:
        """The newest transaction of ``kind``."""
        return next(it for it in reversed(self.demo) if it.kind is kind)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without window. One a module at most: while it runs, `asyncio.run` doesn't work in its thread."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        _cannot("There is no chromium here: apt-get install chromium.")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, which containers' users often are.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(
    browser: Browser, url: str, *, dark: bool = False, size: dict[str, int] | None = None, slowdown: int = SLOWDOWN
) -> Iterator[Page]:
    """A page of its own profile, whose relative addresses are below ``url``; an error of a script fails the test.

    ``slowdown``: how many times slower than this machine's its processor is.
    """
    context = browser.new_context(
        base_url=url,
        viewport=size or WIDE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        timezone_id="UTC",
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    if slowdown > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # What isn't answered well is logged by the browser too; that is tested by what the page says of it.
    page.on(
        "console",
        lambda it: wrong.append(it.text) if it.type == "error" and "Failed to load resource" not in it.text else None,
    )
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


@contextmanager
def site(
    store: ClickHouseSettings,
    demo: Sequence[Traffic],
    *,
    base_path: str = "",
    max_rows: int = 20_000,
    access: Access = OPEN,
) -> Iterator[Site]:
    """The query service over ``store``, with the built pages."""
    if not (UI / "dist" / "index.html").exists():
        _cannot("The pages are not built: make ui.")
    with closing(ClickHouseReader(store)) as reader, closing(ClickHouseSearcher(store)) as searcher:
        app = create_app(reader, searcher, QuerySettings(base_path=base_path, max_rows=max_rows), access)
        with serve(app) as url:
            yield Site(url + base_path, demo)


def demo_traffic(now: int, *, minutes: int = 20, successes: int = 60) -> Sequence[Traffic]:
    """Every kind of the demo three times within the last ``minutes``, among ``successes``; oldest first."""
    kinds: list[Kind] = [SUCCESS] * successes
    for place, kind in enumerate(KINDS * 3):
        kinds.insert((place + 1) * len(kinds) // (len(KINDS) * 3 + 1), kind)
    kinds += [it for it in KINDS if it is not SUCCESS]
    step = minutes * 60 * SECOND // len(kinds)
    begin = now - minutes * 60 * SECOND
    return [
        transaction(kind, 4711 + place, begin + place * step + place * 7919 % 1000 * 1_000_000, pace=_pace(place))
        for place, kind in enumerate(kinds)
    ]


def send(writer: ClickHouseWriter, traffic: Sequence[Traffic], token: str = "demo") -> None:
    """Store it all, as an edge without Kafka would."""
    for signal in (Signal.SPANS, Signal.LOGS):
        messages = [message for one in traffic for kind, message in one.messages if kind is signal]
        writer.insert(signal, messages, f"{token}-{signal.value}")


def send_stats(store: ClickHouseSettings, now: int) -> None:
    """Two looks at each of three proxies: payment's lost access logs, cart's refused requests, the edge's is well."""
    begin, end = now // 1_000_000 - 120_000, now // 1_000_000 - 60_000

    def look(service: str, stat: str, increase: float, scope: str = "", worker: str = "") -> ProxyStatRow:
        return ProxyStatRow(
            end, begin, f"{service}-1", service, "127.0.0.1:9901", stat, scope, worker, increase, increase
        )

    rows = [look(service, "scrapes", 2) for service in ("edge", "cart", "payment")]
    rows += [
        look("payment", "http_downstream_rq_finished", 5_000, "sidecar-inbound"),
        look("cart", "cluster_upstream_rq_total", 900, "payment"),
        look("cart", "cluster_upstream_rq_pending_overflow", 48, "payment"),
        look("cart", "cluster_circuit_breakers_default_rq_pending_open", 1, "payment"),
        *(
            look("edge", "listener_worker_downstream_cx_total", count, "0.0.0.0_8080", f"worker_{number}")
            for number, count in enumerate((400, 10, 10, 10))
        ),
    ]
    ClickHouseProxyStats(store).insert(rows, "stats")


def _pace(place: int) -> float:
    """Most requests take about as long; a few take much longer."""
    return (0.7 + place * 37 % 50 / 100) * (6 if place % 17 == 5 else 1)


def _cannot(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
