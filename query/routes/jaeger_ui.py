"""An existing build of Jaeger's UI, served in place of our own pages: `weftline query --jaeger-ui DIR`.

Jaeger's server writes configuration, version and capabilities into index.html by search and replace; so does this. The
base path is said outright: the page's own guess fails under paths such as /tracequery/, and comes after the browser's
first requests.
"""

import html
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import FileResponse

from weftline.collector.errors import Misconfigured
from weftline.query.routes import ui
from weftline.query.settings import QuerySettings

STATIC: Final = "static/"
"""Their names have a hash of their content."""
CAPABILITIES: Final = {
    "archiveStorage": False,
    "metricsStorage": True,
    "searchWithoutServiceName": True,
    "aiAssistant": False,
}
CONFIG: Final[dict[str, Any]] = {"archiveEnabled": False, "deepDependencies": {"menuEnabled": True}}
"""Where no file is given."""
# The page's scripts stand in the page.
SECURITY_HEADERS: Final = {
    **ui.SECURITY_HEADERS,
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; "
    "base-uri 'self'; object-src 'none'; frame-ancestors 'self'; form-action 'self'",
}
_FUNCTION: Final = re.compile(r"function\s+UIConfig\s*\(\s*\)\s*\{")


def router(settings: QuerySettings) -> APIRouter:
    """The routes over the folder; files are read when they are asked for."""
    folder = Path(settings.jaeger_ui)
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/{path:page}", methods=["GET", "HEAD"])
    def page(request: Request, path: str) -> Response:
        if path != "index.html" and (file := ui.file_in(folder, path)):
            keep = "public, max-age=31536000, immutable" if path.startswith(STATIC) else "no-cache"
            return FileResponse(file, headers={**SECURITY_HEADERS, "Cache-Control": keep})
        if path.startswith(STATIC) or f"/{STATIC}" in path:
            raise HTTPException(404, f"There is nothing at {request.url.path}.")
        return Response(
            index(settings), headers={**SECURITY_HEADERS, "Cache-Control": "no-cache"}, media_type="text/html"
        )

    return routes


def index(settings: QuerySettings) -> str:
    """The page for every address. Raises `Misconfigured` that names the file which is missing or wrong."""
    file = Path(settings.jaeger_ui) / "index.html"
    text = _read(file, "a built Jaeger UI has one; WEFTLINE_QUERY_JAEGER_UI names its folder")
    config = settings.jaeger_ui_config
    return inject(text, settings.base, _config(Path(config)) if config else CONFIG)


def inject(page: str, base: str, config: dict[str, Any] | str) -> str:
    """Jaeger's index.html with what its server would write into it.

    ``base`` is '' or a path without a slash at its end; ``config`` an object, or JavaScript that defines `UIConfig`.
    """
    version = {"gitCommit": "", "gitVersion": f"weftline {importlib.metadata.version('weftline')}", "buildDate": ""}
    values: dict[str, object] = {
        "VERSION": version,
        "BACKEND_CAPABILITIES": CAPABILITIES,
        "STORAGE_CAPABILITIES": CAPABILITIES,  # UIs up to 2.18
    }
    if isinstance(config, str):
        # In place of the marker and the empty line behind it.
        page = re.sub(
            r"(?m)^[ \t]*//[ \t]*JAEGER_CONFIG_JS.*\n.*", lambda _: config.replace("</", "<\\/"), page, count=1
        )
    else:
        values["CONFIG"] = config
    for name, value in values.items():
        text = f"JAEGER_{name} = {_script(value)};"
        page = re.sub(rf"JAEGER_{name} *= *DEFAULT_{name};", lambda _, text=text: text, page, count=1)  # type: ignore[misc]
    # The first <base> wins, and everything after it is relative to it.
    own = f'<base href="{html.escape(base, quote=True)}/" data-inject-target="BASE_URL">'
    return re.sub(r"(?i)<head(\s[^>]*)?>", lambda found: found[0] + own, page, count=1)


def _config(file: Path) -> dict[str, Any] | str:
    text = _read(file, "WEFTLINE_QUERY_JAEGER_UI_CONFIG names it").strip()
    if file.suffix == ".js":
        if not _FUNCTION.search(text):
            raise Misconfigured(f"{file} doesn't define `function UIConfig() {{…}}`, which Jaeger's UI calls.")
        return text
    try:
        config = json.loads(text)
    except ValueError as error:
        raise Misconfigured(f"{file} is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise Misconfigured(f"{file} is not a JSON object.")
    return config


def _read(file: Path, why: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Misconfigured(f"{file} can't be read: {reason} ({why}).") from error


def _script(value: object) -> str:
    """JSON that may stand in a <script>: no tag can end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
