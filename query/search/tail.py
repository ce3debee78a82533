"""What a search finds of now: each transaction once, as soon as nothing was added to it for a while."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from weftline.collector.store.conditions import Condition
from weftline.collector.store.searcher import Hit, Searcher, Window
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


@dataclass(slots=True)
class _Seen:
    hit: Hit
    first: int
    told: bool = False


class Tail:
    """Transactions that fulfil ``condition`` and begin from now on; ``clock`` in ns, ``monotonic`` in s. For one
    caller."""

    def __init__(
        self,
        searcher: Searcher,
        condition: Condition,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._searcher = searcher
        self._condition = condition
        self._clock = clock
        self._monotonic = monotonic
        self._began = clock()
        self._seen: dict[str, _Seen] = {}
        self.missed = False
        """The last look found more than `LIMIT` new ones: some were not looked at."""

    def news(self) -> Iterator[Hit]:
        """Those to tell now, the oldest first. Raises `AskOtherwise` and `TryLater`."""
        now = self._clock()
        since = max(self._began, now - LATE)
        question = Question(self._condition, Window(since, now + LATE))
        found = find_page(self._searcher, question, None, limit=LIMIT, seconds=SECONDS, monotonic=self._monotonic)
        self.missed = not found.complete and bool(self._seen) and found.hits[-1].transaction_id not in self._seen
        for hit in reversed(found.hits):
            seen = self._seen.get(hit.transaction_id)
            if seen is None:
                self._seen[hit.transaction_id] = _Seen(hit, now)
            elif not seen.told and (seen.hit == hit or now - seen.first > UNSETTLED):
                seen.told = True
                yield hit
            else:
                seen.hit = hit
        for transaction_id in [name for name, seen in self._seen.items() if seen.hit.start < since]:
            del self._seen[transaction_id]
