"""Which pages may send."""

import pytest

from weftline.collector.edge.cors import Cors

ASKED = {b"access-control-request-method": "POST", b"access-control-request-headers": "content-type,x-tenant"}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("HTTPS://shop.example", True),
        ("https://a.shop.example", True),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("http://shop.example", False),
        ("", False),
        ("null", False),
    ],
)
def test_origins(origin: str, allowed: bool) -> None:
    cors = Cors(["https://shop.example", "https://*.shop.example"])
    preflight = cors.preflight({b"origin": origin, **ASKED})
    answer = dict(cors.answer({b"origin": origin}))
    assert answer[b"vary"] == b"Origin", "caches keep the answers apart"
    if allowed:
        assert preflight is not None
        assert dict(preflight)[b"access-control-allow-headers"] == b"content-type,x-tenant"
        assert dict(preflight)[b"access-control-allow-origin"] == origin.encode()
        assert answer[b"access-control-allow-origin"] == origin.encode()
    else:
        assert preflight is None
        assert b"access-control-allow-origin" not in answer


def test_off_unless_allowed() -> None:
    cors = Cors([])
    assert cors.preflight({b"origin": "https://shop.example", **ASKED}) is None
    assert cors.answer({b"origin": "https://shop.example"}) == []


def test_a_star_allows_all_and_credentials_never() -> None:
    names = {name for name, _ in Cors(["*"]).preflight({b"origin": "https://any.example", **ASKED}) or []}
    assert b"access-control-allow-origin" in names
    assert b"access-control-allow-credentials" not in names


def test_options_without_asking_for_a_method_is_no_preflight() -> None:
    assert Cors(["*"]).preflight({b"origin": "https://any.example"}) is None
