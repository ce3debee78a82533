"""Which services pass the headers on, from what came in and what went out at their sidecars. Pure.

Facts of headers only. What a call without ids may have belonged to is a guess by time, and is kept apart from them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from weftline.agent import semconv
from weftline.collector.store.mesh import INBOUND, OpenRequest, OutboundCall, Passed, PassedCount

HEADERS: Final = (semconv.TRACEPARENT, semconv.TRACESTATE, semconv.REQUEST_ID, semconv.TRANSACTION_ID)
"""What a service must copy from the request it got onto the calls it makes for it."""
EXAMPLES: Final = 3
"""Of each kind, for one service."""
MISSING: Final[Mapping[Passed, tuple[str, ...]]] = {
    Passed.TRACE: (),
    Passed.TRANSACTION_ID: (semconv.TRACEPARENT, semconv.TRACESTATE),
    Passed.REQUEST_ID: (semconv.TRACEPARENT, semconv.TRACESTATE, semconv.TRANSACTION_ID),
    Passed.OWN_TRACE: HEADERS,
    Passed.NOTHING: HEADERS,
}


class Habit(StrEnum):
    """What a service does with the headers it gets."""

    PASSES = "passes"
    PARTLY = "partly"
    """some calls carry the trace that came in, others don't: a code path without it, or work of its own"""
    DROPS = "drops"
    """no call carries it"""
    CALLS_NOBODY = "calls_nobody"
    GETS_NOTHING = "gets_nothing"
    """it calls, but nobody calls it: there is nothing to pass on"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A call that lacks something, and what was going on in the service at that moment."""

    call: OutboundCall
    guess: OpenRequest | None
    """by time only; None: the service was working on no request, so the call may be work of its own"""


@dataclass(frozen=True, slots=True)
class ServicePropagation:
    """One service in a window of time."""

    service: str
    habit: Habit
    inbound: int
    """requests it got"""
    calls: int
    """requests it made"""
    passed: Mapping[Passed, int]
    """calls by what they carried"""
    pods: Mapping[str, int]
    """calls that lack something, by proxy; more than one: it isn't a single broken pod"""
    evidence: Sequence[Evidence] = field(default=())

    @property
    def missing(self) -> tuple[str, ...]:
        """Headers that some call lacks, in their usual order."""
        lacking = {header for passed, count in self.passed.items() if count for header in MISSING[passed]}
        return tuple(header for header in HEADERS if header in lacking)


def propagation(
    counts: Sequence[PassedCount], guess: Callable[[OutboundCall], OpenRequest | None]
) -> list[ServicePropagation]:
    """The habits of each service, worst first; ``guess`` says what a service was working on when it made a call."""
    inbound: Counter[str] = Counter()
    passed: defaultdict[str, Counter[Passed]] = defaultdict(Counter)
    pods: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for count in counts:
        if count.passed == INBOUND:
            inbound[count.service] += count.count
            continue
        how = Passed(count.passed)
        passed[count.service][how] += count.count
        if how is not Passed.TRACE:
            pods[count.service][count.node_id] += count.count
    evidence = {
        service: [Evidence(call, guess(call)) for call in _newest(service, counts)]
        for service in passed
        if inbound[service]
    }
    found = [
        ServicePropagation(
            service=service,
            habit=_habit(inbound[service], passed[service]),
            inbound=inbound[service],
            calls=passed[service].total(),
            passed=dict(passed[service]),
            pods=dict(pods[service]),
            evidence=evidence.get(service, []),
        )
        for service in sorted({*inbound, *passed})
    ]
    worst = [Habit.DROPS, Habit.PARTLY, Habit.PASSES, Habit.CALLS_NOBODY, Habit.GETS_NOTHING]
    return sorted(found, key=lambda it: (worst.index(it.habit), it.service))


def _newest(service: str, counts: Sequence[PassedCount]) -> list[OutboundCall]:
    """A few calls of each kind, newest first."""
    calls = sorted(
        (call for count in counts if count.service == service for call in count.newest),
        key=lambda call: -call.time,
    )
    kinds: Counter[str] = Counter()
    chosen = []
    for call in calls:
        kinds[call.passed] += 1
        if kinds[call.passed] <= EXAMPLES:
            chosen.append(call)
    return chosen


def _habit(inbound: int, passed: Counter[Passed]) -> Habit:
    if not inbound:
        return Habit.GETS_NOTHING
    if not passed.total():
        return Habit.CALLS_NOBODY
    if passed[Passed.TRACE] == passed.total():
        return Habit.PASSES
    return Habit.PARTLY if passed[Passed.TRACE] else Habit.DROPS
