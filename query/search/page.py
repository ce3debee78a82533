"""Finds a page of transactions, newest first, within bounds, and says how far it looked.

Looks at the newest minutes first, then at ever longer stretches before them: most searches end in the first. A search
that runs out of time answers with what it found and the place to go on from; nothing is left out silently.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from weftline.collector.errors import AskOtherwise
from weftline.collector.store.searcher import Hit, Place, Searcher, Window
from weftline.query.search.resolve import Question

FIRST_STRETCH: Final = 15 * 60 * 10**9
"""ns; each further one is `GROWTH` times as long."""
GROWTH: Final = 8
OUT_OF_TIME: Final = "the time for one answer is over"
NO_ID: Final = "0" * 32
"""Comes before every transaction ID: a place from which on everything older follows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search."""

    hits: Sequence[Hit]
    searched_since: int
    """How far back this page looked, ns."""
    complete: bool
    """The search reached the window's beginning: there is nothing more."""
    reason: str
    """Why not, when it is neither complete nor the page full: what ended it. '' otherwise."""
    next: Place | None
    """Where the next page begins; None where there is nothing more."""


def find_page(
    searcher: Searcher,
    question: Question,
    before: Place | None,
    *,
    limit: int,
    seconds: float,
    monotonic: Callable[[], float],
) -> Found:
    """At most ``limit`` hits, after ``before``, in about ``seconds``.

    Raises `AskOtherwise` when not even the first stretch could be searched, and `TryLater`.
    """
    deadline = monotonic() + seconds
    hits: list[Hit] = []
    condition, window = question.condition, question.window
    until = min(window.until, before.start) if before else window.until
    length = FIRST_STRETCH
    place = before
    begun = False
    while True:
        since = max(window.since, until - length)
        left = deadline - monotonic()
        try:
            if left <= 0:
                raise AskOtherwise(OUT_OF_TIME)  # noqa: TRY301 - one way out
            # One more than asked for tells whether there is more.
            more = searcher.search(condition, Window(since, until), place, limit + 1 - len(hits), left)
        except AskOtherwise as error:
            if not begun:
                raise
            return Found(hits, until + 1, complete=False, reason=str(error), next=Place(until + 1, NO_ID))
        hits += more
        if len(hits) > limit:
            hits = hits[:limit]
            return Found(hits, hits[-1].start, complete=False, reason="", next=_place(hits[-1]))
        if since <= window.since:
            return Found(hits, since, complete=True, reason="", next=None)
        until, place, length, begun = since - 1, None, length * GROWTH, True


def _place(hit: Hit) -> Place:
    return Place(hit.start, hit.transaction_id)
