"""What is kept of /stats/prometheus, and what changed between two looks. The text is Envoy 1.40's own."""

from weftline.collector.scrape.increases import Increases
from weftline.collector.scrape.stats import FINISHED, Key, Stats, read
from weftline.collector.store.proxy_stats import ProxyStatRow

TEXT = """\
# TYPE envoy_cluster_upstream_rq_pending_overflow counter
envoy_cluster_upstream_rq_pending_overflow{envoy_cluster_name="outbound|80||a.svc"} 48
envoy_cluster_upstream_rq_pending_overflow{envoy_cluster_name="b \\"quoted\\""} 1
# TYPE envoy_cluster_upstream_rq_pending_overflow_nonsense counter
envoy_cluster_upstream_rq_pending_overflow_nonsense{} 9
# TYPE envoy_http_downstream_rq_total counter
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="admin"} 7
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="edge"} 60
# TYPE envoy_http_downstream_rq_active gauge
envoy_http_downstream_rq_active{envoy_http_conn_manager_prefix="edge"} 4
# TYPE envoy_listener_worker_downstream_cx_total counter
envoy_listener_worker_downstream_cx_total{envoy_worker_id="0",envoy_listener_address="127.0.0.1_80"} 24
envoy_listener_worker_downstream_cx_total{envoy_worker_id="1",envoy_listener_address="127.0.0.1_80"} 36
envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name="a"} 1
# TYPE envoy_cluster_upstream_cx_connect_ms histogram
envoy_cluster_upstream_cx_connect_ms_bucket{envoy_cluster_name="a",le="0.5"} 3
envoy_cluster_upstream_cx_connect_ms_sum{envoy_cluster_name="a"} 3.1
envoy_cluster_upstream_cx_connect_ms_count{envoy_cluster_name="a"} 3
envoy_access_logs_open_telemetry_access_log_logs_dropped{} 5
envoy_tracing_opentelemetry_spans_dropped{} 2
"""


def test_what_is_kept() -> None:
    stats = read(TEXT)
    assert stats.counters == {
        Key("cluster_upstream_rq_pending_overflow", "outbound|80||a.svc"): 48,
        Key("cluster_upstream_rq_pending_overflow", 'b "quoted"'): 1,
        Key("http_downstream_rq_total", "edge"): 60,
        Key(FINISHED, "edge"): 56,
        Key("listener_worker_downstream_cx_total", "127.0.0.1_80", "0"): 24,
        Key("listener_worker_downstream_cx_total", "127.0.0.1_80", "1"): 36,
        Key("cluster_upstream_cx_connect_ms_sum", "a"): 3.1,
        Key("cluster_upstream_cx_connect_ms_count", "a"): 3,
        Key("access_logs_open_telemetry_access_log_logs_dropped"): 5,
        Key("tracing_opentelemetry_spans_dropped"): 2,
    }
    assert stats.gauges == {
        Key("http_downstream_rq_active", "edge"): 4,
        Key("cluster_circuit_breakers_default_rq_open", "a"): 1,
    }


def test_a_page_that_is_none_has_nothing() -> None:
    assert read("<html>hello</html>") == Stats({}, {})
    assert read("") == Stats({}, {})


COUNTER, GAUGE = Key("cluster_upstream_rq_total", "a"), Key("cluster_upstream_rq_pending_active", "a")


def changes(rows: list[ProxyStatRow]) -> list[tuple[str, float, float]]:
    return [(row.stat, row.value, row.increase) for row in rows if row.stat != "scrapes"]


def look(increases: Increases, time: int, counter: float, gauge: float = 0) -> list[ProxyStatRow]:
    return increases.rows("n", "cart", "h:1", time, Stats({COUNTER: counter}, {GAUGE: gauge}))


def test_increases_are_since_the_look_before() -> None:
    increases = Increases()
    first = look(increases, 1000, 50)
    assert changes(first) == [(COUNTER.stat, 50, 0)], "what came before belongs to no known time"
    assert [(row.since, row.time) for row in first] == [(1000, 1000), (1000, 1000)]
    second = look(increases, 2000, 53, 2)
    assert changes(second) == [(COUNTER.stat, 53, 3), (GAUGE.stat, 2, 0)]
    assert {(row.since, row.time) for row in second} == {(1000, 2000)}
    assert changes(look(increases, 3000, 53)) == [(GAUGE.stat, 0, 0)], "back to zero is told, no change isn't"
    assert changes(look(increases, 4000, 53)) == []
    assert [(row.stat, row.increase) for row in look(increases, 5000, 53)] == [("scrapes", 1)]


def test_a_restarted_proxy_counts_from_zero() -> None:
    increases = Increases()
    look(increases, 1000, 50)
    assert changes(look(increases, 2000, 4)) == [(COUNTER.stat, 4, 4)]


def test_a_restart_of_ours_leaves_no_gap() -> None:
    before = Increases()
    stored = [*look(before, 1000, 50), *look(before, 2000, 53)]
    newest = {row.stat: row for row in stored}
    after = Increases(newest.values())
    assert changes(look(after, 9000, 60)) == [(COUNTER.stat, 60, 7)]
    other = Key("cluster_upstream_rq_retry", "a")
    rows = after.rows("n", "cart", "h:1", 9500, Stats({COUNTER: 60, other: 2}, {}))
    assert changes(rows) == [(other.stat, 2, 2)], "a counter that wasn't there was zero"
    assert {row.since for row in rows} == {9000}
