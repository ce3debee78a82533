"""A message that was stored is not stored again: a sender whose answer was lost sends the same bytes once more.

SDKs put ids and times in nanoseconds into every request, so equal bytes are the same request. What holds across a
crash: a range that is inserted again comes under its token, and ClickHouse leaves out what it has. A message that is
left out leaves an empty one in its place, so that the halves of a range stay the same halves whatever is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xxhash

from weftline.collector.errors import BadMessage
from weftline.collector.ingest.halve import insert_halving
from weftline.collector.metrics import MESSAGES
from weftline.collector.store.protocol import Signal, Writer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch's messages: ``stored`` and ``duplicate`` are how many, the rest was refused, by index."""

    stored: int
    duplicate: int
    refused: Mapping[int, BadMessage]

    def count(self, signal: Signal) -> None:
        """Into the metrics, once the batch is done with: until then it may come again."""
        MESSAGES.labels(signal.value, "stored").inc(self.stored)
        MESSAGES.labels(signal.value, "duplicate").inc(self.duplicate)


def insert_once(writer: Writer, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = "") -> Outcome:
    """`insert_halving` for what was not stored within the last hour and does not come earlier in the batch."""
    hashes = [hash_of(signal, message, tenant) for message in messages]
    stored = writer.stored(set(hashes), token)
    first: dict[bytes, int] = {}
    for index, it in enumerate(hashes):
        first.setdefault(it, index)
    fresh = {index for it, index in first.items() if it not in stored}
    bad = insert_halving(
        writer, signal, [message if index in fresh else b"" for index, message in enumerate(messages)], token, tenant
    )
    refused = {hashes[index]: error for index, error in bad.items()}
    writer.remember([hashes[index] for index in sorted(fresh - bad.keys())], token)
    answer = {index: refused[it] for index, it in enumerate(hashes) if it in refused}
    return Outcome(len(fresh) - len(bad), len(messages) - len(fresh) - len(answer) + len(bad), answer)


def hash_of(signal: Signal, message: bytes, tenant: str = "") -> bytes:
    """By which a message is known to be the same: 16 bytes. Of two tenants that send the same bytes, neither's rows are
    missing."""
    it = xxhash.xxh3_128(f"{signal.value} {tenant}".rstrip().encode())
    it.update(message)
    return it.digest()
