"""The form for browsers: what it asks, keeps, and refuses to be used for."""

import re
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from support.access import Tokens, tokens
from support.asgi import call
from support.rows import RowsReader, RowsSearcher
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

HTML = {"accept": "text/html,*/*"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def made(tmp_path: Path) -> Tokens:
    return tokens(tmp_path)


@pytest.fixture
def app(made: Tokens):
    return create_app(RowsReader(), RowsSearcher(), QuerySettings(base_path="/weft"), made.access())


def sign_in(app, token: str, to: str = "/trace/x?tab=logs", **headers: str):
    body = f"token={token}&to={to.replace('&', '%26').replace('?', '%3F')}".encode()
    return call(app, "/weft/sign-in", "POST", body, **FORM, **headers)


def test_a_browser_gets_a_form_and_comes_back_to_where_it_was(app, made: Tokens) -> None:
    page = call(app, "/weft/trace/x?tab=logs", **HTML)
    assert page.status_code == 401
    assert 'action="/weft/sign-in"' in page.text
    assert 'name="to" value="/trace/x?tab=logs"' in page.text
    assert page.headers["cache-control"] == "no-store"
    answer = sign_in(app, made.secrets["a"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/weft/trace/x?tab=logs")
    [cookie] = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie.key, cookie.value) == ("weftline_token", made.secrets["a"])
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["path"], cookie["secure"]) == (
        True,
        "strict",
        "/weft/",
        "",
    )
    cookie = {"cookie": f"weftline_token={made.secrets['a']}"}
    assert call(app, "/weft/api/services", **cookie).status_code == 200
    assert call(app, "/weft/trace/x", **HTML, **cookie).status_code == 200
    assert "Signed in as a, tenant a" in call(app, "/weft/sign-in", **HTML, **cookie).text


def user(app, **headers: str) -> str | None:
    """What a page says of who sees it."""
    answer = call(app, "/weft/", **HTML, **headers)
    found = re.search(r'<meta name="weftline-user" content="(.*?)" data-sign-out="(.*?)">', answer.text)
    assert answer.headers["cache-control"] == ("no-store" if found else "no-cache")
    return found and "; ".join(found.groups())


def test_pages_know_whom_they_can_sign_out(made: Tokens, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html><head></head></html>", encoding="utf-8")
    settings = QuerySettings(base_path="/weft", ui=str(tmp_path))
    cookie = {"cookie": f"weftline_token={made.secrets['a']}"}
    alice = {"x-forwarded-user": '">alice'}
    app = create_app(RowsReader(), RowsSearcher(), settings, made.access())
    assert user(app, **cookie) == "a, tenant a; "
    assert user(app, **made.bearer("a")) is None, "it sends the token again, whatever we forget"
    app = create_app(RowsReader(), RowsSearcher(), settings, made.access(trusted_proxies=("127.0.0.1/32",)))
    assert user(app, **alice, **cookie) is None, "nobody said where"
    app = create_app(
        RowsReader(), RowsSearcher(), settings, made.access(trusted_proxies=("127.0.0.1/32",), sign_out_url="/out?a&b")
    )
    assert user(app, **alice, **cookie) == "&quot;&gt;alice; /out?a&amp;b"
    assert user(app, **cookie) == "a, tenant a; "
    assert user(create_app(RowsReader(), RowsSearcher(), settings), **cookie) is None


def test_behind_tls_the_cookie_stays_there(app, made: Tokens) -> None:
    assert "; Secure" in sign_in(app, made.secrets["a"], **{"x-forwarded-proto": "https"}).headers["set-cookie"]


def test_signing_out_takes_the_cookie_away(app) -> None:
    answer = call(app, "/weft/sign-out", "POST")
    assert answer.status_code == 303
    [cookie] = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/weft/")


@pytest.mark.parametrize(("token", "status"), [("wft_wrong", 401), ("", 401), ("%3Cscript%3E", 401)])
def test_a_wrong_token_is_asked_for_again(app, token: str, status: int) -> None:
    answer = sign_in(app, token)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text
    assert 'value="/trace/x?tab=logs"' in answer.text


def test_a_token_that_may_not_read_is_refused(app, made: Tokens) -> None:
    answer = sign_in(app, made.secrets["writer"])
    assert (answer.status_code, "writer may not read." in answer.text) == (403, True)


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie: x=y", ""],
)
def test_it_leads_to_our_own_pages_only(app, made: Tokens, to: str) -> None:
    answer = sign_in(app, made.secrets["a"], to)
    assert (answer.status_code, answer.headers["location"]) == (303, "/weft/")


def test_what_is_asked_for_cannot_become_a_script(app) -> None:
    page = call(app, "/weft/%22%3E%3Cscript%3Ealert(1)%3C/script%3E?x=%22><script>", **HTML)
    assert page.status_code == 401
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}]
)
def test_a_form_of_another_site_signs_nobody_in(app, made: Tokens, headers: dict[str, str]) -> None:
    answer = sign_in(app, made.secrets["a"], **headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert sign_in(app, made.secrets["a"], origin="http://weftline.test").status_code == 303


def test_a_link_from_another_site_asks_once_more_with_the_cookie(app) -> None:
    """A browser leaves a Strict cookie out of a request that another site began."""
    page = call(app, "/weft/trace/x", **HTML, **{"sec-fetch-site": "cross-site"})
    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in page.text
    again = call(app, "/weft/trace/x", **HTML, **{"sec-fetch-site": "same-origin"})
    assert (again.status_code, "<form" in again.text) == (401, True)


def test_a_form_that_is_too_long_is_not_read(app) -> None:
    assert call(app, "/weft/sign-in", "POST", b"token=" + b"x" * 10_000, **FORM).status_code == 413


def test_where_access_is_off_nothing_is_asked() -> None:
    app = create_app(RowsReader(), RowsSearcher(), QuerySettings())
    assert call(app, "/trace/x", **HTML).status_code == 200
    answer = call(app, "/sign-in", **HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "set-cookie" not in sign_in(app, "x").headers
