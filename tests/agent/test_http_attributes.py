"""HTTP's attributes: what is redacted, and how hosts are read."""

from typing import Any

import pytest

from weftline.agent import http_attributes


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("http://a/b", "http://a/b"),
        ("https://a/b?x=1&y=%20#frag", "https://a/b?x=1&y=%20#frag"),
        ("https://user:pw@a:8/b?x=1", "https://REDACTED:REDACTED@a:8/b?x=1"),
        ("https://user@a/", "https://REDACTED:REDACTED@a/"),
        ("https://a/?X-Amz-Signature=s&b=1&sig=&X-Goog-Signature=q",
         "https://a/?X-Amz-Signature=REDACTED&b=1&sig=REDACTED&X-Goog-Signature=REDACTED"),
        ("https://a/?design=1&signature=kept", "https://a/?design=1&signature=kept"),
        ("http://user:pw@[::1", ""),
    ],
)  # fmt: skip
def test_url(url: str, recorded: str) -> None:
    assert http_attributes.url(url) == recorded


@pytest.mark.parametrize(
    ("host", "scheme", "expected"),
    [
        ("shop.example", "http", ("shop.example", 80)),
        ("shop.example", "https", ("shop.example", 443)),
        ("shop.example:8080", "http", ("shop.example", 8080)),
        ("[::1]:8080", "http", ("::1", 8080)),
        ("[::1]", "http", ("::1", 80)),
        ("shop.example", "unix", ("shop.example", None)),
    ],
)
def test_server(host: str, scheme: str, expected: tuple[str, int | None]) -> None:
    attributes: dict[str, Any] = {}
    http_attributes.server(attributes, host, scheme)
    assert (attributes["server.address"], attributes.get("server.port")) == expected


def test_unknown_methods_make_no_new_names() -> None:
    attributes: dict[str, Any] = {}
    assert http_attributes.method(attributes, "BREW") == "HTTP"
    assert attributes == {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}


@pytest.mark.parametrize(
    ("forwarded", "peer", "address"),
    [(None, "1.1.1.1", "1.1.1.1"), ("2.2.2.2, 3.3.3.3", "1.1.1.1", "2.2.2.2"), (None, None, None)],
)
def test_client_address(forwarded: str | None, peer: str | None, address: str | None) -> None:
    assert http_attributes.client_address(forwarded, peer) == address


def test_what_requests_have_in_common_is_worked_out_once_and_shared_by_nobody() -> None:
    first: dict[str, object] = {}
    name, same = http_attributes.request("GET", "https", "shop", "1.1")
    first.update(same)
    first["url.path"] = "/a"
    assert (name, dict(same)) == http_attributes.request("GET", "https", "shop", "1.1")
    assert same == {
        "http.request.method": "GET",
        "url.scheme": "https",
        "server.address": "shop",
        "server.port": 443,
        "network.protocol.version": "1.1",
    }
    assert http_attributes.request("BREW", "http", "", "") == (
        "HTTP",
        {"http.request.method": "_OTHER", "http.request.method_original": "BREW", "url.scheme": "http"},
    )


def test_hosts_are_the_callers_choice_so_few_are_kept() -> None:
    for number in range(2000):
        http_attributes.request("GET", "http", f"shop{number}:80", "1.1")
    assert http_attributes.request.cache_info().currsize <= 256
    assert http_attributes.server_of.cache_info().currsize <= 256


@pytest.mark.parametrize(
    ("origin", "address", "port"),
    [
        ("http://shop:8080", "shop", 8080),
        ("HTTPS://user:pw@shop", "shop", 443),
        ("http://shop?x=1@2", "shop", 80),
        ("ws://a/b", "a", None),  # shorter than HTTP's, so it comes with its path
        ("http://[::1]:8080", "::1", 8080),
    ],
)
def test_what_a_call_is_made_to(origin: str, address: str, port: int | None) -> None:
    begins, found = http_attributes.called("GET", origin)
    assert (begins, found["server.address"], found.get("server.port")) == ("GET", address, port)
