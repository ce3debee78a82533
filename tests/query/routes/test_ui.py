"""The UI's files over HTTP: every page's address, assets, base paths, and nothing of the APIs' addresses."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from support.asgi import call
from support.rows import RowsReader, RowsSearcher
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><html><head><title>x</title></head></html>", encoding="utf-8")
    (built / "assets" / "index-abc.js").write_text("1", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("no", encoding="utf-8")
    return built


def app(folder: Path, base_path: str = "") -> FastAPI:
    return create_app(RowsReader(), RowsSearcher(), QuerySettings(ui=str(folder), base_path=base_path))


@pytest.mark.parametrize(
    "address", ["/", "/search?q=status%3Derror", "/trace/abc", "/trace/a...b", "/dependencies", "/monitor", "/apiary", "/x/y"]
)  # fmt: skip
def test_every_pages_address_answers_the_page(folder: Path, address: str) -> None:
    answer = call(app(folder), address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert '<head><base href="/"><title>' in answer.text


def test_pages_load_nothing_from_elsewhere(folder: Path) -> None:
    policy = call(app(folder), "/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy


def test_assets_are_kept_for_good_and_a_missing_one_is_no_page(folder: Path) -> None:
    asset = call(app(folder), "/assets/index-abc.js")
    assert asset.status_code == 200
    assert "immutable" in asset.headers["cache-control"]
    assert call(app(folder), "/assets/index-old.js").status_code == 404


def test_an_address_that_no_file_can_have_is_a_page(folder: Path) -> None:
    for address in ("/" + "W" * 5_000, "/trace/" + "W" * 5_000, "/%00"):
        assert call(app(folder), address).headers["content-type"].startswith("text/html")


def test_assets_are_compressed_for_those_who_take_it(folder: Path) -> None:
    plain = call(app(folder), "/assets/index-abc.js", **{"accept-encoding": "identity"})
    zipped = call(app(folder), "/assets/index-abc.js", **{"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.text == plain.text
    for answer in (plain, zipped):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "address", ["/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/%2fetc/passwd"]
)
def test_no_file_outside_of_the_folder_is_served(folder: Path, address: str) -> None:
    assert call(app(folder), address).text != "no"
    assert "root:" not in call(app(folder), address).text


@pytest.mark.parametrize(
    "address", ["/api", "/api/nothing", "/api/v1/nothing", "/api/v3/nothing", "/analytics/v1/nothing"]
)
def test_unknown_addresses_of_the_apis_stay_errors(folder: Path, address: str) -> None:
    assert call(app(folder), address).status_code == 404


@pytest.mark.parametrize("base_path", ["/weftline", "weftline/", "/trace"])
def test_it_lives_under_a_path_whether_or_not_the_proxy_takes_it_off(folder: Path, base_path: str) -> None:
    service = app(folder, base_path)
    base = "/" + base_path.strip("/")
    for address in (f"{base}/", base, f"{base}/trace/abc", "/trace/abc"):
        assert f'<base href="{base}/">' in call(service, address).text
    assert call(service, f"{base}/api/v1/services").json() == {"services": []}
    assert call(service, "/api/v1/services").json() == {"services": []}
    assert call(service, f"{base}/assets/index-abc.js").status_code == 200


def test_a_source_tree_says_how_to_build_it(tmp_path: Path) -> None:
    assert "make ui" in call(app(tmp_path / "nowhere"), "/").text
