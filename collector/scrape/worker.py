"""The loop: every so often all proxies are asked at once, and what changed goes to the store in one insert."""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from weftline.collector.errors import TryLater
from weftline.collector.metrics import SCRAPES
from weftline.collector.scrape.increases import Increases
from weftline.collector.scrape.proxy import Identity, ProxyAway, Target, fetch_stats, identify
from weftline.collector.scrape.stats import Stats, read
from weftline.collector.scrape.targets import Targets
from weftline.collector.store.proxy_stats import ProxyStatRow, ProxyStatsStore

logger = logging.getLogger(__name__)

AT_ONCE: Final = 16
REMEMBERED: Final = 3600 * 1000
"""ms that stored looks are read back at the start."""
LONGEST_BACKLOG: Final = 200_000
"""Rows kept while the store is away; beyond them the oldest are dropped, and that is said."""


class Worker:
    """Blocking; one thread of its own but for the requests."""

    def __init__(
        self,
        targets: Targets,
        store: ProxyStatsStore,
        *,
        timeout: float,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._targets = targets
        self._store = store
        self._timeout = timeout
        self._clock = clock
        self._increases: Increases | None = None
        self._identities: dict[str, Identity] = {}
        self._away: set[str] = set()
        self._backlog: list[tuple[str, list[ProxyStatRow]]] = []

    def run(self, interval: float, stop: threading.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            self.look()
            stop.wait(max(0.1, interval - (time.monotonic() - began)))

    def look(self) -> int:
        """Ask every proxy once; returns how many answered with stats. What can't be stored yet is kept."""
        if self._increases is None:
            try:
                self._increases = Increases(self._store.latest(self._clock() - REMEMBERED))
            except TryLater as error:
                logger.warning("The looks before can't be read; not looking yet. %s", error)
                return 0
        targets = self._targets.now()
        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(targets)))) as pool:
            answers = list(pool.map(self._ask, targets))
        rows = []
        answered = 0
        for target, (time_, stats) in zip(targets, answers, strict=True):
            if stats is not None:
                identity = self._identities[target.address]
                rows += self._increases.rows(identity.node_id, identity.service, target.address, time_, stats)
                answered += 1
        self._put(rows)
        return answered

    def _ask(self, target: Target) -> tuple[int, Stats | None]:
        try:
            text = fetch_stats(target, self._timeout)
            stats = read(text)
        except (ProxyAway, ValueError) as error:
            # Another process may answer there when it comes back.
            self._identities.pop(target.address, None)
            self._say(target, f"it doesn't answer with stats: {error}")
            SCRAPES.labels("away").inc()
            return 0, None
        if not stats.counters:
            self._say(target, "none of the stats wanted are there (Istio: see proxyStatsMatcher)")
            SCRAPES.labels("useless").inc()
            return 0, None
        if target.address in self._away:
            self._away.discard(target.address)
            logger.info("A proxy answers again target=%s.", target.address)
        if target.address not in self._identities:
            self._identities[target.address] = identify(target, self._timeout)
        SCRAPES.labels("stored").inc()
        return self._clock(), stats

    def _say(self, target: Target, reason: str) -> None:
        if target.address not in self._away:
            logger.warning("A proxy can't be looked at target=%s: %s.", target.address, reason)
        self._away.add(target.address)

    def _put(self, rows: list[ProxyStatRow]) -> None:
        if rows:
            self._backlog.append((uuid.uuid4().hex, rows))
        while self._backlog:
            token, oldest = self._backlog[0]
            try:
                self._store.insert(oldest, token)
            except TryLater as error:
                logger.warning("Stats wait until the store is back looks=%d: %s", len(self._backlog), error)
                break
            self._backlog.pop(0)
        while sum(len(rows) for _, rows in self._backlog) > LONGEST_BACKLOG:
            _, dropped = self._backlog.pop(0)
            logger.error("Stats are lost: the store is away too long rows=%d.", len(dropped))
