"""What a search finds of now: each transaction once, as soon as nothing was added to it for a while."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from weftline.collector.store.conditions import Condition
from weftline.collector.store.searcher import Hit, Place, Searcher, Window
from weftline.query.search.page import find_page
from weftline.query.search.resolve import Question

LIMIT: Final = 500
"""Transactions looked at each time: those that began last."""
UNSETTLED: Final = 10 * 10**9
"""ns after which a transaction is told although rows still arrive."""
LATE: Final = 120 * 10**9
"""ns: a transaction whose first row comes later than this after its beginning is not told."""
SECONDS: Final = 5.0
"""That one look may take."""
BACK: Final = 15 * 60 * 10**9
"""ns that one that goes on may have been away."""
PAGES: Final = 20
"""Of `LIMIT` transactions, that are looked at after it was away."""


@dataclass(slots=True)
class _Seen:
    hit: Hit
    first: int
    told: bool = False


class Tail:
    """Transactions that fulfil ``condition`` and begin from now on; ``clock`` in ns, ``monotonic`` in s. For one
    caller. With ``since`` (ns) it is one that goes on: those too that may not have been told by then, at most `BACK`
    before now."""

    def __init__(
        self,
        searcher: Searcher,
        condition: Condition,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
        since: int | None = None,
    ) -> None:
        self._searcher = searcher
        self._condition = condition
        self._clock = clock
        self._monotonic = monotonic
        now = clock()
        self._looked = now if since is None else max(min(since, now), now - BACK)
        self._began = now if since is None else self._looked - LATE
        self._seen: dict[str, _Seen] = {}
        self._left_out = since is not None and since < self._looked
        self.missed = False
        """The last look found more than it may look at, or was to begin before `BACK`: some are not told."""

    def news(self) -> Iterator[Hit]:
        """Those to tell now, the oldest first. Raises `AskOtherwise` and `TryLater`."""
        now = self._clock()
        since = max(self._began, self._looked - LATE)
        hits, everything = self._look(Window(since, now + LATE), PAGES if now - self._looked > UNSETTLED else 1)
        reached = everything or not self._seen or not hits or hits[-1].transaction_id in self._seen
        self.missed = self._left_out or not reached
        self._looked, self._left_out = now, False
        # What was seen and isn't looked for any more is told as it was.
        for seen in sorted((it for it in self._seen.values() if it.hit.start < since), key=lambda it: it.hit.start):
            del self._seen[seen.hit.transaction_id]
            if not seen.told:
                yield seen.hit
        for hit in reversed(hits):
            known = self._seen.get(hit.transaction_id)
            if known is None:
                self._seen[hit.transaction_id] = _Seen(hit, now)
            elif not known.told and (known.hit == hit or now - known.first > UNSETTLED):
                known.told = True
                yield hit
            else:
                known.hit = hit

    def _look(self, window: Window, pages: int) -> tuple[list[Hit], bool]:
        """The newest transactions in it, and whether those are all."""
        hits: list[Hit] = []
        place: Place | None = None
        question = Question(self._condition, window)
        for _ in range(pages):
            found = find_page(self._searcher, question, place, limit=LIMIT, seconds=SECONDS, monotonic=self._monotonic)
            hits += found.hits
            place = found.next
            if found.complete:
                return hits, True
        return hits, False
