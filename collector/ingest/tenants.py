"""Whose rows a message makes: its header says so, and each tenant's messages of a batch are an insert of their own.

A batch of one tenant, the usual case, is one insert, as if there were no tenants. The parts' tokens follow from the
batch's and the tenant alone, so doing the same again stores nothing twice.
"""

from collections.abc import Sequence

from weftline.collector.access.identity import is_tenant
from weftline.collector.bus.topics import TENANT
from weftline.collector.errors import BadMessage
from weftline.collector.ingest.once import Outcome, insert_once
from weftline.collector.store.protocol import Signal, Writer


def tenant_of(headers: Sequence[tuple[str, bytes]]) -> str:
    """What the message's headers say, be it a tenant's name or not; '' if they say nothing."""
    return next((value.decode("utf-8", "replace") for name, value in headers if name == TENANT), "")


def insert_by_tenant(
    writer: Writer, signal: Signal, messages: Sequence[bytes], tenants: Sequence[str], token: str
) -> Outcome:
    """`insert_once` for each tenant; ``tenants`` are those of ``messages``, one for one. Raises `TryLater`."""
    positions: dict[str, list[int]] = {}
    for position, tenant in enumerate(tenants):
        positions.setdefault(tenant, []).append(position)
    stored = duplicate = 0
    bad: dict[int, BadMessage] = {}
    for tenant, of in sorted(positions.items()):
        if not is_tenant(tenant):
            bad.update(dict.fromkeys(of, BadMessage(f"Header {TENANT} is no tenant's name: {tenant[:80]!r}.")))
            continue
        part = f"{token}@{tenant}" if tenant else token
        outcome = insert_once(writer, signal, [messages[position] for position in of], part, tenant)
        stored, duplicate = stored + outcome.stored, duplicate + outcome.duplicate
        bad.update({of[index]: error for index, error in outcome.refused.items()})
    return Outcome(stored, duplicate, bad)
