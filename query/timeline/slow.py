"""Where a slow request's time went, in one sentence. Pure."""

from collections.abc import Sequence
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow
from weftline.query.timeline.hosts import role_of
from weftline.query.timeline.model import Entry, Place, Share, Verdict
from weftline.query.timeline.words import proxy_name, upstream_name
from weftline.query.times import spelt

SLOW: Final = 1_000_000_000
"""ns that a request takes until it is called slow: about what a person notices as waiting."""
WORTH_NAMING: Final = 0.2
"""Of the whole, so much that a second place is named beside the first."""


def slow(entries: Sequence[Entry], shares: Sequence[Share]) -> Verdict | None:
    """``slow, 1.40 s: 1.25 s in payment (charge card)``, where nothing failed; None unless it was slow."""
    whole = sum(share.duration for share in shares)
    if whole < SLOW:
        return None
    entry = entries[shares[0].longest]
    named = _named(shares)
    said = [f"{spelt(share.duration)} {_where(entries[share.longest], share)}" for share in named]
    return Verdict(
        entry=entry.index,
        service=entry.row.service,
        proxy_role=role_of(entry.row),
        kind=None,
        reason="",
        blame=None,
        failed=False,
        text=f"slow, {spelt(whole)}: {', '.join(said)}",
        evidence=tuple(dict.fromkeys(share.longest for share in named)),
    )


def _named(shares: Sequence[Share]) -> list[Share]:
    whole = sum(share.duration for share in shares)
    return [share for at, share in enumerate(shares[:3]) if at == 0 or share.duration >= whole * WORTH_NAMING]


def _where(entry: Entry, share: Share) -> str:
    row = entry.row
    proxy = proxy_name(share.service, role_of(row))
    upstream = upstream_name(row.upstream_cluster) if isinstance(row, AccessLogRow) else ""
    name = row.name if not isinstance(row, AccessLogRow | LogRow) else upstream
    match share.place:
        case Place.SERVICE:
            text = f"in {share.service}" + (f" ({name})" if name else "")
        case Place.PROXY:
            text = f"in {proxy}"
        case Place.QUEUE:
            text = f"in {proxy}'s queue for a connection" + (f" to {upstream}" if upstream else "")
        case Place.NETWORK:
            text = f"on the network between {proxy if role_of(row) else share.service} and what it called"
        case Place.WAITING:
            text = f"in what {proxy if role_of(row) else share.service} called ({name}), which recorded nothing"
    return f"{text} (inferred)" if share.inferred and share.place is not Place.WAITING else text
