"""What proxies recorded of their calls, on a real ClickHouse: by cluster, once each, and who answered."""

import pytest

from support.otlp import START, access_log, logs_request, span, spans_request
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal

pytestmark = pytest.mark.clickhouse

SECOND = 10**9
WINDOW = (START - SECOND, START + SECOND)


def call(
    number: int, *, service: str = "web", role: str = "sidecar-outbound", cluster: str = "cart", code: int = 200,
    attempts: int = 1, **fields: object,
) -> bytes:  # fmt: skip
    """One request through a proxy, which sent span id 2… upstream."""
    transaction = f"{number:032x}"
    record = access_log(
        transaction, "1" * 16, response_code=str(code), method="GET", request_id=f"r{number}", stream_id=f"s{number}",
        upstream_traceparent=f"00-{transaction}-{'2' * 16}-00", upstream_cluster=cluster, duration_us="20000",
        upstream_request_attempt_count=str(attempts), **fields,
    )  # fmt: skip
    return logs_request(record, service=service, **{"weftline.proxy.role": role})


def test_calls_are_counted_by_cluster_and_flag(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    writer.insert(
        Signal.LOGS,
        [
            call(1, attempts=2),
            call(2, code=503, response_flags="UF,URX", attempts=2),
            call(3, code=503, response_flags="UF"),
            call(4, cluster="ledger"),
            call(5, role="sidecar-inbound", cluster="web-app"),
        ],
        "t",
    )
    inbound, cart, ledger = sorted(reader.proxied_calls(*WINDOW), key=lambda it: (it.proxy_role, it.upstream_cluster))
    assert (cart.service, cart.proxy_role, cart.upstream_cluster) == ("web", "sidecar-outbound", "cart")
    assert (cart.calls, cart.errors, cart.retried) == (3, 2, 2)
    assert dict(cart.flags) == {"UF": 2, "URX": 1}
    assert list(cart.flags) == ["UF", "URX"]
    assert cart.durations == pytest.approx([20_000_000] * 5, rel=0.011)
    assert (ledger.calls, ledger.errors, dict(ledger.flags)) == (1, 0, {})
    assert (inbound.upstream_cluster, inbound.callee) == ("web-app", "")


def test_who_answered_is_told_by_ids_and_who_did_not_is_nobody(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """Whatever the cluster is called; one answered call among failed ones is enough."""
    writer.insert(
        Signal.LOGS,
        [*(call(number, code=503, cluster="outbound|80||cart.shop") for number in range(1, 9)),
         call(9, cluster="outbound|80||cart.shop"), call(10, code=503, cluster="ledger")],
        "t1",
    )  # fmt: skip
    writer.insert(
        Signal.SPANS,
        [spans_request(span(f"{9:032x}", "3" * 16, parent="2" * 16, start=START), service="basket")],
        "t2",
    )
    found = {it.upstream_cluster: it.callee for it in reader.proxied_calls(*WINDOW)}
    assert found == {"outbound|80||cart.shop": "basket", "ledger": ""}


def test_what_came_twice_or_lies_outside_is_not_counted(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    writer.insert(Signal.LOGS, [call(1)], "t1")
    writer.insert(Signal.LOGS, [call(1, user_agent="by another way")], "t2")
    writer.insert(Signal.LOGS, [call(2, time=START + SECOND), call(3, access_log_type="UpstreamEnd")], "t3")
    assert [it.calls for it in reader.proxied_calls(*WINDOW)] == [1]
    assert reader.proxied_calls(START - 10 * SECOND, START - SECOND) == []
