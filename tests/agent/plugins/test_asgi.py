"""The ASGI steps by themselves."""

import asyncio
from typing import Any

import pytest

from weftline.agent import serve
from weftline.agent.plugins import asgi
from weftline.agent.propagate import Incoming

TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ([], {}),
        ([(b"accept", b"*/*"), (b"host", b"shop")], {"host": "shop"}),
        ([(b"baggage", b"a=1"), (b"accept", b"*/*"), (b"baggage", b"b=2")], {"baggage": "a=1,b=2"}),
        (
            [(b"x-forwarded-for", b"10.1.2.3"), (b"x-forwarded-for", b"10.9.9.9")],
            {"x-forwarded-for": "10.1.2.3,10.9.9.9"},
        ),
        (
            [(b"host", b"one"), (b"host", b"two"), (b"user-agent", b"a"), (b"user-agent", b"b")],
            {"host": "two", "user-agent": "b"},
        ),
    ],
)
def test_headers_read(raw: list[tuple[bytes, bytes]], read: dict[str, str]) -> None:
    assert asgi._headers(raw) == read


@pytest.mark.parametrize(
    ("headers", "added"),
    [([], True), ([(b"content-encoding", b"gzip")], True), ([(b"X-Transaction-ID", b"my own")], False)],
)
def test_what_is_sent_goes_through_one_call_and_one_awaitable(headers: list[tuple[bytes, bytes]], added: bool) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def application() -> None:
        watched = asgi.watch(request, send)
        await watched({"type": "http.response.start", "status": 201, "headers": headers})
        await asyncio.create_task(watched({"type": "http.response.body", "body": b"x"}))  # type: ignore[arg-type]

    request = serve.begin(Incoming(TRACE, 7, 0), "test", lambda _, attributes: "GET", None)
    try:
        asyncio.run(application())
    finally:
        serve.finish(request)
    ours = [(b"x-transaction-id", f"{TRACE:032x}".encode())] if added else []
    assert sent[0] == {"type": "http.response.start", "status": 201, "headers": [*headers, *ours]}
    assert sent[1] == {"type": "http.response.body", "body": b"x"}
    assert request.status == 201
