"""Direct mode's way into the store: exactly once also when the edge, which is all there is before it, is killed.

Behind Kafka a range of offsets can be inserted again, because Kafka still has it. Here the journal has it: a group of
requests is written down before it is inserted, and crossed out when it is in and remembered. Who finds a message of its
own in a group that somebody began before (a sender came back after a crash, perhaps to another edge) first brings that
group to its end, under its token: what ClickHouse has of it is left out, what it lacks is added. Then the message is
one that was stored. What nobody comes back for is brought to its end too: no transaction stays half counted.
"""

import itertools
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.ingest.once import hash_of, insert_once
from weftline.collector.store.protocol import Begun, Journal, Signal, Writer

logger = logging.getLogger(__name__)

ABANDONED_SECONDS: Final = 60.0
"""Age of a group from which on its edge is not expected to end it: an insert is given up earlier than that."""


class JournaledStore:
    """A `Store` of the direct bus. Called from several threads."""

    def __init__(self, writer: Writer, journal: Journal) -> None:
        self._writer = writer
        self._journal = journal
        # Something may have been left behind: by an edge before this one, by an insert that failed.
        self._in_doubt = True
        self._ending = threading.Lock()

    def __call__(
        self, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = ""
    ) -> Mapping[int, BadMessage]:
        """Store a new group; returns why messages were refused, by index.

        Raises `TryLater`: what became of the group the journal knows. While what is in doubt can't be brought to its
        end nothing new is begun, or the journal would take in all that is sent during an outage.
        """
        try:
            with self._ending:
                if self._in_doubt:
                    self.bring_all_to_their_end()
            return self._insert(signal, messages, token, tenant)
        except TryLater:
            self._in_doubt = True
            raise

    def bring_all_to_their_end(self) -> None:
        """What edges have left behind; harmless to groups that are under way. Raises `TryLater`."""
        for group in self._journal.begun():
            self._bring_to_its_end(group)
        self._in_doubt = False

    def _insert(self, signal: Signal, messages: Sequence[bytes], token: str, tenant: str) -> Mapping[int, BadMessage]:
        hashes = [hash_of(signal, message, tenant) for message in messages]
        self._journal.begin(token, signal, hashes, messages, tenant)
        # Edges that have the same message at the same time see each other here, since both have begun before they look:
        # the one whose group comes later in the journal brings the earlier one to its end first. In the journal's
        # order, because that group may itself have had to wait on an earlier one.
        earlier = list(itertools.takewhile(lambda group: group.token != token, self._journal.begun()))
        wanted = set(hashes)
        while earlier and earlier[-1].age <= ABANDONED_SECONDS and wanted.isdisjoint(earlier[-1].hashes):
            earlier.pop()
        for group in earlier:
            self._bring_to_its_end(group)
        outcome = insert_once(self._writer, signal, messages, token, tenant)
        self._journal.end(token)
        outcome.count(signal)
        return outcome.refused

    def _bring_to_its_end(self, group: Begun) -> None:
        if messages := self._journal.messages(group.token):
            outcome = insert_once(self._writer, group.signal, messages, group.token, group.tenant)
            logger.warning(
                "Brought an insert to its end that was begun before token=%s messages=%d refused=%d.",
                group.token, len(messages), len(outcome.refused),
            )  # fmt: skip
        self._journal.end(group.token)
