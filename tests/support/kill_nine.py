"""Senders under load while the processes that take, carry and store are killed (-9), and what must be true afterwards."""

import http.client
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from support.otlp import START, access_log, log, logs_request, span, spans_request
from support.roles import Edge, eventually
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.deploy.local.process import Process, ProcessDied

SPANS, LOGS, ACCESS_LOGS = 5, 3, 4
"""Records of a request of each kind."""


@dataclass
class Senders:
    """Threads that send requests of every kind and each again until it is answered with success, as an SDK does."""

    edge: Edge
    seed: int
    threads: int = 6
    pause: float = 0.05
    acknowledged: dict[str, Counter[str]] = field(default_factory=dict)
    """Transaction ID -> what of it the edge has answered for: spans, logs, access_logs"""

    refusals: list[str] = field(default_factory=list)
    """What the edge said that no sender would come back for; there must be none."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running = [threading.Thread(target=self._send, args=(n,)) for n in range(self.threads)]

    def __enter__(self) -> Self:
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join()

    @property
    def sent(self) -> Counter[str]:
        with self._lock:
            return sum(self.acknowledged.values(), Counter())

    def _send(self, number: int) -> None:
        chance = random.Random(f"{self.seed}-{number}")
        while not self._stop.is_set():
            transaction = chance.randbytes(16).hex()
            for kind in ("spans", "logs", "access_logs"):
                path, body, count = _request(kind, transaction, chance)
                self._until_taken(path, body)
                with self._lock:
                    self.acknowledged.setdefault(transaction, Counter())[kind] += count
                time.sleep(self.pause * chance.random())

    def _until_taken(self, path: str, body: bytes) -> None:
        """Also after the end was asked for: what was begun is brought to its end."""
        while True:
            request = urllib.request.Request(
                self.edge.url(path), data=body, headers={"Content-Type": "application/x-protobuf"}
            )
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    answer.read()
                    return
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    self.refusals.append(f"{error.code} {error.read()!r}")
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.1)


def _request(kind: str, transaction: str, chance: random.Random) -> tuple[str, bytes, int]:
    def time_of(n: int) -> int:
        return START + chance.randrange(3) * 86_400_000_000_000 + n * 1_000  # several days: a part of each

    if kind == "spans":
        ids = [chance.randbytes(8).hex() for _ in range(SPANS)]
        parents = ["", *ids]
        spans = (span(transaction, it, parent=parents[n], start=time_of(n)) for n, it in enumerate(ids))
        return "/v1/traces", spans_request(*spans, service=chance.choice(("cart", "stock"))), SPANS
    if kind == "logs":
        lines = (log(transaction, "1" * 16, chance.randbytes(8).hex(), time=time_of(n)) for n in range(LOGS))
        return "/v1/logs", logs_request(*lines), LOGS
    records = (
        access_log(
            transaction, chance.randbytes(8).hex(), time=time_of(n), transaction_id=transaction, method="GET", path="/pay",
            response_code="200", request_id=chance.randbytes(8).hex(), duration_us="1500", downstream_remote_address=f"10.0.0.1:{n}",
        )
        for n in range(ACCESS_LOGS)
    )  # fmt: skip
    return "/v1/logs", logs_request(*records, node_name="n"), ACCESS_LOGS


def kill_rounds(rounds: int, processes: Mapping[str, Process], chance: random.Random) -> Sequence[str]:
    """Kill one or more at a random moment, start them again a little later; returns what was done, for the report."""
    done = []
    for number in range(1, rounds + 1):
        # Now and then long enough for a killed member's partitions to be given to another (its session: 10 s).
        time.sleep(chance.uniform(0.3, 3) if chance.random() < 0.75 else chance.uniform(8, 13))
        victims = chance.sample(sorted(processes), chance.choice((1, 1, 2, len(processes))))
        for name in victims:
            pid = processes[name].pid
            assert pid is not None
            assert processes[name].running, f"{name} had ended by itself: {processes[name].tail(30)}"
            os.kill(pid, signal.SIGKILL)
            processes[name].wait(10)
            time.sleep(chance.choice((0, 0, chance.uniform(0, 0.5))))
        done.append(f"{number}: {', '.join(victims)}")
        chance.shuffle(victims)
        for name in victims:
            time.sleep(chance.choice((0, chance.uniform(0, 0.5))))
            processes[name].start()
        # Mostly all are well again before the next one dies.
        for name in victims:
            if name in ("kafka", "clickhouse") or chance.random() < 0.8:
                eventually(lambda name=name: _ready(processes[name]), 60)
    for process in processes.values():
        eventually(lambda process=process: _ready(process), 60)
    return done


def _ready(process: Process) -> bool:
    try:
        process.wait_ready()
    except ProcessDied as error:
        raise AssertionError(str(error)) from error
    return True


_COUNTS = {
    "spans": "count(), uniqExact(transaction_id, span_id) FROM spans",
    "logs": "count(), uniqExact(transaction_id, body) FROM logs",
    "access_logs": "count(), uniqExact(transaction_id, span_id) FROM access_logs",
    "transactions": "sum(spans), sum(logs), sum(access_logs) FROM "
    "(SELECT sum(spans) AS spans, sum(logs) AS logs, uniqMerge(access_log_records) AS access_logs "
    "FROM transactions GROUP BY transaction_id)",
    "span_metrics": "sum(calls) FROM span_metrics",
    "half_edges": "sum(length(ids)) FROM half_edges",
    "proxy_records": "sum(records) FROM proxy_records",
    "aliases": "uniqExact(alias) FROM aliases WHERE kind = 'request_id'",
    "request_ids": "uniqExact(transaction_id, request_transaction_id) FROM request_ids",
}


def stored(store: ClickHouseSettings) -> dict[str, tuple[int, ...]]:
    """What the tables and views have: rows, and different rows."""
    with connect(store) as client:
        return {table: client.execute(f"SELECT {what}")[0] for table, what in _COUNTS.items()}


def twice(store: ClickHouseSettings) -> Mapping[str, object]:
    """What is there more than once, and in which parts: for the report of a failure."""
    with connect(store) as client:
        return {
            table: client.execute(
                f"SELECT lower(hex(transaction_id)), {id_}, groupArray((_part, _block_number)), count() AS n FROM {table} "
                f"GROUP BY ALL HAVING n > 1 LIMIT 20"
            )
            for table, id_ in (("spans", "hex(span_id)"), ("logs", "body"), ("access_logs", "hex(span_id)"))
        }


def expected(sent: Counter[str]) -> dict[str, tuple[int, ...]]:
    """What `stored` says when all that was sent is there once."""
    spans, logs, access_logs = sent["spans"], sent["logs"], sent["access_logs"]
    return {
        "spans": (spans, spans),
        "logs": (logs, logs),
        "access_logs": (access_logs, access_logs),
        "transactions": (spans, logs, access_logs),
        "span_metrics": (spans,),
        "half_edges": (spans + access_logs,),
        "proxy_records": (access_logs,),
        "aliases": (access_logs,),
        "request_ids": (access_logs,),
    }


def transactions(store: ClickHouseSettings) -> dict[str, Counter[str]]:
    """Transaction ID -> what its rows in `transactions` count."""
    with connect(store) as client:
        rows = client.execute(
            "SELECT lower(hex(transaction_id)), sum(spans), sum(logs), uniqMerge(access_log_records) "
            "FROM transactions GROUP BY transaction_id"
        )
    return {id_: Counter(spans=spans, logs=logs, access_logs=records) for id_, spans, logs, records in rows}
