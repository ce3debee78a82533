"""The edge without Kafka, with an encoder: from the start on spans are stored, and encoded once that is compiled."""

import urllib.request
from pathlib import Path

import pytest

from support.otlp import span, spans_request
from support.roles import Edge, eventually, metrics
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
ENCODED = 'weftline_native_batches_total{outcome="encoded"}'


@pytest.mark.usefixtures("encoder")  # who comes first compiles
def test_spans_are_stored_before_and_after_the_encoder_is_ready(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    sent = 0

    def send() -> float:
        nonlocal sent
        sent += 1
        body = spans_request(span(TX, f"{sent:016x}"))
        request = urllib.request.Request(
            edge.url("/v1/traces"), body, {"Content-Type": "application/x-protobuf"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        return metrics(edge.http_port).get(ENCODED, 0.0)

    with Edge(tmp_path, store, WEFTLINE_CLICKHOUSE_NATIVE="true") as edge:
        eventually(send, 120)
        assert len(reader.transaction(TX, sent + 1)) == sent
        log = (tmp_path / "edge.log").read_text()
    assert "Spans are encoded here from now on" in log


def test_who_does_not_want_it_does_not_load_it(tmp_path: Path, store: ClickHouseSettings) -> None:
    with Edge(tmp_path, store) as edge:
        maps = Path(f"/proc/{edge.pid}/maps").read_text()
    assert "llvmlite" not in maps
