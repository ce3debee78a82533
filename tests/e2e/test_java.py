"""A Java service under OpenTelemetry's Java agent, called by a Python service under ours: one transaction."""

from pathlib import Path

import pytest

from support.launched import RUN, get, programs, write
from support.registries import SENDERS, maven_jar
from support.roles import Edge, eventually, metrics
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.protocol import LogRow, SpanRow
from weftline.deploy.local.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.clickhouse]

SHOP = """
    import logging, sys, urllib.request
    from flask import Flask
    logging.basicConfig(level=logging.INFO)
    app = Flask("shop")

    @app.get("/order")
    def order():
        logging.getLogger("shop").info("an order")
        with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[2]}/stock?item=7") as answer:
            return answer.read()

    app.run(port=int(sys.argv[1]))
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_java_and_python_share_the_transaction(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader, protocol: str
) -> None:
    agent = maven_jar("io.opentelemetry.javaagent", "opentelemetry-javaagent", "2.20.1")
    write(tmp_path, "shop.py", SHOP)
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge, programs(tmp_path, edge.url("")) as start:
        java_port, port = free_port(), free_port()
        java = start(
            "java", f"-javaagent:{agent}", str(SENDERS / "Stock.java"), str(java_port),
            OTEL_SERVICE_NAME="stock", OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_ENDPOINT=edge.url("") if protocol != "grpc" else f"http://127.0.0.1:{edge.grpc_port}",
            OTEL_BSP_SCHEDULE_DELAY="100", OTEL_BLRP_SCHEDULE_DELAY="100", OTEL_METRIC_EXPORT_INTERVAL="300",
        )  # fmt: skip
        get(f"http://127.0.0.1:{java_port}/shelf", java, patience=120)
        python = start(RUN, "run", "python", "shop.py", str(port), str(java_port), OTEL_SERVICE_NAME="shop")
        answer = get(f"http://127.0.0.1:{port}/order", python)
        assert answer.text == "2 left"
        transaction = answer.headers["x-transaction-id"]
        # shop: server, client; stock: server, client, server. Lines: shop's, two of stock's.
        rows = eventually(lambda: rows if len(rows := reader.transaction(transaction, 100)) >= 8 else None)
        later = eventually(lambda: metrics(edge.http_port).get(_refused_metrics(protocol), 0) >= 2)
        assert later, "the Java agent goes on sending metrics"
        java.terminate()
        printed = java.communicate(timeout=30)[0]
    spans = [row for row in rows if isinstance(row, SpanRow)]
    logs = [row for row in rows if isinstance(row, LogRow)]
    by_id = {span.span_id: span for span in spans}
    [root] = [span for span in spans if span.parent_span_id not in by_id]
    assert (root.service, root.kind) == ("shop", "server")
    chain = [root]
    while below := [span for span in spans if span.parent_span_id == chain[-1].span_id]:
        chain += below
    assert [(span.service, span.kind) for span in chain] == [
        ("shop", "server"), ("shop", "client"), ("stock", "server"), ("stock", "client"), ("stock", "server"),
    ]  # fmt: skip
    assert {(log.service, log.body, by_id[log.span_id].service) for log in logs if log.service == "stock"} == {
        ("stock", "looking for item=7", "stock"),
        ("stock", "the shelf is nearly empty", "stock"),
    }
    assert ("shop", "an order") in {(log.service, log.body) for log in logs}
    assert "Failed to export" not in printed, "metrics are answered so that the agent is content"


def _refused_metrics(protocol: str) -> str:
    name = "otlp_grpc" if protocol == "grpc" else "otlp_http"
    return f'weftline_requests_total{{outcome="refused",protocol="{name}",reason="not_stored",signal="otlp_metrics"}}'
