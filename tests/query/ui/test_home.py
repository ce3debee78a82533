"""The page where people arrive."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


def test_it_shows_what_failed(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Recent failures")).to_be_visible()
    expect(page.get_by_role("link", name="POST /no-such-page").first).to_be_visible()
