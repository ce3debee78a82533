"""Where events of many transactions began: the chain rule over what the store knows of their hops. Pure."""

from collections import defaultdict
from collections.abc import Sequence

from weftline.collector.store.mesh import EventRow, Hop
from weftline.query.timeline.chain import callers, origins


def where_they_began(events: Sequence[EventRow], hops: Sequence[Hop]) -> list[Hop | None]:
    """For each event the hop where its failure began; None where it began at the proxy that reports it, or where the
    ids don't say. ``hops`` are those of the events' transactions, in order of time."""
    of_transaction: defaultdict[str, list[Hop]] = defaultdict(list)
    for hop in hops:
        of_transaction[hop.transaction_id].append(hop)
    began: dict[tuple[str, str, str, str], Hop | None] = {}
    for transaction_id, chain in of_transaction.items():
        for position, origin in enumerate(origins(chain, callers(chain))):
            hop = chain[position]
            if hop.kind != "attempt":
                elsewhere = origin is not None and origin != position
                began[transaction_id, hop.span_id, hop.service, hop.proxy_role] = (
                    chain[origin] if origin is not None and elsewhere else None
                )
    return [began.get((it.transaction_id, it.span_id, it.service, it.proxy_role)) for it in events]
