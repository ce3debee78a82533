"""A form that takes a token and keeps it in a cookie, for browsers. Nothing is asked where access is off.

The cookie is HttpOnly and SameSite=Strict: no script reads it, no other site's request carries it. A link from another
site (a chat, a ticket) is such a request, too: it is answered with a page that asks for the same address again.
"""

import html
import urllib.parse
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from weftline.collector.access.gate import COOKIE, Access
from weftline.collector.access.identity import Denied, Identity, Proof, Role
from weftline.query.access.asking import SignedIn

PATH: Final = "/sign-in"
OUT: Final = "/sign-out"
LONGEST: Final = 8192
"""Bytes of a form."""
DAYS: Final = 30
"""A browser keeps the token so long, unless it expires before."""
CSP: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>weftline: sign in</title>
<meta name="viewport" content="width=device-width"><style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 30rem; margin: 15vh auto; padding: 0 1rem }}
input, button {{ font: inherit; padding: .5rem; width: 100%; box-sizing: border-box; margin-top: .5rem }}
</style>{head}</head><body><main><h1>weftline</h1>{body}</main></body></html>"""
_FORM: Final = """<form method="post" action="{action}"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="to" value="{to}"><button>Sign in</button></form>
<p>Whoever runs weftline makes one: <code>weftline token new NAME --role read</code></p>"""


class SignIn:
    """Answers the form's own addresses, and pages asked for by a browser that nobody has signed in with."""

    def __init__(self, access: Access, base: str) -> None:
        self._access = access
        self._base = base

    def has(self, scope: Scope) -> bool:
        """Whether the request is for the form itself."""
        return scope["path"] in (PATH, OUT)

    def wanted(self, scope: Scope) -> bool:
        """Whether whoever asks is a person before a browser, who wants a page."""
        path = scope["path"]
        return (
            scope["method"] == "GET"
            and not path.startswith(("/api/", "/analytics/"))
            and "text/html" in Headers(scope=scope).get("accept", "")
        )

    def signed_in(self, identity: Identity) -> SignedIn | None:
        """Who sees this page, if they can sign out: who sends a token with each request can't."""
        way_out = {Proof.COOKIE: "", Proof.PROXY: self._access.sign_out_url or None}.get(identity.proof)
        return None if way_out is None else SignedIn(_named(identity), way_out)

    def form(self, scope: Scope, error: Denied) -> ASGIApp:
        headers = Headers(scope=scope)
        if error.known:
            return _page(error.status, f"<p>{html.escape(str(error))}</p>")
        if headers.get("sec-fetch-site") == "cross-site" and "cookie" not in headers:
            # The next request comes from our own page, with the cookie if there is one.
            return _page(200, "<p>One moment.</p>", '<meta http-equiv="refresh" content="0">')
        to = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        said = "" if "cookie" not in headers else str(error)
        return self._form(error.status, to, said)

    async def answer(self, scope: Scope, receive: Receive, send: Send, peer: str) -> None:
        response = await self._response(scope, receive, peer)
        await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive, peer: str) -> Response:
        headers = Headers(scope=scope)
        if not self._access.on:
            return RedirectResponse(f"{self._base}/", 303)
        if scope["method"] != "POST":
            return self._shown(scope, peer)
        if not _own(headers):
            return _page(403, "<p>This form was sent by another site.</p>")
        if scope["path"] == OUT:
            return self._redirect(PATH, "", 0, secure=_secure(scope, headers))
        return self._take(scope, await _body(receive))

    def _shown(self, scope: Scope, peer: str) -> Response:
        try:
            return self._signed_in(self._access.admit(scope["headers"], peer, Role.READ))
        except Denied:
            return self._form(200, "/", "")

    def _take(self, scope: Scope, body: bytes | None) -> Response:
        if body is None:
            return _page(413, "<p>That is too long for a token.</p>")
        fields = urllib.parse.parse_qs(body.decode("latin-1"), keep_blank_values=True)
        token, to = fields.get("token", [""])[0].strip(), fields.get("to", ["/"])[0]
        try:
            self._access.admit([("authorization", f"Bearer {token}")], peer="", role=Role.READ)
        except Denied as error:
            return self._form(error.status, to, str(error))
        return self._redirect(to, token, DAYS * 86_400, secure=_secure(scope, Headers(scope=scope)))

    def _redirect(self, to: str, token: str, seconds: int, *, secure: bool) -> Response:
        # `//host`, `/\host` would be other sites'.
        if not to.startswith("/") or to.startswith(("//", "/\\")) or any(ord(it) < 32 for it in to):
            to = "/"
        response = RedirectResponse(f"{self._base}{to}", 303)
        response.set_cookie(
            COOKIE, token, max_age=seconds, path=f"{self._base}/", secure=secure, httponly=True, samesite="strict"
        )
        return response

    def _form(self, status: int, to: str, said: str) -> HTMLResponse:
        form = _FORM.format(action=html.escape(f"{self._base}{PATH}"), to=html.escape(to, quote=True))
        return _page(status, (f'<p role="alert">{html.escape(said)}</p>' if said else "") + form)

    def _signed_in(self, identity: Identity) -> HTMLResponse:
        base = html.escape(self._base)
        return _page(
            200,
            f'<p>Signed in as {html.escape(_named(identity))}. <a href="{base}/">Go on</a></p>'
            f'<form method="post" action="{base}{OUT}"><button>Sign out</button></form>',
        )


def _named(identity: Identity) -> str:
    return f"{identity.name}, tenant {identity.tenant}" if identity.tenant else identity.name


def _page(status: int, body: str, head: str = "") -> HTMLResponse:
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store"}
    return HTMLResponse(_PAGE.format(head=head, body=body), status, headers)


def _own(headers: Headers) -> bool:
    """Whether a form comes from one of our own pages; a client that is no browser says nothing of it."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urllib.parse.urlsplit(origin).netloc == headers.get("host")


def _secure(scope: Scope, headers: Headers) -> bool:
    return scope.get("scheme") == "https" or headers.get("x-forwarded-proto") == "https"


async def _body(receive: Receive) -> bytes | None:
    """None if it is longer than a form."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST:
            return None
        if not message.get("more_body"):
            return body
