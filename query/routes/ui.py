"""The UI's files: index.html for every page's address, and the assets that it loads. Nothing comes from elsewhere."""

import gzip
import html
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import FileResponse

from weftline.query.access.asking import SIGNED_IN, SignedIn
from weftline.query.settings import QuerySettings

ASSETS: Final = "assets/"
"""Their names have a hash of their content, so a browser may keep them for good."""
COMPRESSIBLE: Final = {".js": "text/javascript", ".css": "text/css"}
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'self'; object-src 'none'; frame-ancestors 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
NOT_BUILT: Final = """<!doctype html><html lang="en"><head><title>weftline</title></head><body>
<h1>The UI is not built</h1>
<p>This is a source tree: <code>make ui</code> builds it. The API answers all the same: <a href="openapi.json">its
description</a>, and <code>weftline tx ID</code> shows a transaction in the terminal.</p></body></html>"""


class _Page(Convertor[str]):
    """Addresses of pages: whatever is not an API's, so that unknown ones of those stay errors in their own shape."""

    regex = r"(?!api/|api$|analytics/|health$|openapi\.json$).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", _Page())


def file_in(folder: Path, path: str) -> Path | None:
    """The file that ``path`` names below ``folder``; None for one elsewhere (``..``, ``//etc/passwd``) and for none."""
    file = folder / path
    inside = not Path(path).is_absolute() and ".." not in Path(path).parts
    try:
        return file if path and inside and file.is_file() else None
    except OSError:
        # A name that no file can have, such as an alias of a thousand characters.
        return None


@cache
def zipped(file: Path) -> bytes:
    """An asset's content, compressed once: the name changes with what is in it."""
    return gzip.compress(file.read_bytes(), 9)


def asset(request: Request, file: Path) -> Response:
    headers = {**SECURITY_HEADERS, "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if file.suffix in COMPRESSIBLE and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(zipped(file), headers=headers, media_type=COMPRESSIBLE[file.suffix])
    return FileResponse(file, headers=headers)


def user(signed_in: SignedIn | None) -> str:
    """What tells the page who sees it, and where they sign out."""
    if signed_in is None:
        return ""
    name, url = html.escape(signed_in.name, quote=True), html.escape(signed_in.sign_out_url, quote=True)
    return f'<meta name="weftline-user" content="{name}" data-sign-out="{url}">'


def router(settings: QuerySettings) -> APIRouter:
    """The routes over the folder of the built UI."""
    folder = Path(settings.ui) if settings.ui else Path(str(files("weftline.query"))) / "ui" / "dist"
    routes = APIRouter(include_in_schema=False)

    @cache
    def index() -> str:
        try:
            text = (folder / "index.html").read_text(encoding="utf-8")
        except FileNotFoundError:
            text = NOT_BUILT
        # The first <base> wins, and everything after it is relative to it.
        return text.replace("<head>", f'<head><base href="{html.escape(settings.base, quote=True)}/">', 1)

    @routes.api_route("/{path:page}", methods=["GET", "HEAD"])
    def page(request: Request, path: str) -> Response:
        if file := file_in(folder, path):
            if path.startswith(ASSETS):
                return asset(request, file)
            return FileResponse(file, headers={**SECURITY_HEADERS, "Cache-Control": "no-cache"})
        if path.startswith(ASSETS):
            # An index.html in its place would be run as a script.
            raise HTTPException(404, f"There is nothing at {request.url.path}.")
        signed_in = SIGNED_IN.get()
        # Nobody sees it again with the Back button after signing out.
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-store" if signed_in else "no-cache"}
        return Response(
            index().replace("</head>", f"{user(signed_in)}</head>", 1), headers=headers, media_type="text/html"
        )

    return routes
