"""Calls an ASGI application in this process, without a socket (Starlette's own client wants a package we don't use)."""

import asyncio

import httpx
from starlette.types import ASGIApp


def call(app: ASGIApp, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> httpx.Response:
    """The answer to one request; ``path`` is sent as it stands, so percent-encode it. ``headers`` by keyword. 5xx are answers, not raised."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://weftline.test") as client:
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(go())
