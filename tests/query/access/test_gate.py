"""The gate of the query service: every route is behind it, each refusal has its API's shape, and look-ups are noted."""

import json
import urllib.parse
from pathlib import Path

import pytest

from support.access import Tokens, tokens
from support.asgi import call
from support.routes import requests, routes
from support.rows import TRANSACTION, RowsReader, RowsSearcher, hit, span
from weftline.collector.store.lookups import LookUp
from weftline.query.access.asking import current_asker
from weftline.query.app import create_app
from weftline.query.routes.following import Followers
from weftline.query.settings import QuerySettings

SECURE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Notes(list[LookUp]):
    """An audit in memory."""

    def note(self, lookup: LookUp) -> None:
        self.append(lookup)


@pytest.fixture
def made(tmp_path: Path) -> Tokens:
    return tokens(tmp_path)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def app(made: Tokens, notes: Notes):
    reader, searcher = RowsReader([span("x", "a")]), RowsSearcher([hit(TRANSACTION)])
    soon = Followers(poll_seconds=0.01, longest_seconds=0.02)  # what is followed would go on for a quarter of an hour
    access = made.access(trusted_proxies=("10.0.0.0/8",))
    return create_app(reader, searcher, QuerySettings(), access, notes, followers=soon)


def asked(app) -> list[tuple[str, str]]:
    return requests(app, any_id=TRANSACTION, trace_id=TRANSACTION, service="cart", family="calls", path="search")


def test_every_route_but_health_wants_a_token(app, made: Tokens) -> None:
    all_of_them = asked(app)
    assert len(all_of_them) > 25
    for method, path in [*all_of_them, ("GET", "/"), ("GET", "/nowhere"), ("DELETE", "/api/v1/services")]:
        if path == "/health":
            continue
        for headers, status in (
            ({}, 401),
            ({"authorization": "Bearer wft_x"}, 401),
            ({"cookie": "weftline_token=wft_x"}, 401),
            ({"x-forwarded-user": "ada"}, 401),
            (made.bearer("writer"), 403),
        ):
            answer = call(app, path, method, **headers)
            assert (answer.status_code, method, path) == (status, method, path)
            assert answer.headers["www-authenticate"].startswith('Bearer realm="weftline"')
        assert call(app, path, method, **made.bearer("reader")).status_code not in (401, 403), path


def test_health_asks_nobody(app) -> None:
    assert call(app, "/health").json() == {"status": "ok", "checks": {"store": "ok"}}


def test_a_refusal_has_the_shape_that_the_apis_clients_read(app) -> None:
    text = "A token is needed: `Authorization: Bearer …`."
    assert call(app, "/api/v1/services").json() == {"error": {"code": 401, "message": text}}
    assert json.loads(call(app, "/api/services").text)["errors"] == [{"code": 401, "msg": text}]
    assert json.loads(call(app, "/api/v3/services").text) == {"error": {"httpCode": 401, "message": text}}


def test_a_route_learns_for_whom_it_asks_the_store(made: Tokens) -> None:
    class Reader(RowsReader):
        def services(self):
            return [current_asker().tenant]

    app = create_app(Reader(), RowsSearcher(), QuerySettings(), made.access())
    who = [made.bearer("a"), made.bearer("b"), made.bearer("reader"), {**made.bearer("admin"), "x-scope-orgid": "b"}]
    assert [call(app, "/api/services", **headers).json()["data"] for headers in who] == [["a"], ["b"], [""], ["b"]]
    assert call(app, "/api/services", **made.bearer("a"), **{"x-scope-orgid": "b"}).status_code == 403
    with pytest.raises(LookupError):
        current_asker()


def test_every_answer_has_the_security_headers(app, made: Tokens) -> None:
    for headers in ({}, made.bearer("reader")):
        for method, path in [*asked(app), ("GET", "/nowhere"), ("GET", "/api/v1/nowhere"), ("POST", "/sign-in")]:
            answer = call(app, path, method, **headers)
            said = {name: answer.headers.get(name) for name in SECURE}
            assert (said["x-content-type-options"], said["referrer-policy"]) == ("nosniff", "same-origin"), path
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert "frame-ancestors" in said["content-security-policy"], path
                assert "default-src" in said["content-security-policy"], path
            else:
                assert said == SECURE, path
            if path.startswith("/api/"):
                assert answer.headers["cache-control"] == "no-store"


def test_errors_that_nobody_caught_have_them_too(notes: Notes) -> None:
    class Broken(RowsReader):
        def services(self):
            raise RuntimeError("a bug")

    app = create_app(Broken(), RowsSearcher(), QuerySettings(), audit=notes)
    answer = call(app, "/api/v1/services")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in SECURE} == SECURE
    assert [it.status for it in notes] == ["500"]


def test_look_ups_are_noted_and_never_a_token(app, made: Tokens, notes: Notes) -> None:
    call(app, f"/api/v1/transactions/{TRANSACTION}", **made.bearer("a"))
    call(app, "/api/v1/search?q=status%3Derror&token=s3cret&Access_Token=s3cret", **made.bearer("a"))
    call(app, "/api/services", authorization="Bearer wft_s3cret")
    call(app, "/api/services", **made.bearer("writer"))
    call(app, "/health")
    call(app, "/trace/x", **made.bearer("a"))
    assert [(it.who, it.tenant, it.method, it.path, it.status) for it in notes] == [
        ("a", "a", "GET", f"/api/v1/transactions/{TRANSACTION}", "200"),
        ("a", "a", "GET", "/api/v1/search", "200"),
        ("", "", "GET", "/api/services", "401"),
        ("writer", "", "GET", "/api/services", "403"),
    ]
    assert urllib.parse.parse_qs(notes[1].query) == {
        "q": ["status=error"], "token": ["[not stored]"], "Access_Token": ["[not stored]"],
    }  # fmt: skip
    assert all(
        it.peer == "127.0.0.1" and it.protocol == "http" and it.duration >= 0 and it.time > 10**18 for it in notes
    )
    assert "s3cret" not in repr(notes)
    assert not [secret for secret in made.secrets.values() if secret in repr(notes)]


def test_under_a_base_path_the_gate_stands_all_the_same(made: Tokens, notes: Notes) -> None:
    app = create_app(RowsReader(), RowsSearcher(), QuerySettings(base_path="/weft"), made.access(), notes)
    for path in ("/api/services", "/weft/api/services", "/weft/trace/x", "/weft", "/"):
        assert call(app, path).status_code == 401, path
    assert call(app, "/weft/api/services", **made.bearer("a")).status_code == 200
    assert [it.path for it in notes][-1] == "/api/services"
    assert call(app, "/weft/health").status_code == 200
    for path in ("/health/../api/services", "//health", "/health/", "/healthx"):
        assert call(app, path).status_code == 401, path


@pytest.mark.parametrize("path", ["/api/v1/services", "/api/services", "/nowhere"])
def test_pages_elsewhere_may_ask_if_their_origin_is_named(path: str, made: Tokens) -> None:
    settings = QuerySettings(cors_allowed_origins=("https://wiki.example", "https://*.shop.example"))
    app = create_app(RowsReader(), RowsSearcher(), settings, made.access())
    preflight = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    for origin in ("https://wiki.example", "https://a.shop.example"):
        answer = call(app, path, "OPTIONS", origin=origin, **preflight)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-methods"] == "GET, POST"
        assert answer.headers["access-control-allow-headers"] == "authorization"
        for headers, status in ((made.bearer("a"), {200, 404}), ({}, {401})):
            answer = call(app, path, origin=origin, **headers)
            assert answer.status_code in status
            assert answer.headers["access-control-allow-origin"] == origin
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers, "cookies are our own pages' only"
    for origin in ("https://evil.example", "https://wiki.example.evil.example", "null"):
        answer = call(app, path, "OPTIONS", origin=origin, **preflight)
        assert answer.status_code in (401, 405)
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-origin" not in call(app, path, origin=origin, **made.bearer("a")).headers


def test_every_route_of_the_api_is_one_that_the_description_has(app) -> None:
    """So that what walks the description (tests of tenants, the fuzzer) walks all of it."""
    described = set(app.openapi()["paths"])
    there = {route.path_format for route in routes(app)}
    assert there - described == {"/openapi.json", "/{path}"}
    assert described - there == set()
