"""GET /api/v1/propagation: which services pass the headers on."""

import time
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from weftline.collector.store.mesh import MeshReader, Passed
from weftline.query import times
from weftline.query.mesh.propagation import Evidence, Habit, ServicePropagation, propagation

LONGEST: Final = times.duration("6h")


class GuessView(BaseModel):
    """By time alone: the innermost request that the service was working on at that moment."""

    transaction_id: str
    method: str
    path: str
    open: int = Field(description="How many it was working on; the more, the less the guess is worth.")


class EvidenceView(BaseModel):
    """A call as its sidecar recorded it."""

    time_unix_nano: str
    node_id: str
    carried: Passed = Field(description="What of the ids that had come in it carried.")
    transaction_id: str = Field(description="Under which it stands.")
    request_id: str
    method: str
    path: str
    upstream_cluster: str
    guess: GuessView | None = Field(
        description="Inferred from time, not known; null: the service was working on no request then."
    )


class ServicePropagationView(BaseModel):
    """One service."""

    service: str
    habit: Habit
    inbound: int = Field(description="Requests it got.")
    calls: int = Field(description="Requests it made.")
    carried: dict[Passed, int] = Field(description="Its calls, by what they carried of what had come in.")
    missing: list[str] = Field(description="Headers that some of its calls should have carried.")
    pods: dict[str, int] = Field(description="Calls that lack something, by proxy.")
    evidence: list[EvidenceView]


class PropagationView(BaseModel):
    """All services that stand beside a sidecar, worst first."""

    services: list[ServicePropagationView]
    since_unix_nano: str
    until_unix_nano: str


def router(reader: MeshReader, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """The routes over ``reader``; ``clock`` in ns since the epoch. They block, so FastAPI runs them in its threads."""
    routes = APIRouter(prefix="/api/v1", tags=["mesh"])

    @routes.get(
        "/propagation",
        summary="Which services pass the headers on",
        responses={400: {"description": "`since` can't be understood, or is more than 6 h ago."}},
    )
    def propagation_(
        since: Annotated[str, Query(description="`15m` (ago), ISO 8601 or Unix seconds; at most 6 h ago.")] = "15m",
    ) -> PropagationView:
        """Compares the ids that arrived at a service's inbound proxy with those that its calls carried."""
        now = clock()
        try:
            begin = times.moment(since, now)
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        if now - begin > LONGEST:
            raise HTTPException(400, "`since` may be at most 6h ago.")
        return PropagationView(
            services=[_view(it) for it in examine(reader, begin, now)],
            since_unix_nano=str(begin),
            until_unix_nano=str(now),
        )

    return routes


def examine(reader: MeshReader, since: int, until: int) -> list[ServicePropagation]:
    """What each service does with the headers, with examples."""
    return propagation(
        reader.passed_on(since, until),
        lambda call: reader.open_request(call.service, call.node_id, call.time),
    )


def _view(it: ServicePropagation) -> ServicePropagationView:
    return ServicePropagationView(
        service=it.service,
        habit=it.habit,
        inbound=it.inbound,
        calls=it.calls,
        carried=dict(it.passed),
        missing=list(it.missing),
        pods=dict(it.pods),
        evidence=[_evidence(one) for one in it.evidence],
    )


def _evidence(it: Evidence) -> EvidenceView:
    guess = it.guess
    return EvidenceView(
        time_unix_nano=str(it.call.time),
        node_id=it.call.node_id,
        carried=Passed(it.call.passed),
        transaction_id=it.call.transaction_id,
        request_id=it.call.request_id,
        method=it.call.method,
        path=it.call.path,
        upstream_cluster=it.call.upstream_cluster,
        guess=GuessView(transaction_id=guess.transaction_id, method=guess.method, path=guess.path, open=guess.open)
        if guess
        else None,
    )
