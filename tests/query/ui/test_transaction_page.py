"""The page of one transaction and the comparison of two, in a real browser over rows in a real ClickHouse."""

import os
import re
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from support.attacks import ATTACKS
from support.browser import PHONE, Site, page_of, site
from support.otlp import log, logs_request, span, spans_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.deploy.demo.kinds import APPLICATION_ERROR, NO_ROUTE, RETRY, SAMPLED_OUT, SUCCESS, TIMEOUT, UPSTREAM_DOWN
from weftline.query.cli.client import fetch

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

MS = 1_000_000
VIEWS = ("timeline", "logs", "spans", "flame", "statistics", "time")


@pytest.fixture
def store(pages_store: ClickHouseSettings) -> ClickHouseSettings:
    return pages_store


def rows(page: Page) -> int:
    """How many rows the tree has, in view or not."""
    first = page.get_by_role("treeitem").first
    expect(first).to_be_visible()
    return int(first.get_attribute("aria-setsize") or 0)


def has_rows(page: Page, count: int) -> None:
    expect(page.get_by_role("treeitem").first).to_have_attribute("aria-setsize", str(count))


def show(page: Page, transaction_id: str, parameters: str = "") -> None:
    page.goto(f"/trace/{transaction_id}{parameters}")
    expect(page.locator(".story, .compare, .not-found")).to_be_visible()


def nothing_sticks_out(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_verdict_stands_first_and_leads_to_its_evidence(page: Page, pages: Site) -> None:
    show(page, pages.of(UPSTREAM_DOWN).transaction_id)
    verdict = page.locator(".head .verdict")
    expect(verdict).to_contain_text(UPSTREAM_DOWN.verdict)
    verdict.get_by_role("button", name="show the evidence").click()
    detail = page.get_by_role("complementary", name="Detail")
    expect(detail).to_contain_text("could not connect to the upstream")
    expect(detail).to_contain_text("payment outbound proxy")
    expect(page.locator(".entry.evidence")).to_be_in_viewport()
    page.get_by_role("button", name="Close detail").click()
    expect(page.locator(".entry.evidence")).to_contain_text("it began here")
    page.locator(".entry.evidence").click()
    page.wait_for_url(re.compile(r"\?row=a\."))
    # Whoever gets the link sees the same.
    page.reload()
    expect(page.locator(".entry.evidence.selected")).to_be_in_viewport()
    expect(detail).to_contain_text("could not connect to the upstream")


def test_spans_proxy_hops_attempts_and_lines_stand_in_one_view_cause_first(browser: Browser, pages: Site) -> None:
    transaction_id = pages.of(RETRY).transaction_id
    parents = [entry["parent"] for entry in fetch(transaction_id, pages.url)["entries"]]
    with page_of(browser, pages.url, size={"width": 1280, "height": 1600}) as page:
        show(page, transaction_id)
        has_rows(page, len(parents))
        expect(page.get_by_role("treeitem")).to_have_count(len(parents))
        shown = [
            int(it.removeprefix("row-")) for it in page.locator(".entry").evaluate_all("all => all.map(one => one.id)")
        ]
        for place, index in enumerate(shown):
            assert parents[index] is None or parents[index] in shown[:place]
        for kind in ("span", "access_log", "attempt", "log"):
            assert page.locator(f".entry.{kind}").count() > 0
        assert {"proxy", "inbound proxy", "outbound proxy"} <= set(page.locator(".entry .proxy").all_inner_texts())


def test_an_application_error_and_a_timeout_are_told_apart(page: Page, pages: Site) -> None:
    show(page, pages.of(APPLICATION_ERROR).transaction_id)
    expect(page.locator(".head .verdict")).to_contain_text(APPLICATION_ERROR.verdict)
    show(page, pages.of(TIMEOUT).transaction_id)
    expect(page.locator(".head .verdict")).to_contain_text(TIMEOUT.verdict)


def test_flags_explain_themselves_to_mouse_and_keyboard(page: Page, pages: Site) -> None:
    show(page, pages.of(NO_ROUTE).transaction_id)
    flags = page.locator(".head .flags")
    hint = page.get_by_role("tooltip").filter(has_text="NR: ")
    expect(hint.first).to_be_hidden()
    flags.hover()
    expect(hint.first).to_be_visible()
    page.mouse.move(0, 0)
    expect(hint.first).to_be_hidden()
    flags.focus()
    expect(hint.first).to_be_visible()
    flags.blur()
    page.get_by_role("tree").focus()
    active = page.locator(".entry.active")
    for place in range(1, rows(page) + 1):
        expect(active).to_have_attribute("aria-posinset", str(place))
        if active.locator(".flags").count():
            break
        page.keyboard.press("ArrowDown")
    expect(active.get_by_role("tooltip").last).to_be_visible()


def test_a_request_without_spans_says_so(page: Page, pages: Site) -> None:
    show(page, pages.of(SAMPLED_OUT).transaction_id)
    expect(page.locator(".facts")).to_contain_text("no spans: sampled out")
    expect(page.locator(".head .verdict")).to_contain_text("Went well")
    assert rows(page) > 5


def test_keys_alone_are_enough(page: Page, pages: Site) -> None:
    show(page, pages.of(UPSTREAM_DOWN).transaction_id)
    all_rows = rows(page)
    active = page.locator(".entry.active")
    page.get_by_role("tree").focus()
    expect(active).to_have_attribute("aria-posinset", "1")
    page.keyboard.press("End")
    expect(active).to_have_attribute("aria-posinset", str(all_rows))
    expect(active).to_be_in_viewport()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(active).to_have_attribute("aria-expanded", "false")
    assert rows(page) < all_rows
    page.keyboard.press("ArrowRight")
    has_rows(page, all_rows)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Detail")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="Detail")).to_be_hidden()
    page.keyboard.press("e")
    expect(page.locator(".entry.selected.error")).to_be_in_viewport()
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Find in rows")).to_be_focused()
    page.keyboard.type("order")
    expect(page.locator(".find output")).not_to_be_empty()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator(".entry.selected.found")).to_be_in_viewport()
    first = page.locator(".entry.selected").get_attribute("aria-posinset") or ""
    page.keyboard.press("n")
    expect(page.locator(".entry.selected.found")).not_to_have_attribute("aria-posinset", first)
    page.keyboard.press("N")
    expect(page.locator(".entry.selected.found")).to_have_attribute("aria-posinset", first)
    page.wait_for_url(re.compile("find=order"))


def test_filters_leave_matches_and_their_causes_and_live_in_the_address(page: Page, pages: Site) -> None:
    show(page, pages.of(APPLICATION_ERROR).transaction_id)
    all_rows = rows(page)
    page.get_by_role("button", name="log lines").click()
    page.get_by_label("Lowest level").select_option("error")
    expect(page.locator(".entry.log")).to_have_count(2)
    expect(page.locator(".entry:not(.log):not(.faint)")).to_have_count(0)
    page.wait_for_url(re.compile("kind=log.*level=error"))
    page.reload()
    expect(page.locator(".entry.log")).to_have_count(2)
    page.get_by_role("button", name="Show all rows").click()
    has_rows(page, all_rows)
    page.get_by_role("button", name="payment").click()
    expect(page.locator(".entry:not(.faint)").first).to_contain_text("payment")
    show(page, pages.of(APPLICATION_ERROR).transaction_id, "?find=nothing+has+this&only=1")
    expect(page.locator(".timeline")).to_contain_text("No row passes these filters")


def test_rows_fold_by_depth(page: Page, pages: Site) -> None:
    show(page, pages.of(SUCCESS).transaction_id)
    all_rows = rows(page)
    page.get_by_label("Fold rows").select_option("1")
    expect(page.get_by_role("treeitem").first).not_to_have_attribute("aria-setsize", str(all_rows))
    page.wait_for_url(re.compile("depth=1"))


def test_rows_stand_in_lanes_by_service(page: Page, pages: Site) -> None:
    show(page, pages.of(UPSTREAM_DOWN).transaction_id)
    all_rows = rows(page)
    page.get_by_role("tree").focus()
    page.get_by_label("lanes by service").focus()
    page.keyboard.press("Space")
    page.wait_for_url(re.compile("lanes=1"))
    lanes = page.locator(".entry.lane")
    expect(lanes).to_have_text([re.compile(f"{service}.*rows") for service in ("edge", "cart", "payment")])
    has_rows(page, all_rows + 3)
    expect(lanes.last).to_contain_text("errors")
    # What another service caused says which.
    page.get_by_role("tree").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(lanes.first).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".entry.active")).to_contain_text("cart")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".entry.active")).to_contain_text("caused by edge")
    # What is selected from elsewhere opens its lane; folded lanes are one line a service.
    page.get_by_label("Fold rows").select_option("0")
    has_rows(page, 3)
    page.wait_for_url(re.compile("depth=0"))
    page.reload()
    has_rows(page, 3)
    page.get_by_role("button", name="show the evidence").click()
    expect(page.locator(".entry.evidence.selected")).to_be_in_viewport()
    expect(lanes.last).to_have_attribute("aria-expanded", "true")
    page.get_by_label("lanes by service").uncheck()
    expect(lanes).to_have_count(0)


def test_dragging_zooms_and_a_key_resets(page: Page, pages: Site) -> None:
    show(page, pages.of(SUCCESS).transaction_id)
    scale = page.locator(".scale").bounding_box()
    assert scale
    y = scale["y"] + scale["height"] / 2
    page.mouse.move(scale["x"] + scale["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(scale["x"] + scale["width"] * 0.5, y)
    page.mouse.up()
    page.wait_for_url(re.compile(r"zoom=\d+-\d+"))
    expect(page.locator(".tick").first).not_to_have_text("0")
    page.get_by_role("tree").focus()
    page.keyboard.press("x")
    expect(page.locator(".tick").first).to_have_text("0")
    minimap = page.locator(".minimap").bounding_box()
    assert minimap
    page.mouse.move(minimap["x"] + 10, minimap["y"] + 10)
    page.mouse.down()
    page.mouse.move(minimap["x"] + 200, minimap["y"] + 10)
    page.mouse.up()
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.locator(".tick").first).to_have_text("0")


def test_retries_stand_side_by_side(page: Page, pages: Site) -> None:
    show(page, pages.of(RETRY).transaction_id)
    expect(page.locator(".head .verdict")).to_contain_text("Went well, but")
    page.get_by_role("button", name="show the evidence").click()
    table = page.locator(".detail .attempts")
    expect(table.locator("thead th")).to_have_count(2)
    expect(table.locator("tbody tr").first).to_contain_text("503")
    expect(table.locator("tbody tr").first).to_contain_text("200")
    expect(page.locator(".entry.evidence .try")).to_have_count(2)
    table.locator("thead").get_by_role("button", name="1").click()
    expect(page.locator(".entry.selected")).to_contain_text("attempt 1")


def test_the_detail_has_everything_and_can_be_copied(browser: Browser, pages: Site) -> None:
    with page_of(browser, pages.url) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        traffic = pages.of(UPSTREAM_DOWN)
        show(page, traffic.transaction_id)
        page.get_by_role("button", name="show the evidence").click()
        detail = page.get_by_role("complementary", name="Detail")
        expect(detail.get_by_role("rowheader", name="upstream_cluster")).to_be_visible()
        detail.get_by_role("textbox", name="Filter").fill("response_code_details")
        expect(detail.get_by_role("rowheader", name="upstream_cluster")).to_be_hidden()
        expect(detail.get_by_role("rowheader", name="response_code_details")).to_be_visible()
        detail.get_by_text("Raw record").click()
        expect(detail.locator(".raw")).to_contain_text('"kind": "access_log"')
        detail.get_by_role("button", name="copy as JSON").click()
        expect(detail.get_by_text("copied", exact=True)).to_be_visible()
        page.wait_for_function(
            "navigator.clipboard.readText().then(JSON.parse).then(it => it.kind === 'access_log', () => false)"
        )
        detail.get_by_role("button", name="Copy as curl").click()
        page.wait_for_function("navigator.clipboard.readText().then(it => it.startsWith('curl -i '))")
        page.get_by_role("button", name="Copy the transaction ID").click()
        page.wait_for_function("id => navigator.clipboard.readText().then(it => it === id)", arg=traffic.transaction_id)


def test_log_lines_alone_are_followed(page: Page, pages: Site, writer: ClickHouseWriter) -> None:
    transaction_id, now = f"{time.time_ns():032x}", time.time_ns()
    lines = [log(transaction_id, "01" * 8, "first", time=now, severity_number=9)]
    writer.insert(Signal.LOGS, [logs_request(*lines)], f"follow-{now}")
    show(page, transaction_id, "?view=logs")
    expect(page.locator(".line")).to_have_count(1)
    page.get_by_role("button", name="Follow").click()
    state = page.get_by_role("status").filter(has_text="further lines appear as they arrive")
    expect(state).to_be_visible()
    late = log(transaction_id, "01" * 8, "late\nwith a second line", time=now + MS, severity_number=17)
    writer.insert(Signal.LOGS, [logs_request(late)], f"follow-late-{now}")
    expect(page.locator(".line")).to_have_count(2)
    expect(page.locator(".line").last).to_contain_text("with a second line")
    page.get_by_role("button", name="Following").click()
    expect(state).to_have_count(0)
    page.get_by_label("Lowest level").select_option("warn")
    expect(page.locator(".line")).to_have_count(1)
    page.get_by_role("button", name="Detail of the line").click()
    expect(page.get_by_role("complementary", name="Detail")).to_contain_text("with a second line")


def test_spans_are_sorted_by_any_column(page: Page, pages: Site) -> None:
    show(page, pages.of(SUCCESS).transaction_id)
    page.get_by_role("tab", name="Spans").click()
    page.get_by_role("button", name="duration").click()
    header = page.get_by_role("columnheader", name="duration")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(page.locator("tbody tr").first).to_contain_text("edge")
    page.wait_for_url(re.compile("view=spans.*sort=-duration"))
    page.get_by_role("button", name="duration").click()
    expect(header).to_have_attribute("aria-sort", "ascending")


def test_views_are_reached_with_arrow_keys(page: Page, pages: Site) -> None:
    show(page, pages.of(SUCCESS).transaction_id)
    page.get_by_role("tab", name="Timeline").focus()
    for name in ("Logs", "Spans", "Flame graph", "Statistics", "Where time went"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_the_flame_graph_shows_a_part_alone(page: Page, pages: Site) -> None:
    show(page, pages.of(SUCCESS).transaction_id, "?view=flame")
    box = page.get_by_role("button", name="cart · POST /checkout")
    box.click()
    page.wait_for_url(re.compile("focus="))
    expect(page.locator(".box").first).to_contain_text("POST /checkout")
    page.get_by_role("button", name="Open the first of these").click()
    expect(page.get_by_role("complementary", name="Detail")).to_contain_text("POST /checkout")


def test_the_shares_of_time_add_up(page: Page, pages: Site) -> None:
    show(page, pages.of(TIMEOUT).transaction_id, "?view=time")
    expect(page.locator(".time-split tbody tr").first).to_be_visible()
    shares = page.locator(".time-split tbody td:nth-child(4)").all_inner_texts()
    assert abs(sum(float(share.rstrip(" %")) for share in shares) - 100) < 0.06 * len(shares)
    expect(page.locator(".time-split tbody")).to_contain_text("inferred")
    show(page, pages.of(TIMEOUT).transaction_id, "?path=1")
    expect(page.locator(".waited").first).to_be_visible()


def test_statistics_open_the_longest(page: Page, pages: Site) -> None:
    show(page, pages.of(SUCCESS).transaction_id, "?view=statistics")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="by name").click()
    page.locator("tbody tr").first.get_by_role("button").click()
    expect(page.get_by_role("complementary", name="Detail")).to_be_visible()


def test_two_are_compared_at_jaegers_address(page: Page, pages: Site) -> None:
    good, bad = pages.of(SUCCESS).transaction_id, pages.of(UPSTREAM_DOWN).transaction_id
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    show(page, f"{good}...{bad}")
    expect(page.get_by_role("region", name="Transaction B")).to_contain_text(UPSTREAM_DOWN.verdict)
    assert [path for path in asked if path.startswith("/api/")] == ["/api/v1/compare"]
    table = page.get_by_role("table", name="Rows of both")
    expect(table).to_contain_text("failed in B")
    expect(table).to_contain_text("only B")
    unchanged = page.locator(".differences tbody tr.same")
    expect(unchanged.first).to_be_visible()
    page.get_by_label("differences only").check()
    expect(unchanged).to_have_count(0)
    page.get_by_role("link", name="Swap them").click()
    expect(table).to_contain_text("failed in A")
    show(page, good)
    page.get_by_role("textbox", name="Compare with").fill("f" * 32)
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Transaction B")).to_contain_text("No transaction is known")
    # The other one is there all the same, and can be compared with another.
    expect(page.get_by_role("region", name="Transaction A")).to_contain_text("no errors")
    page.get_by_role("textbox", name="Another ID for B").fill(bad)
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Transaction B")).to_contain_text(UPSTREAM_DOWN.verdict)
    expect(table).to_contain_text("failed in B")


def test_what_is_not_there_says_what_to_do(page: Page) -> None:
    show(page, "f" * 32)
    expect(page.get_by_role("alert")).to_contain_text("No transaction is known")
    expect(page.get_by_role("button", name="Look again")).to_be_visible()
    show(page, "4bf92f3577b34da6a3ce929d0e0e473")
    expect(page.get_by_role("alert")).to_contain_text("32 hex digits")


def test_a_long_load_can_be_cancelled(page: Page, pages: Site) -> None:
    held: list[Route] = []
    # A fake delay: nothing real takes long here for sure.
    page.route("**/api/v1/transactions/**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright counts its parameters
    transaction_id = pages.of(SUCCESS).transaction_id
    page.goto(f"/trace/{transaction_id}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("Cancelled")
    page.unroute("**/api/v1/transactions/**")
    page.get_by_role("button", name="Load it after all").click()
    expect(page.get_by_role("tree")).to_be_visible()


def test_a_clock_that_is_behind_is_said_and_can_be_shown_raw(page: Page, writer: ClickHouseWriter) -> None:
    now = time.time_ns()
    transaction_id = f"{now:032x}"
    writer.insert(
        Signal.SPANS,
        [
            spans_request(span(transaction_id, "01" * 8, start=now, duration=100 * MS, name="front"), service="front"),
            spans_request(
                span(transaction_id, "02" * 8, parent="01" * 8, start=now - 40 * MS, duration=60 * MS, name="back"),
                service="back",
            ),
        ],
        f"clock-{now}",
    )
    show(page, transaction_id)
    expect(page.locator(".clock")).to_contain_text("clocks corrected")
    expect(page.locator(".entry").last).to_contain_text("clock +60.0 ms")
    page.get_by_role("button", name="show as recorded").click()
    page.wait_for_url(re.compile("clock=raw"))
    expect(page.locator(".entry").last).not_to_contain_text("clock +")
    page.locator(".entry").last.click()
    expect(page.get_by_role("complementary", name="Detail")).to_contain_text("-40.0 ms")


@pytest.mark.parametrize("phone", [False, True])
def test_hostile_texts_neither_run_nor_break_the_page(
    browser: Browser, pages: Site, attacked: str, *, phone: bool
) -> None:
    with page_of(browser, pages.url, size=PHONE if phone else None, dark=phone) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        for view in VIEWS:
            show(page, attacked, f"?view={view}")
            nothing_sticks_out(page)
            assert page.evaluate("window.ran") is None
        show(page, attacked)
        has_rows(page, 3 * len(ATTACKS))
        page.get_by_role("tree").focus()
        for _ in range(3 * len(ATTACKS)):
            page.keyboard.press("Enter")
            page.keyboard.press("ArrowDown")
        nothing_sticks_out(page)
        for height in page.locator(".entry").evaluate_all("all => all.map(one => one.offsetHeight)"):
            assert height <= 40
        assert "\x1b" not in (page.text_content("body") or "")
        assert "\u202e" not in (page.text_content("body") or "")
        show(page, f"{attacked}...{attacked}")
        expect(page.get_by_role("table", name="Rows of both")).to_be_visible()
        nothing_sticks_out(page)
        # It is the x-request-id too, and so an alias that finds the transaction.
        show(page, quote(ATTACKS[1], safe=""))
        expect(page.locator(".facts")).to_contain_text(f"found by {ATTACKS[1]}")
        assert page.evaluate("window.ran") is None


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_every_view(browser: Browser, pages: Site, view: str, *, dark: bool) -> None:
    with page_of(browser, pages.url, size=PHONE, dark=dark) as page:
        show(page, pages.of(UPSTREAM_DOWN).transaction_id, f"?view={view}")
        nothing_sticks_out(page)
        page.get_by_role("button", name="show the evidence").click()
        evidence, detail = page.locator(".entry.evidence"), page.get_by_role("complementary", name="Detail")
        expect(evidence).to_be_in_viewport()
        expect(detail).to_be_visible()
        # The pane doesn't cover it.
        page.wait_for_function(
            """() => {
              const [row, pane] = [".entry.evidence", ".detail"].map((one) => document.querySelector(one));
              return row.getBoundingClientRect().bottom <= pane.getBoundingClientRect().top + 1;
            }"""
        )
        nothing_sticks_out(page)


AXE = Path(__file__).parents[3] / "query" / "ui" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(not AXE.exists() and "CI" not in os.environ, reason="the UI's packages are not installed: make ui")
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_serious_is_in_the_way_of_anybody(browser: Browser, pages: Site, *, dark: bool) -> None:
    good, bad = pages.of(RETRY).transaction_id, pages.of(UPSTREAM_DOWN).transaction_id
    with page_of(browser, pages.url, dark=dark) as page:
        for address in (
            f"{good}...{bad}",
            "f" * 32,
            *(f"{bad}?view={view}" for view in VIEWS),
            f"{good}?path=1",
            f"{bad}?lanes=1",
        ):
            show(page, address)
            if address.startswith(f"{good}?"):
                page.get_by_role("button", name="show the evidence").click()
                expect(page.get_by_role("complementary", name="Detail")).to_be_visible()
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate(
                "axe.run().then(it => it.violations.map(one => [one.impact, one.id, one.nodes[0].html]))"
            )
            assert [one for one in found if one[0] in ("serious", "critical")] == [], address


SMALL, LARGE = 2_000, 100_000


def send_steps(writer: ClickHouseWriter, count: int) -> str:
    """A transaction of so many spans, of which each has eight children; its ID."""
    now = time.time_ns()
    transaction_id = f"{now:032x}"
    for batch in range(10):
        numbers = range(batch * count // 10, (batch + 1) * count // 10)
        message = spans_request(
            *(
                span(
                    transaction_id, f"{number + 1:016x}", parent=f"{(number + 7) // 8:016x}" if number else "",
                    start=now + number * 1000, duration=(count - number) * 1000, name=f"step {number}",
                )
                for number in numbers
            ),
            service=f"service-{batch}",
        )  # fmt: skip
        writer.insert(Signal.SPANS, [message], f"steps-{now}-{batch}")
    return transaction_id


def frame_ms(page: Page) -> float:
    """Time of a frame while 60 screens scroll by: the median, and none of a row that isn't in view."""
    frames = page.evaluate(
        """async () => {
          window.scrollTo(0, 400);
          const gaps = [];
          let last = performance.now();
          for (let step = 0; step < 60; step++) {
            window.scrollBy(0, 700);
            await new Promise(requestAnimationFrame);
            const now = performance.now();
            gaps.push(now - last);
            last = now;
          }
          return gaps.sort((a, b) => a - b);
        }"""
    )
    assert page.locator(".entry").count() < 120
    return float(frames[len(frames) // 2])


def test_a_hundred_thousand_rows_scroll_as_smoothly_as_few(
    browser: Browser, pages_store: ClickHouseSettings, writer: ClickHouseWriter
) -> None:
    small, large = send_steps(writer, SMALL), send_steps(writer, LARGE)
    with site(pages_store, (), max_rows=2 * LARGE) as running, page_of(browser, running.url) as page:
        page.goto(f"/trace/{large}")
        expect(page.get_by_role("treeitem").first).to_be_visible(timeout=180_000)
        has_rows(page, LARGE)
        page.get_by_role("tree").focus()
        page.keyboard.press("End")
        expect(page.locator(".entry.active")).to_have_attribute("aria-posinset", str(LARGE))
        expect(page.locator(".entry.active")).to_be_in_viewport()
        of_large = frame_ms(page)
        page.get_by_label("lanes by service").check()
        has_rows(page, LARGE + 10)
        in_lanes = frame_ms(page)
        page.goto(f"/trace/{small}")
        has_rows(page, SMALL)
        # However fast this machine is.
        assert max(of_large, in_lanes) < 3 * max(frame_ms(page), 17)
