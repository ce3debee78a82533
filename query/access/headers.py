"""The headers that every answer carries, whatever made it; answers to browsers that ask whether they may ask."""

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weftline.collector.edge.cors import Cors

ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Data is never a page: what a sender wrote can't become a script, whoever opens the address of an answer.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What an answer doesn't say itself."""


class SecurityHeaders:
    """ASGI middleware, the outermost: errors that nobody caught have passed everything else."""

    def __init__(self, app: ASGIApp, allowed_origins: Iterable[str]) -> None:
        self._app = app
        self._cors = Cors(tuple(allowed_origins), methods=b"GET, POST", exposed=b"Retry-After, WWW-Authenticate")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _CORS}
        answers = self._cors.answer(asked)

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
                for field, text in answers:
                    if field == b"vary":
                        headers.add_vary_header(text.decode())
                    else:
                        headers[field.decode()] = text.decode()
                if len(answers) > 1:
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        if scope["method"] == "OPTIONS" and (preflight := self._cors.preflight(asked)) is not None:
            # Answered to anybody: the browser asks without its user's token, and learns nothing else.
            answers = preflight
            await add({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, add)


_CORS: Final = frozenset({b"origin", b"access-control-request-method", b"access-control-request-headers"})
