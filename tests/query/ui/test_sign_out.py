"""Where one has to sign in: the pages say who one is and let one out, and lead back to where one was."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.access import Tokens, tokens
from support.browser import PHONE, Site, page_of, site
from weftline.collector.settings import ClickHouseSettings
from weftline.deploy.demo.kinds import SUCCESS

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return tokens(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module", params=["", "/logs/weftline"], ids=["root", "below a path"])
def closed(
    request: pytest.FixtureRequest, pages: Site, pages_store: ClickHouseSettings, made: Tokens
) -> Iterator[Site]:
    """The same pages, for those who have a token."""
    with site(pages_store, pages.demo, base_path=request.param, access=made.access()) as below:
        yield below


@pytest.fixture(params=["wide", "phone"])
def stranger(request: pytest.FixtureRequest, browser: Browser, closed: Site) -> Iterator[Page]:
    with page_of(browser, closed.url, size=PHONE if request.param == "phone" else None) as page:
        yield page


def sign_in(page: Page, made: Tokens) -> None:
    page.get_by_label("Token").fill(made.secrets["reader"])
    page.get_by_role("button", name="Sign in").click()


def way_out(page: Page) -> Locator:
    return page.get_by_role("banner").get_by_role("button", name="Sign out")


def test_who_signed_in_can_sign_out(stranger: Page, closed: Site, made: Tokens) -> None:
    trace = f"{closed.url}/trace/{closed.of(SUCCESS).transaction_id}"
    stranger.goto(trace)
    sign_in(stranger, made)
    expect(stranger).to_have_url(trace)
    expect(stranger.get_by_role("tree")).to_be_visible()
    assert stranger.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(way_out(stranger)).to_have_attribute("title", "Signed in as reader")
    way_out(stranger).focus()
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_label("Token")).to_be_visible()
    assert stranger.context.cookies() == []
    stranger.go_back()
    expect(stranger.get_by_label("Token")).to_be_visible()
    expect(stranger.get_by_role("tree")).to_have_count(0)


def test_who_is_signed_out_meanwhile_is_led_back(stranger: Page, closed: Site, made: Tokens) -> None:
    stranger.goto(f"{closed.url}/search?q=flags%3DUF")
    sign_in(stranger, made)
    expect(stranger.get_by_role("list", name="Transactions")).to_be_visible()
    # In another tab, or because the token has expired.
    stranger.context.clear_cookies()
    stranger.get_by_role("combobox", name="Search").fill("flags=NR")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("alert").first).to_contain_text("A token is needed")
    stranger.get_by_role("alert").first.get_by_role("button", name="Sign in").click()
    sign_in(stranger, made)
    expect(stranger).to_have_url(re.compile(r"/search\?q=flags%3DNR"))
    expect(stranger.get_by_role("list", name="Transactions").get_by_role("listitem").first).to_contain_text("404")


def test_users_of_a_proxy_sign_out_there(
    browser: Browser, pages: Site, pages_store: ClickHouseSettings, tmp_path: Path
) -> None:
    access = tokens(tmp_path).access(trusted_proxies=("127.0.0.1/32",), sign_out_url="/oauth2/sign_out?rd=%2F")
    with site(pages_store, pages.demo, access=access) as behind, page_of(browser, behind.url) as page:
        page.context.set_extra_http_headers({"x-forwarded-user": "<b>alice"})
        page.goto("/")
        link = page.get_by_role("link", name="Sign out")
        expect(link).to_have_attribute("title", "Signed in as <b>alice")
        expect(link).to_have_attribute("href", "/oauth2/sign_out?rd=%2F")


def test_where_nobody_signs_in_nobody_signs_out(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("banner")).to_be_visible()
    expect(page.get_by_text("Sign out")).to_have_count(0)
