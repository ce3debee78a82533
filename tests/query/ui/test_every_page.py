"""What holds for every page: no serious barrier, nothing cut off on a phone, reachable by keys, deep links, any base path."""

import gzip
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import PHONE, UI, Site, page_of, site
from weftline.collector.settings import ClickHouseSettings
from weftline.deploy.demo.kinds import SUCCESS, UPSTREAM_DOWN

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

PAGES = {
    "home": "/",
    "search": "/search",
    "mistake": "/search?q=duraton%3E5ms",
    "nothing found": "/search?q=service%3Dnobody",
    "dependencies": "/dependencies",
    "dependencies of one": "/dependencies?service=payment",
    "monitor": "/monitor",
    "monitor of one": "/monitor?service=cart",
    "no spans": "/monitor?since=2020-01-01T00:00&until=2020-01-01T01:00",
    "events": "/events",
    "mesh": "/mesh",
    "propagation": "/propagation?since=1h",
    "transaction": "/trace/{id}",
    "logs": "/trace/{id}?view=logs",
    "spans": "/trace/{id}?view=spans",
    "flame graph": "/trace/{id}?view=flame",
    "statistics": "/trace/{id}?view=statistics",
    "where time went": "/trace/{id}?view=time",
    "comparison": "/trace/{good}...{id}",
    "unknown transaction": "/trace/nothing-of-this-name",
    "nowhere": "/no/such/page",
}
AXE = UI / "node_modules" / "axe-core" / "axe.min.js"
BUNDLE_BYTES = 400_000


def address(name: str, pages: Site) -> str:
    return PAGES[name].format(id=pages.of(UPSTREAM_DOWN).transaction_id, good=pages.of(SUCCESS).transaction_id)


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, pages: Site) -> Iterator[Page]:
    with page_of(browser, pages.url, dark=request.param == "dark") as page:
        yield page


def violations(page: Page) -> list[str]:
    """Of WCAG 2.2 A and AA and of axe's best practices, those that are serious or critical."""
    # The page's policy lets no script in from outside; this one comes through the debugger.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{it['id']} ({it['impact']}): {it['help']}: {node['target']} {node['failureSummary']}"
        for it in found
        for node in it["nodes"]
        if it["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_kept_out(themed: Page, pages: Site, name: str) -> None:
    asked: list[str] = []
    themed.on("request", lambda request: asked.append(request.url))
    themed.goto(address(name, pages))
    themed.wait_for_load_state("networkidle")
    expect(themed.get_by_role("heading", level=1).first).to_be_attached()
    assert [url for url in asked if not url.startswith(pages.url)] == [], "nothing from elsewhere"
    assert violations(themed) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_off_on_a_phone(browser: Browser, pages: Site, name: str) -> None:
    with page_of(browser, pages.url, size=PHONE) as page:
        page.goto(address(name, pages))
        page.wait_for_load_state("networkidle")
        if name == "monitor of one":
            page.get_by_text("Step by step").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert needs_a_swipe(page) == []
        assert lines_over_each_other(page) == []
        assert violations(page) == []


def needs_a_swipe(page: Page) -> list[str]:
    """What has to be moved sideways to be seen; names of pages and of views are a strip for a thumb."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main *")]
          .filter((it) => it.scrollWidth > it.clientWidth + 1 && !it.matches("[role=tablist]"))
          .filter((it) => ["auto", "scroll"].includes(getComputedStyle(it).overflowX))
          .map((it) => it.outerHTML.slice(0, 200))"""
    )
    return found


def lines_over_each_other(page: Page) -> list[str]:
    """Rows of tables whose cells have no room in them: those of long tables have a fixed height."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main tr")]
          .filter((row) => [...row.cells].some((cell) =>
            cell.getBoundingClientRect().bottom > row.getBoundingClientRect().bottom + 1))
          .map((row) => row.textContent)"""
    )
    return found


def test_everything_can_be_done_by_keys(page: Page, pages: Site) -> None:
    """From the home page to a failed transaction and to a search, without a mouse."""
    page.goto("/")
    expect(page.get_by_role("region", name="Recent failures").get_by_role("listitem").first).to_be_visible()
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.append(focused[0])
        assert focused[1] != "none", f"the focus on {focused[0]!r} can't be seen"
        if focused[0] == "POST /no-such-page":
            break
    assert reached[-1] == "POST /no-such-page"
    page.keyboard.press("Enter")
    page.wait_for_url("**/trace/*")
    page.goto("/search")
    expect(page.get_by_role("combobox", name="Search")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("flags=NR")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Transactions").get_by_role("listitem").first).to_contain_text("404")


def test_colours_can_be_chosen_and_stay(page: Page) -> None:
    page.goto("/search")
    page.get_by_label("Colours").select_option("dark")
    page.reload()
    expect(page.get_by_label("Colours")).to_have_value("dark")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")


def test_a_transaction_has_many_addresses(page: Page, pages: Site) -> None:
    sent = pages.of(SUCCESS)
    for any_id in (sent.transaction_id.upper(), sent.request_id, f"00-{sent.transaction_id}-{'1' * 16}-01"):
        page.goto(f"/trace/{any_id}")
        expect(page.locator("main")).to_contain_text(sent.transaction_id)
    page.goto(f"/trace/{sent.transaction_id[:31]}")
    expect(page.get_by_role("alert")).to_contain_text("31")
    page.goto("/trace/")
    expect(page.get_by_role("heading", name="There is nothing at /trace/")).to_be_visible()


def test_an_address_that_is_no_page_leads_on(page: Page) -> None:
    page.goto("/no/such/page")
    expect(page.get_by_role("heading", name="There is nothing at /no/such/page")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="search").click()
    expect(page.get_by_role("combobox", name="Search")).to_be_visible()


def test_all_of_it_lives_under_a_path(browser: Browser, pages: Site, pages_store: ClickHouseSettings) -> None:
    with site(pages_store, pages.demo, base_path="/logs/weftline") as below, page_of(browser, below.url) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(below.url + "/search?q=flags%3DUF")
        page.get_by_role("list", name="Transactions").get_by_role("link").first.click()
        expect(page.locator("main")).to_contain_text(pages.of(UPSTREAM_DOWN).transaction_id)
        page.get_by_role("link", name="Events").click()
        expect(page.get_by_role("list", name="Events").get_by_role("listitem").first).to_be_visible()
        assert [url for url in asked if not url.startswith(below.url)] == [], "nothing from elsewhere"


def test_the_whole_bundle_is_small(pages: Site) -> None:
    files = [path for path in (UI / "dist").rglob("*") if path.is_file()]
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files}
    assert sum(sizes.values()) <= BUNDLE_BYTES, sorted(sizes.items(), key=lambda item: -item[1])[:5]
