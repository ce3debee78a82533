"""The gate before every route: who asks, may they, for which tenant; and the note of what was asked.

Only /health needs nobody's name. Pages are behind the gate like the API: a browser without a token gets the form of
`sign_in`.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weftline.collector.access.gate import Access
from weftline.collector.access.identity import ANYBODY, Denied, Identity, Role
from weftline.collector.store.lookups import LookUp
from weftline.collector.store.tenants import Asker
from weftline.query import problems
from weftline.query.access.asking import CURRENT, SIGNED_IN, WITHDRAWN
from weftline.query.access.audit import Audit, now, shown
from weftline.query.access.sign_in import SignIn

logger = logging.getLogger(__name__)

OPEN_PATHS: Final = frozenset({"/health"})
"""Answered to anybody: nothing in their answers was sent by anyone."""
AUDITED: Final = ("/api/", "/analytics/")
"""Where rows are looked up; of other paths only refusals are noted."""


class Gate:
    """ASGI middleware, behind whatever takes a base path off."""

    def __init__(self, app: ASGIApp, access: Access, audit: Audit, base: str) -> None:
        self._app = app
        self._access = access
        self._audit = audit
        self._sign_in = SignIn(access, base)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There is no route of another kind; one that comes is not to be open by oversight.
            await send({"type": "websocket.close", "code": 1008})
            return
        peer = _peer(scope)
        if self._sign_in.has(scope):
            await self._sign_in.answer(scope, receive, send, peer)
            return
        try:
            identity = self._admit(scope, peer)
        except Denied as error:
            logger.warning("Turned a request away path=%s peer=%s: %s", scope["path"], peer, error)
            self._note(scope, error.name, Asker(), error.status, now())
            await self._turn_away(scope, error)(scope, receive, send)
            return
        await self._answer(scope, receive, send, identity)

    def _admit(self, scope: Scope, peer: str) -> Identity:
        if scope["path"] in OPEN_PATHS:
            return ANYBODY
        return self._access.admit(scope["headers"], peer, Role.READ)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, identity: Identity) -> None:
        asker, began, status = Asker(identity.tenant), now(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        current, signed_in = CURRENT.set(asker), SIGNED_IN.set(self._sign_in.signed_in(identity))
        withdrawn = WITHDRAWN.set(lambda: self._withdrawn(scope, identity))
        try:
            await self._app(scope, receive, watch)
        finally:
            WITHDRAWN.reset(withdrawn)
            CURRENT.reset(current)
            SIGNED_IN.reset(signed_in)
            if scope["path"].startswith(AUDITED):
                self._note(scope, identity.name, asker, status, began)

    def _withdrawn(self, scope: Scope, identity: Identity) -> str:
        """Why a request that was let in would not be any more; '' if it would."""
        try:
            now = self._admit(scope, _peer(scope))
        except Denied as error:
            reason = str(error)
        else:
            reason = "" if now.tenant == identity.tenant else f"{identity.name} asks for another tenant now."
        if reason:
            logger.warning(
                "Access ended while an answer went on path=%s name=%s: %s", scope["path"], identity.name, reason
            )
        return reason

    def _turn_away(self, scope: Scope, error: Denied) -> ASGIApp:
        if self._sign_in.wanted(scope):
            return self._sign_in.form(scope, error)
        headers = {"WWW-Authenticate": error.challenge}
        return problems.answer(Request(scope), error.status, str(error), headers=headers)

    def _note(self, scope: Scope, who: str, asker: Asker, status: int, began: tuple[int, float]) -> None:
        peer = _peer(scope)
        forwarded: Mapping[bytes, Any] = dict(scope["headers"]) if self._access.trusts(peer) else {}
        _, ended = now()
        self._audit.note(
            LookUp(
                time=began[0],
                who=who,
                tenant=asker.tenant,
                peer=peer,
                forwarded_for=forwarded.get(b"x-forwarded-for", b"").decode("latin-1"),
                protocol="http",
                method=scope["method"],
                path=scope["path"],
                query=shown(scope["query_string"].decode("latin-1")),
                status=str(status),
                rows=asker.rows,
                duration=round((ended - began[1]) * 1000, 3),
            )
        )


def _peer(scope: Scope) -> str:
    """Address of the connection; '' for a Unix socket."""
    return scope["client"][0] if scope.get("client") else ""
