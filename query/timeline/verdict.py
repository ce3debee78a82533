"""Which hop failed, and why, or where a slow request's time went: one sentence on a transaction, from its entries in
causal order. Pure."""

from collections.abc import Sequence
from typing import Final

from weftline.collector.store.event_kinds import Blame, Cause, EventKind, meanings
from weftline.collector.store.protocol import AccessLogRow, SpanRow
from weftline.query.timeline.chain import events_of, failed, origins
from weftline.query.timeline.model import Entry, Share, Verdict
from weftline.query.timeline.slow import slow
from weftline.query.timeline.span_failure import span_failure
from weftline.query.timeline.words import explain, proxy_name, upstream_name

RELAYED: Final = "via_upstream"
RETRIES: Final = (EventKind.RETRY, EventKind.RETRY_EXHAUSTION)
WAITED: Final = frozenset({EventKind.TIMEOUT, EventKind.CLIENT_ABORT})


def verdict(entries: Sequence[Entry], shares: Sequence[Share]) -> Verdict | None:
    """The verdict on a transaction; None where nothing failed and it wasn't slow.

    What proxies say comes first: they know also of failures that no span tells, and name the hop.
    """
    return _of_proxies(entries) or span_failure(entries) or slow(entries, shares)


def _of_proxies(entries: Sequence[Entry]) -> Verdict | None:
    places = [entry.index for entry in entries if isinstance(entry.row, AccessLogRow) and entry.row.kind != "attempt"]
    records = [row for place in places if isinstance(row := entries[place].row, AccessLogRow)]
    above = _above(entries, places)
    began = origins(records, above)
    outermost = next((it for it, caller in enumerate(above) if caller is None), None)
    if outermost is None:
        return None
    # Of a failure, the outermost record is what the client saw; otherwise what the mesh did comes before what it hid.
    reported = [it for it, record in enumerate(records) if events_of(record)]
    broken = [it for it, record in enumerate(records) if failed(record)]
    seen = [outermost] if failed(records[outermost]) else reported or broken
    if not seen:
        return None
    # A refusal further down (403, 429) is no failure of the proxy that passed it on, and yet the client's answer.
    code = records[outermost].response_code
    lost = outermost in broken or (code >= 400 and any(records[it].response_code == code for it in broken))
    at = began[seen[0]]
    assert at is not None  # noqa: S101 - what failed, or reports anything, has an origin
    retried = next((it for it in reported if it != at and began[it] == at and _retries(records[it])), None)
    slowest = _slowest(at, records, above)
    text = _text(records[at], None if slowest is None else records[slowest])
    evidence = (at,) if slowest is None else (at, slowest)
    if retried is not None:
        again = _text(records[retried], None)
        evidence = (at, retried) if lost else (retried, at)
        at, text = (at, f"{text}; {again}") if lost else (retried, f"{again}; {text}")
    cause = _worst(events_of(records[at]))
    means = meanings(cause.reason) if cause else ()
    return Verdict(
        entry=places[at],
        service=records[at].service,
        proxy_role=records[at].proxy_role,
        kind=cause.kind if cause else None,
        reason=cause.reason if cause else "",
        blame=means[0].blame if means else Blame.UPSTREAM,
        failed=lost,
        text=text,
        evidence=tuple(places[it] for it in evidence),
    )


def _above(entries: Sequence[Entry], places: Sequence[int]) -> list[int | None]:
    """For each proxy's record the position (in ``places``) of the nearest other proxy's record above it in the tree.

    A proxy's server span, where it was recorded, stands above its record and above what it sent: it is the same hop.
    """
    hop_of = {place: position for position, place in enumerate(places)}
    spans = {entries[place].row.span_id: position for position, place in enumerate(places)}
    nearest: list[int | None] = []
    for entry in entries:
        hop = hop_of.get(entry.index)
        if hop is None and isinstance(entry.row, SpanRow):
            hop = spans.get(entry.row.span_id)
        nearest.append(hop if hop is not None or entry.parent is None else nearest[entry.parent])
    above: list[int | None] = []
    for position, place in enumerate(places):
        at = entries[place].parent
        while at is not None and nearest[at] == position:
            at = entries[at].parent
        above.append(None if at is None else nearest[at])
    return above


def _worst(causes: Sequence[Cause]) -> Cause | None:
    """What ended the request, rather than that it was asked again before."""
    return next((it for it in causes if it.kind not in RETRIES), causes[0] if causes else None)


def _retries(record: AccessLogRow) -> bool:
    return any(it.kind in RETRIES for it in events_of(record))


def _slowest(at: int, records: Sequence[AccessLogRow], above: Sequence[int | None]) -> int | None:
    """Position of the last hop that was cut off because the one at ``at`` waited no longer: it or its upstream was
    slow."""
    cut = {at}
    last = None
    for position, caller in enumerate(above):
        if caller in cut and any(it.kind is EventKind.CLIENT_ABORT for it in events_of(records[position])):
            cut.add(position)
            last = position
    return last


def _text(record: AccessLogRow, slowest: AccessLogRow | None) -> str:
    cause = _worst(events_of(record))
    upstream = upstream_name(record.upstream_cluster)
    if cause is None:
        answer = f"with gRPC status {record.grpc_status}" if record.response_code < 500 and record.grpc_status else ""
        answer = answer or (f"with {record.response_code}" if record.response_code else "not at all")
        if record.response_code_details not in ("", RELAYED):
            return (
                f"{proxy_name(record.service, record.proxy_role)}: answered {answer} ({record.response_code_details})"
            )
        who = record.service if record.proxy_role == "sidecar-inbound" else upstream
        return f"{who} itself answered {answer}"
    said = explain(cause.reason, record.upstream_cluster)
    if cause.kind is EventKind.RETRY:
        said = f"asked {upstream} {record.upstream_attempts} times"
    elif cause.kind is EventKind.RETRY_EXHAUSTION:
        said = f"retries used up, asked {upstream} {record.upstream_attempts} times"
    elif record.upstream_transport_failure_reason:
        said += f" ({_readable(record.upstream_transport_failure_reason)})"
    if cause.kind in WAITED and slowest is not None:
        said += f"; {proxy_name(slowest.service, slowest.proxy_role)} was still waiting"
    return f"{proxy_name(record.service, record.proxy_role)}: {said}"


def _readable(reason: str) -> str:
    """Envoy writes underscores for blanks, and says first how it learned of it."""
    return reason.replace("_", " ").removeprefix("delayed connect error: ").removeprefix("immediate connect error: ")
