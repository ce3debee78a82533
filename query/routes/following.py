"""Answers that go on: Server-Sent Events of what is new, by asking the store again and again. One place bounds them,
asks before each look whether whoever follows still may, and takes up again what was cut off."""

import json
import logging
import time
from asyncio import sleep
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Final

from fastapi import Header, HTTPException
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool

from weftline.collector.errors import AskOtherwise, TryLater
from weftline.query.access.asking import CURRENT, WITHDRAWN
from weftline.query.routes.streams import Poll, Stream, Streams, Told, spelt

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 900.0
"""Then the client is told and may come back."""
MOST: Final = 64
"""Answers at a time; each asks the store once a second."""
KEEP_ALIVE_POLLS: Final = 15
END: Final = (
    "`end` with a `reason` as the last: the time for one answer is over, or, with `denied`, access was withdrawn or "
    "has expired. Whoever comes back within two minutes with the last `id` as `Last-Event-ID` goes on behind it; a "
    "stream that begins anew says an `id` first, before any event."
)
SSE: Final = {"text/event-stream": {"schema": {"type": "string"}}}
LastEventId = Annotated[
    str,
    Header(
        description="`id` of the last event that was received of the same stream: this one goes on behind it. Browsers "
        "send it when they come back. What isn't one is passed over."
    ),
]


class _WithdrawnError(Exception):
    """Whoever follows may no longer; the text says why."""


class Followers:
    """Those who follow something."""

    def __init__(self, poll_seconds: float = POLL_SECONDS, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._longest_seconds = longest_seconds
        self._now = 0
        self._streams = Streams(time.monotonic)

    def follow(self, about: str, last_event_id: str, begin: Callable[[int | None], Poll]) -> EventSourceResponse:
        """The response; raises HTTP's 503 when there are too many already.

        ``about`` is all that was asked for. ``begin`` gives what tells the news since it was called last (it blocks),
        from a time on (ns) or from now: the former where a stream is to go on that isn't known any more.
        """
        if self._now >= MOST:
            raise HTTPException(503, f"{MOST} clients follow something already.", {"Retry-After": "10"})
        asker = CURRENT.get(None)
        stream, told = self._streams.take(f"{asker.tenant if asker else ''}\n{about}", last_event_id, begin)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventSourceResponse(self._events(stream, told, WITHDRAWN.get()), headers=headers)

    async def _events(self, stream: Stream, told: int, withdrawn: Callable[[], str]) -> AsyncIterator[bytes]:
        end = time.monotonic() + self._longest_seconds
        self._now += 1
        quiet = 0
        turn = stream.turn()
        try:
            # A stream that begins says its id at once: it may be cut off before its first event.
            first = None if told else spelt(stream, 0, stream.began)
            yield format_sse_event(comment="following", id=first)
            while time.monotonic() < end and stream.has(turn):
                news = await run_in_threadpool(_ask, stream, turn, told, withdrawn)
                for number, when, one in news:
                    identity = spelt(stream, number, when)
                    yield format_sse_event(event=one.event, data_str=one.data, id=identity)
                    told = number
                quiet = 0 if news else quiet + 1
                if quiet and quiet % KEEP_ALIVE_POLLS == 0:
                    yield format_sse_event(comment="nothing new")
                await sleep(self._poll_seconds)
            over = "the time for one answer is over" if stream.has(turn) else "another connection goes on with it"
            yield format_sse_event(event="end", data_str=_end(over))
        except _WithdrawnError as error:
            yield format_sse_event(event="end", data_str=_end(f"access has ended: {error}", denied=True))
        finally:
            self._now -= 1
            self._streams.leave(stream, turn)


def _ask(stream: Stream, turn: int, told: int, withdrawn: Callable[[], str]) -> Sequence[Told]:
    """What is to be told behind the event ``told``."""
    if reason := withdrawn():
        raise _WithdrawnError(reason)
    try:
        return stream.news(turn, told)
    except (TryLater, AskOtherwise) as error:
        # It may be there again the next time; what came in between is told then.
        logger.warning("The store can't say what is new: %s", error)
        return []


def _end(reason: str, *, denied: bool = False) -> str:
    return json.dumps({"reason": reason, "denied": denied})
