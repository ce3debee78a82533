"""What `weftline mesh` says of proxies in trouble. The command itself: tests/deploy/envoy/test_mesh_stats.py."""

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from weftline.query.cli.mesh_view import draw_mesh

WELL: dict[str, Any] = {
    "name": "outbound|80||payment.shop.svc.cluster.local", "requests": 1000, "breakers_open": {}, "pending_overflow": 0, "requests_overflow": 0,
    "connections_overflow": 0, "retry_overflow": 0, "retries": 2, "retry_limit_exceeded": 0, "timeouts": 0, "connect_failures": 0,
    "ejections": 0, "ejected": 0, "hosts": 2, "healthy_hosts": 2, "waited": 3, "most_waiting": 1, "connect_ms": 1.25,
}  # fmt: skip
PROXY: dict[str, Any] = {
    "node_id": "cart-1", "service": "cart", "finished": 1203, "recorded": 1203, "lost": 0, "uncertainty": 3, "loses": False, "dropped": 0,
    "spans_dropped": 0, "clusters": [WELL], "listeners": [{"address": "0.0.0.0_80", "connections": {"0": 5, "1": 5}, "uneven": False}],
}  # fmt: skip


def drawn(width: int = 80, *, verbose: bool = False, **changes: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    draw_mesh({"proxies": [{**PROXY, **changes}]}, console, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    return lines


def test_a_proxy_that_is_well_is_one_line() -> None:
    assert drawn() == [
        "proxy                                              finished   recorded      lost",
        "cart-1  cart                                          1,203      1,203         0",
    ]  # fmt: skip


def test_with_verbose_everything_is_said() -> None:
    assert drawn(120, verbose=True)[2:] == [
        "  0.0.0.0_80  connections by worker 5/5",
        "  to outbound|80||payment.shop.svc.cluster.local  well, 1,000 requests, 2 retries, 3 waited for a connection (at most",
        "    1 at a look), connect 1.2 ms",
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lost": 100, "loses": True, "recorded": 1103, "dropped": 90}, "access logs are lost: 90 dropped by its own account"),
        ({"lost": 1203, "loses": True, "recorded": 0}, "no access log arrived: it sends none, or they don't name this node"),
        ({"lost": -10}, "more access logs than requests: they arrive twice, or the clocks disagree"),
        ({"spans_dropped": 4000}, "4,000 spans dropped"),
        (
            {"listeners": [{"address": "0.0.0.0_80", "connections": {"0": 90, "1": 10}, "uneven": True}]},
            "0.0.0.0_80  connections by worker 90/10: the busiest has too many",
        ),
    ],
)  # fmt: skip
def test_what_deserves_attention_stands_below(changes: dict[str, Any], says: str) -> None:
    assert drawn(**changes)[2:] == [f"  {says}"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"breakers_open": {"rq_pending": 0.125}}, "circuit breaker rq_pending open at 12% of looks"),
        ({"pending_overflow": 48, "requests_overflow": 2}, "48 refused (pending), 2 refused (requests)"),
        ({"retry_overflow": 4, "retry_limit_exceeded": 5}, "4 retries not made (overflow), 5 times retries used up"),
        ({"connect_failures": 3, "timeouts": 1}, "3 connections failed, 1 timeout"),
        ({"ejections": 1, "healthy_hosts": 1}, "1 host ejected, 1 of 2 hosts healthy"),
        ({"connections_overflow": 6}, "6 times no further connection allowed"),
        ({"connect_ms": 250.0}, "a connection takes 250 ms"),
    ],
)
def test_what_a_cluster_is_short_of(changes: dict[str, Any], says: str) -> None:
    assert drawn(120, clusters=[{**WELL, "name": "payment", **changes}])[2:] == [f"  to payment  {says}"]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_it_fits(width: int) -> None:
    drawn(width, clusters=[{**WELL, "pending_overflow": 4, "breakers_open": {"rq": 1.0}}], node_id="sidecar~10.0.0.1~" + "x" * 90, verbose=True)  # fmt: skip
