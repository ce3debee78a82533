"""The verdict on a proxy from its stats, by hand. Against a real Envoy: tests/deploy/envoy/test_mesh_stats.py."""

from weftline.collector.store.mesh import StatSum
from weftline.query.mesh.health import ClusterHealth, ProxyHealth, health, records_of, windows

SECOND = 10**9


def stat(name: str, scope: str = "", worker: str = "", *, increase: float = 0, last: float = 0, above: int = 0, highest: float = 0) -> StatSum:  # fmt: skip
    return StatSum(
        "n",
        "cart",
        "h:1",
        name,
        scope,
        worker,
        increase,
        last,
        highest or last,
        above,
        10,
        1000 * SECOND,
        1100 * SECOND,
    )


def one(*sums: StatSum, recorded: int = 0) -> ProxyHealth:
    [proxy] = health([stat("scrapes", increase=9), *sums], {"n": recorded})
    return proxy


def test_what_was_finished_is_held_against_what_was_recorded() -> None:
    finished = stat("http_downstream_rq_finished", "edge", increase=1000)
    more = stat("http_downstream_rq_finished", "other", increase=500)
    assert (one(finished, more, recorded=1500).lost, one(finished, more, recorded=1500).loses) == (0, False)
    short = one(finished, more, recorded=1400)
    assert (short.finished, short.recorded, short.lost, short.uncertainty, short.loses) == (1500, 1400, 100, 30, True)
    assert one(finished, recorded=990).loses is False, "within what the ends of the window may be"
    assert one(finished, recorded=1100).lost == -100


def test_drops_that_the_loggers_own_up_to() -> None:
    proxy = one(
        stat("access_logs_open_telemetry_access_log_logs_dropped", increase=5),
        stat("access_logs_grpc_access_log_logs_dropped", increase=2),
        stat("access_logs_grpc_access_log_logs_written", increase=9),
        stat("tracing_opentelemetry_spans_dropped", increase=3),
    )
    assert (proxy.dropped, proxy.spans_dropped) == (7, 3)


def test_a_cluster_in_all_its_troubles() -> None:
    def cluster(name: str, **more: float) -> StatSum:
        return stat(f"cluster_{name}", "payment", **more)  # type: ignore[arg-type]

    proxy = one(
        cluster("upstream_rq_total", increase=100),
        cluster("circuit_breakers_default_rq_pending_open", above=3),
        cluster("circuit_breakers_default_cx_open", above=0),
        cluster("upstream_rq_pending_overflow", increase=48),
        cluster("upstream_rq_active_overflow", increase=1),
        cluster("upstream_cx_overflow", increase=2),
        cluster("upstream_cx_pool_overflow", increase=3),
        cluster("upstream_rq_retry_overflow", increase=4),
        cluster("upstream_rq_retry", increase=5),
        cluster("upstream_rq_retry_limit_exceeded", increase=6),
        cluster("upstream_rq_timeout", increase=7),
        cluster("upstream_rq_per_try_timeout", increase=1),
        cluster("upstream_cx_connect_fail", increase=9),
        cluster("outlier_detection_ejections_enforced_total", increase=10),
        cluster("outlier_detection_ejections_active", last=1),
        cluster("membership_total", last=3),
        cluster("membership_healthy", last=2),
        cluster("upstream_rq_pending_total", increase=11),
        cluster("upstream_rq_pending_active", last=0, highest=12),
        cluster("upstream_cx_connect_ms_sum", increase=30),
        cluster("upstream_cx_connect_ms_count", increase=4),
    )
    assert proxy.clusters == [
        ClusterHealth(
            name="payment", requests=100, breakers_open={"rq_pending": 0.3}, pending_overflow=48, requests_overflow=1,
            connections_overflow=5, retry_overflow=4, retries=5, retry_limit_exceeded=6, timeouts=8, connect_failures=9,
            ejections=10, ejected=1, hosts=3, healthy_hosts=2, waited=11, most_waiting=12, connect_ms=7.5,
        )
    ]  # fmt: skip


def test_workers_that_have_not_their_share() -> None:
    def listener(*connections: int) -> tuple[float, bool]:
        proxy = one(
            *(
                stat("listener_worker_downstream_cx_total", "0.0.0.0_80", str(worker), increase=count)
                for worker, count in enumerate(connections)
            )
        )
        return round(proxy.listeners[0].unevenness, 2), proxy.listeners[0].uneven

    assert listener(50, 50) == (1.0, False)
    assert listener(90, 10) == (1.8, True)
    assert listener(3, 0) == (2.0, False), "so few that chance does it"
    assert listener(0, 0) == (1.0, False)
    assert listener(7) == (1.0, False)


def test_a_proxy_known_by_its_address_is_found_in_istios_node_id() -> None:
    recorded = {"sidecar~10.0.0.1~cart.shop~shop.svc": 7, "sidecar~10.0.0.12~pay.shop~shop.svc": 9, "edge-1": 3}
    assert records_of("10.0.0.1:15090", recorded) == 7
    assert records_of("edge-1", recorded) == 3
    assert records_of("nobody", recorded) == 0


def test_windows_are_those_of_the_looks() -> None:
    assert windows([stat("scrapes"), stat("x")]) == {"n": (1000 * SECOND, 1100 * SECOND)}
    assert health([stat("x", increase=1)], {}) == [], "never looked at in this window"
