"""Answers that go on: Server-Sent Events of what is new, by asking the store again and again. One place bounds them,
and asks before each look whether whoever follows still may."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from fastapi import HTTPException
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool

from weftline.collector.errors import AskOtherwise, TryLater
from weftline.query.access.asking import WITHDRAWN

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 900.0
"""Then the client is told and may come back."""
MOST: Final = 64
"""Answers at a time; each asks the store once a second."""
KEEP_ALIVE_POLLS: Final = 15
END: Final = (
    "`end` with a `reason` as the last: the time for one answer is over, or, with `denied`, access was withdrawn or has "
    "expired."
)
SSE: Final = {"text/event-stream": {"schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class News:
    """One event for the client; ``data`` is JSON."""

    event: str
    data: str
    id: str = ""


class _WithdrawnError(Exception):
    """Whoever follows may no longer; the text says why."""


class Followers:
    """Those who follow something. ``poll`` returns what is new since it was called last; it blocks."""

    def __init__(self, poll_seconds: float = POLL_SECONDS, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._longest_seconds = longest_seconds
        self._now = 0

    def follow(self, poll: Callable[[], Iterable[News]]) -> EventSourceResponse:
        """The response; raises HTTP's 503 when there are too many already."""
        if self._now >= MOST:
            raise HTTPException(503, f"{MOST} clients follow something already.", {"Retry-After": "10"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventSourceResponse(self._events(poll, WITHDRAWN.get()), headers=headers)

    async def _events(self, poll: Callable[[], Iterable[News]], withdrawn: Callable[[], str]) -> AsyncIterator[bytes]:
        end = time.monotonic() + self._longest_seconds
        self._now += 1
        quiet = 0
        try:
            yield format_sse_event(comment="following")
            while time.monotonic() < end:
                news = await run_in_threadpool(self._ask, poll, withdrawn)
                for one in news:
                    yield format_sse_event(event=one.event, data_str=one.data, id=one.id or None)
                quiet = 0 if news else quiet + 1
                if quiet and quiet % KEEP_ALIVE_POLLS == 0:
                    yield format_sse_event(comment="nothing new")
                await asyncio.sleep(self._poll_seconds)
            yield format_sse_event(event="end", data_str=_end("the time for one answer is over"))
        except _WithdrawnError as error:
            yield format_sse_event(event="end", data_str=_end(f"access has ended: {error}", denied=True))
        finally:
            self._now -= 1

    def _ask(self, poll: Callable[[], Iterable[News]], withdrawn: Callable[[], str]) -> list[News]:
        if reason := withdrawn():
            raise _WithdrawnError(reason)
        try:
            return list(poll())
        except (TryLater, AskOtherwise) as error:
            # It may be there again the next time; what came in between is told then.
            logger.warning("The store can't say what is new: %s", error)
            return []


def _end(reason: str, *, denied: bool = False) -> str:
    return json.dumps({"reason": reason, "denied": denied})
