"""Envoy's response flags in a few words, and which of them are harmless."""

from typing import Final

from weftline.collector.store.event_kinds import FLAGS, split

HARMLESS: Final = frozenset({"DI", "RFCF"})
"""Flags of requests that went well."""
UPSTREAM: Final = "the upstream"

__all__ = ["HARMLESS", "UPSTREAM", "explain", "split"]


def explain(flags: str) -> str:
    """``UF,URX`` → ``could not connect to the upstream; retries used up``. Unknown flags stand as they are."""
    return "; ".join(FLAGS[flag].text.format(upstream=UPSTREAM) if flag in FLAGS else flag for flag in split(flags))
