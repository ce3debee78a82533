"""Interleaved rounds over the pages: each in a fresh profile, until what one came for is on it.

The rows are the demo's, made and served by what the browser tests use. There is no peer: Jaeger's UI is no package.
"""

import gzip
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.deploy.demo.kinds import UPSTREAM_DOWN

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from support.browser import chromium, demo_traffic, send, send_stats, site  # noqa: E402 - found there only
from support.local import start_clickhouse  # noqa: E402 - as above

ROUNDS = 15
TRANSACTIONS = 2_000
PAGES = {
    "home": ("/", ".failures li"),
    "search": ("/search", ".hit-list li"),
    "transaction": ("/trace/{id}", "[role=treeitem]"),
    "dependencies": ("/dependencies", ".service-map .call"),
    "monitor": ("/monitor?service=cart", ".lines canvas"),
    "events": ("/events", ".event-list li"),
}
"""Address, and what shows that its data is there."""


class View(NamedTuple):
    painted: float
    """ms after the navigation began"""
    there: float
    """ms, as above: the data can be seen"""
    received: int
    """bytes of all answers, as they went over the wire"""


def main() -> None:
    """Run and print the tables."""
    views: defaultdict[str, list[View]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, start_clickhouse(Path(folder)) as clickhouse:
        store = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database="bench")
        migrate(store)
        demo = demo_traffic(time.time_ns() - 5_000_000_000, minutes=50, successes=TRANSACTIONS)
        with closing(ClickHouseWriter(store)) as writer:
            for begin in range(0, len(demo), 100):
                send(writer, demo[begin : begin + 100], f"bench-{begin}")
        send_stats(store, time.time_ns())
        with site(store, demo) as pages, chromium() as browser:
            for warm in (True, *[False] * ROUNDS):
                for name, (address, data) in PAGES.items():
                    url = pages.url + address.format(id=pages.of(UPSTREAM_DOWN).transaction_id)
                    view = _view(browser, url, data)
                    if not warm:
                        views[name].append(view)
    print(
        f"\nUI: first view on localhost, {len(demo):,} transactions, empty cache; medians of {ROUNDS} rounds (slowest)"
    )
    print(f"{'':<16}{'first paint':>20}{'its data is there':>24}{'received':>12}")
    for name, those in views.items():
        painted, there = [it.painted for it in those], [it.there for it in those]
        received = statistics.median(it.received for it in those) / 1000
        print(f"{name:<16}{_ms(painted):>20}{_ms(there):>24}{received:>9.0f} kB")
    files = sorted(path for path in (ROOT / "query" / "ui" / "dist").rglob("*") if path.is_file())
    sizes = [len(gzip.compress(path.read_bytes(), 9)) for path in files]
    print(f"bundle: {sum(sizes) / 1000:.0f} kB gzip in {len(files)} files, the largest {max(sizes) / 1000:.0f} kB")


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ms ({max(values):.0f})"


def _view(browser: Browser, url: str, data: str) -> View:
    """What one sees of a page, from the navigation on by the browser's own clock."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        # Looked at on every frame: whoever waits from outside adds its own way.
        page.add_init_script(
            f"""(() => {{
              const look = () => {{
                if (document.querySelector({data!r})) window.there = performance.now();
                else requestAnimationFrame(look);
              }};
              requestAnimationFrame(look);
            }})()"""
        )
        page.goto(url)
        # Asked through the debugger: the page's policy lets no text become a script.
        while not page.evaluate("window.there !== undefined && performance.getEntriesByType('paint').length > 1"):
            page.wait_for_timeout(20)
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        received = page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".reduce((sum, it) => sum + it.transferSize, 0)"
        )
        return View(painted, page.evaluate("window.there"), received)
    finally:
        context.close()
