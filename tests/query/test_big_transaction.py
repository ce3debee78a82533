"""A transaction of 100,000 spans, from a real store by a real process: all of it, in bounded memory."""

import json
import re
import sys
import urllib.request
from pathlib import Path

import pytest
from clickhouse_driver import Client

from support.roles import environment
from weftline.collector.settings import ClickHouseSettings
from weftline.deploy.local.ports import free_port, http_get
from weftline.deploy.local.process import Process

pytestmark = pytest.mark.clickhouse

SPANS = 100_000
TRANSACTION = "4bf92f3577b34da6a3ce929d0e0e4736"
FILL = f"""
INSERT INTO spans (transaction_id, time, duration, span_id, parent_span_id, service, name, kind, status, resource, attributes)
SELECT unhex('{TRANSACTION}'), fromUnixTimestamp64Nano(toInt64(1795327632000000000 + number * 10000)),
       (1 + {SPANS} - number) * 20000, unhex(leftPad(lower(hex(number + 1)), 16, '0')),
       unhex(leftPad(lower(hex(if(number = 0, 0, intDiv(number, 3) + 1))), 16, '0')), concat('service-', toString(number % 40)),
       concat('operation ', toString(number % 700)), 'server', 'unset',
       map('service.name', concat('service-', toString(number % 40)), 'host.name', concat('host-', toString(number % 40))),
       map('http.route', concat('/items/', toString(number)), 'url.query', repeat(toString(cityHash64(number)), 20))
FROM numbers({SPANS})
"""
MOST_MEMORY = 300 << 20


def test_100_000_spans_are_answered_in_300_mb(store: ClickHouseSettings, tmp_path: Path) -> None:
    with Client("127.0.0.1", store.tcp_port, database=store.database) as client:
        client.execute(FILL)
    port = free_port()
    query = Process(
        "query",
        [sys.executable, "-m", "weftline.query"],
        log=tmp_path / "query.log",
        ready=lambda: http_get(port, "/health")[0] == 200,
        env=environment(store, WEFTLINE_QUERY_PORT=port, WEFTLINE_QUERY_GRPC_PORT=0),
    )
    seen: set[str] = set()
    with query:
        address = f"http://127.0.0.1:{port}/api/v1/transactions/{TRANSACTION}?format=ndjson"
        with urllib.request.urlopen(address, timeout=300) as answer:
            first = json.loads(answer.readline())
            for line in answer:
                entry = json.loads(line)
                assert len(entry["attributes"]["url.query"]) > 200
                seen.add(entry["span_id"])
        status = Path(f"/proc/{query.pid}/status").read_text()
    assert (first["truncated"], first["summary"]["spans"], len(seen)) == (False, SPANS, SPANS)
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak
    assert int(peak[1]) * 1024 < MOST_MEMORY, f"{int(peak[1]) // 1024} MiB"
