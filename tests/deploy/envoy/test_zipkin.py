"""An Envoy with its Zipkin tracer, as meshes have had it for years: its spans are told from those of the application."""

import http.client
import secrets
from pathlib import Path

import pytest

from support.otlp import span, spans_request
from support.roles import Edge, eventually
from support.upstream import upstream
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.red import RedFilter
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.extension import typed
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse]

MINUTE = 60 * 10**9
ZIPKIN = typed(
    "envoy.tracers.zipkin",
    "config.trace.v3.ZipkinConfig",
    collector_cluster="zipkin",
    collector_endpoint="/api/v2/spans",
    collector_endpoint_version="HTTP_JSON",
    trace_id_128bit=True,
    shared_span_context=False,
)


def test_a_request_counts_once(tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader) -> None:
    service = f"cart-{secrets.token_hex(4)}"
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge, upstream() as behind:
        port = free_port()
        proxy = Proxy(
            service=service,
            node_id="n",
            admin=Address(HOST, free_port()),
            collector=Collector(Address(HOST, edge.http_port), "http"),
            listeners=(Listener(Role.SIDECAR_INBOUND, Address(HOST, port), (Route("all", "/app", "app"),)),),
            clusters=(
                Cluster("app", (Address(HOST, behind.port),)),
                Cluster("zipkin", (Address(HOST, edge.http_port),)),
            ),
        )
        whole = bootstrap(proxy)
        manager = whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["tracing"]["provider"] = ZIPKIN
        layer = {"tracing.zipkin.min_flush_spans": 1, "tracing.zipkin.flush_interval_ms": 100}
        whole.setdefault("layered_runtime", {"layers": []})["layers"].append({"name": "zipkin", "static_layer": layer})
        with Envoy("zipkin", tmp_path, whole):
            connection = http.client.HTTPConnection(HOST, port, timeout=10)
            connection.request("GET", "/app")
            assert connection.getresponse().status == 200
            connection.close()
            [headers] = behind.requests
            rows = eventually(
                lambda: rows if len(rows := reader.transaction(headers["x-b3-traceid"], 10)) == 2 else None
            )
        assert {(it.kind, it.scope_name) for it in rows} == {("server", "envoy"), ("client", "envoy")}
        assert {it.span_id for it in rows if it.kind == "client"} == {headers["x-b3-spanid"]}
        # The application's own span, below the attempt that reached it, in the same minute.
        own = span(
            headers["x-b3-traceid"], secrets.token_hex(8), parent=headers["x-b3-spanid"], kind=2, start=rows[0].time
        )
        to_edge = http.client.HTTPConnection(HOST, edge.http_port, timeout=10)
        to_edge.request(
            "POST", "/v1/traces", spans_request(own, service=service), {"content-type": "application/x-protobuf"}
        )
        assert to_edge.getresponse().status == 200
        to_edge.close()
    since = rows[0].time // MINUTE * MINUTE
    asked = RedFilter(since, since + 2 * MINUTE, 0, services=(service,), by_operation=False)
    assert {it.kind: it.calls for it in reader.red(asked)} == {"client": 1, "server": 1}
