"""Jaeger's UI from a folder: what is written into its page, and what each address answers.

The page here is a small one of our own with the lines that Jaeger's server looks for.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from support.asgi import call
from support.rows import RowsReader, RowsSearcher
from weftline.collector.errors import Misconfigured
from weftline.query.app import create_app
from weftline.query.routes import jaeger_ui
from weftline.query.settings import QuerySettings

PAGE = """<!doctype html>
<html lang="en">
  <head>
    <script>guessTheBase();</script>
    <script>
      // JAEGER_CONFIG_JS

      function getJaegerUiConfig() {
        if (typeof window.UIConfig === 'function') {
          return UIConfig();
        }
        const DEFAULT_CONFIG = null;
        const JAEGER_CONFIG = DEFAULT_CONFIG;
        return JAEGER_CONFIG;
      }
      const JAEGER_STORAGE_CAPABILITIES = DEFAULT_STORAGE_CAPABILITIES;
      const JAEGER_BACKEND_CAPABILITIES = DEFAULT_BACKEND_CAPABILITIES;
      const JAEGER_VERSION = DEFAULT_VERSION;
    </script>
  </head>
  <body><script src="./static/app-1a2b.js"></script></body>
</html>
"""


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "app-1a2b.js").write_text("run()", encoding="utf-8")
    return QuerySettings(jaeger_ui=str(tmp_path))


def served(settings: QuerySettings) -> FastAPI:
    return create_app(RowsReader(), RowsSearcher(), settings)


def written(page: str, name: str) -> Any:
    found = re.search(rf"JAEGER_{name} = (.*);$", page, re.MULTILINE)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/search",
        "/trace/abc",
        "/trace/a...b",
        "/dependencies",
        "/deep-dependencies",
        "/quality-metrics",
        "/monitor",
    ],
)
def test_every_page_is_the_index(settings: QuerySettings, path: str) -> None:
    answer = call(served(settings), path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.text == jaeger_ui.index(settings)


def test_configuration_version_and_capabilities_are_written_into_it(settings: QuerySettings) -> None:
    page = jaeger_ui.index(settings)
    assert written(page, "CONFIG") == {"archiveEnabled": False, "deepDependencies": {"menuEnabled": True}}
    assert written(page, "BACKEND_CAPABILITIES") == jaeger_ui.CAPABILITIES
    assert written(page, "STORAGE_CAPABILITIES")["archiveStorage"] is False
    assert written(page, "VERSION")["gitVersion"].startswith("weftline ")
    assert "JAEGER_CONFIG_JS" in page


@pytest.mark.parametrize(("base", "href"), [("", "/"), ("/tracequery/", "/tracequery/"), ('a"b', "/a&quot;b/")])
def test_the_base_is_said_before_any_script(settings: QuerySettings, base: str, href: str) -> None:
    page = jaeger_ui.index(replace(settings, base_path=base))
    tag = f'<base href="{href}" data-inject-target="BASE_URL">'
    assert page.index(tag) < page.index("<script")


def test_it_lives_under_a_path(settings: QuerySettings) -> None:
    app = served(replace(settings, base_path="/tracequery"))
    assert '<base href="/tracequery/"' in call(app, "/tracequery/trace/abc").text
    assert call(app, "/tracequery/static/app-1a2b.js").text == "run()"


def test_assets_are_served_and_missing_ones_are_404(settings: QuerySettings) -> None:
    app = served(settings)
    script = call(app, "/static/app-1a2b.js")
    assert (script.text, "immutable" in script.headers["cache-control"]) == ("run()", True)
    assert script.headers["content-type"].startswith("text/javascript")
    for path in ("/static/nothing.js", "/trace/static/app-1a2b.js"):
        assert call(app, path).status_code == 404


def test_nothing_outside_the_folder_is_served(settings: QuerySettings, tmp_path: Path) -> None:
    secret = tmp_path.parent / "elsewhere.txt"
    secret.write_text("secret", encoding="utf-8")
    for path in ("/static/..%2f..%2felsewhere.txt", "/..%2felsewhere.txt", f"/%2f{str(secret)[1:]}"):
        assert "secret" not in call(served(settings), path).text


def test_the_api_stays_the_api(settings: QuerySettings) -> None:
    assert call(served(settings), "/api/services").json()["data"] == []
    assert call(served(settings), "/api/nothing").text == "404 page not found\n"


def test_a_configuration_of_ones_own_can_not_end_the_script(settings: QuerySettings, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    config = {"menu": [{"label": "</script><b>\u2028 & \\1"}]}
    file.write_text(json.dumps(config), encoding="utf-8")
    page = jaeger_ui.index(replace(settings, jaeger_ui_config=str(file)))
    assert written(page, "CONFIG") == config
    assert "</script><b>" not in page


def test_a_configuration_in_javascript_takes_the_markers_place(settings: QuerySettings, tmp_path: Path) -> None:
    file = tmp_path / "config.js"
    file.write_text("function UIConfig() { return {a: '\\d'}; }\n", encoding="utf-8")
    page = jaeger_ui.index(replace(settings, jaeger_ui_config=str(file)))
    assert "function UIConfig() { return {a: '\\d'}; }" in page
    assert "JAEGER_CONFIG_JS" not in page
    assert "JAEGER_CONFIG = DEFAULT_CONFIG;" in page


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.json", "{", "is not JSON"),
        ("c.json", "[]", "is not a JSON object"),
        ("c.js", "var a", "doesn't define `function UIConfig() {…}`"),
        ("c.json", None, "can't be read: No such file or directory"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(
    settings: QuerySettings, tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=re.escape(message)):
        jaeger_ui.index(replace(settings, jaeger_ui_config=str(tmp_path / name)))


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"index.html can't be read"):
        jaeger_ui.index(QuerySettings(jaeger_ui=str(tmp_path / "nowhere")))
