"""Interleaved rounds of the same requests to us, behind Kafka and without, and to rotel; all write the same ClickHouse.

Beside them the least that it can cost: the same spans as blocks that are ready to be stored. CPU of Kafka and of the
senders is nobody's.
"""

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.cpu import cpu_seconds
from bench.ingest.contenders import SENDERS, Contender, edge, ingest, rotel
from bench.ingest.limit import Limit
from bench.ingest.payload import requests
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.ports import free_port

ROUNDS, REQUESTS, SPANS = 5, 1_000, 200


def main() -> None:
    """Run and print the table."""
    spec = importlib.util.find_spec("rotel")
    if spec is None or spec.origin is None:
        sys.exit("The peer is missing: pip install -e '.[bench]'")
    binary = Path(spec.origin).parent / "rotel-agent"
    bodies = list(requests(REQUESTS, SPANS, seed=1))
    size = sum(map(len, bodies)) / REQUESTS / SPANS
    print(
        f"{ROUNDS} rounds of {REQUESTS} requests of {SPANS} spans, {size:.0f} bytes a span, {SENDERS} senders over HTTP"
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clickhouse = stack.enter_context(ClickHouse(folder / "clickhouse", tcp_port=free_port(), http_port=free_port()))
        brokers = [stack.enter_context(Kafka(folder / name, port=free_port())) for name in ("kafka", "kafka-sql")]
        contenders = [
            ingest(folder, clickhouse, brokers[0], native=True),
            ingest(folder, clickhouse, brokers[1], native=False),
            edge(folder, clickhouse),
            rotel(folder, clickhouse, binary),
        ]
        limit = Limit(clickhouse)
        for contender in contenders:
            stack.callback(contender.process.stop)
            contender.process.start()
            contender.process.wait_ready()
        for number in range(ROUNDS + 1):
            # Other bytes each round: the same ones would be known as sent again, and not stored.
            bodies = list(requests(REQUESTS, SPANS, seed=number + 1))
            for contender in contenders if number % 2 else reversed(contenders):
                _round(contender, clickhouse, bodies, warm_up=number == 0)
            limit.round(bodies, warm_up=number == 0)
    _print(contenders)
    limit.print(contenders[0].per_cpu_second(REQUESTS * SPANS))


def _round(contender: Contender, clickhouse: ClickHouse, bodies: Sequence[bytes], *, warm_up: bool) -> None:
    settings = ClickHouseSettings(
        http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database=contender.database
    )
    with connect(settings) as client:
        client.execute("SYSTEM STOP MERGES")
        before = client.execute(contender.count)[0][0]
        pids = contender.process.pid, clickhouse.pid
        assert None not in pids
        start = [cpu_seconds(pid) for pid in pids if pid]
        contender.send(bodies)
        deadline = time.monotonic() + 120
        while (stored := client.execute(contender.count)[0][0] - before) < REQUESTS * SPANS:
            if time.monotonic() > deadline:
                raise SystemExit(f"{contender.name} stored {stored} of {REQUESTS * SPANS} spans")
            time.sleep(0.2)
        if not warm_up:
            receiver, server = (cpu_seconds(pid) - began for pid, began in zip(filter(None, pids), start, strict=True))
            contender.receiver.append(receiver)
            contender.server.append(server)
        client.execute("SYSTEM START MERGES")


def _print(contenders: Sequence[Contender]) -> None:
    peer = contenders[-1]
    print(f"\n{'→ ClickHouse':<40}{'receiver':>12}{'ClickHouse':>12}{'spans per CPU s':>18}{'x rotel':>10}")
    for it in contenders:
        spans = REQUESTS * SPANS / 1e6
        receiver, server = statistics.median(it.receiver) / spans, statistics.median(it.server) / spans
        reached = it.per_cpu_second(REQUESTS * SPANS)
        ratio = reached / peer.per_cpu_second(REQUESTS * SPANS)
        print(f"{it.name:<40}{receiver:>9.2f} µs{server:>9.2f} µs{reached:>18,.0f}{ratio:>10.2f}")
    print(f"(medians of {ROUNDS} interleaved rounds)")
