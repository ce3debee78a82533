"""The load driver: sends one request of each kind to the edge and waits until each can be looked up whole."""

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from weftline.query.cli.client import LookUpError, fetch

from .kinds import KINDS, SUCCESS, Kind
from .verify import differences

POLL_SECONDS = 0.2
SETTLE_SECONDS = 60.0
"""How long a transaction may take to be complete: what senders hold back, Kafka's and ingest's batches."""
BACKGROUND = 20
"""Successes sent beside the seven kinds, so that there is something to find them among."""


class UnexpectedError(Exception):
    """The demo didn't do what it shows; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was answered."""

    kind: Kind
    order: str
    transaction_id: str


class Driver:
    """Sends to the edge at ``port``. Order numbers count up from 4711."""

    def __init__(self, port: int) -> None:
        self._orders = itertools.count(4711)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def send(self, kind: Kind) -> Sent:
        """One request of ``kind``; `UnexpectedError` when the answer isn't the one it must have."""
        order = str(next(self._orders))
        headers = {} if kind.sampled else {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"}
        answer = self._client.post(kind.path, params={"order": order, "case": kind.case}, headers=headers)
        transaction_id = answer.headers.get("x-transaction-id", "")
        if answer.status_code != kind.status:
            raise UnexpectedError(
                f"{kind.name}: expected status {kind.status}, got {answer.status_code} (transaction {transaction_id})."
            )
        if not transaction_id:
            raise UnexpectedError(f"{kind.name}: the response has no x-transaction-id.")
        return Sent(kind, order, transaction_id)

    def send_all(self, report: Callable[[Kind], None]) -> Sequence[Sent]:
        """Every kind once, with successes before, between and after; ``report`` is told each kind when it is sent."""
        sent = []
        for kind in KINDS:
            for _ in range(BACKGROUND // len(KINDS)):
                self.send(SUCCESS)
            sent.append(self.send(kind))
            report(kind)
        return sent


def wait_until_complete(
    sent: Sent, url: str, *, seconds: float = SETTLE_SECONDS, meanwhile: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Ask the query service at ``url`` until the transaction has the rows its kind must have; returns its answer.

    `UnexpectedError` after ``seconds``, with what is missing or too many. ``meanwhile`` is called between attempts.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = fetch(sent.transaction_id, url)
            wrong = differences(sent.kind, sent.order, answer["entries"])
        except LookUpError as error:
            wrong = [str(error)]
        if not wrong:
            return answer
        if time.monotonic() > deadline:
            raise UnexpectedError(
                f"{sent.kind.name}: {url}/api/v1/transactions/{sent.transaction_id} isn't complete after "
                f"{seconds:.0f} s: " + "; ".join(wrong)
            )
        meanwhile()
        time.sleep(POLL_SECONDS)
