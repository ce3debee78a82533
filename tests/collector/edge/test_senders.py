"""Senders that are not ours, written in other languages, against a real edge and a real ClickHouse."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.registries import node_sender
from support.roles import Edge, eventually
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.protocol import LogRow, SpanRow

pytestmark = pytest.mark.clickhouse


@pytest.fixture
def edge(tmp_path: Path, store: ClickHouseSettings) -> Iterator[Edge]:
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge:
        yield edge


def node(program: Path, *arguments: str) -> str:
    """What it printed: a trace id, filled up to 32 digits."""
    done = subprocess.run(["node", str(program), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip().zfill(32)


@pytest.mark.parametrize("form", [("protobuf",), ("json",), ("json", "gzip")], ids="-".join)
def test_opentelemetrys_javascript_sdk(edge: Edge, reader: ClickHouseReader, form: tuple[str, ...]) -> None:
    transaction = node(node_sender("opentelemetry.mjs"), edge.url(""), *form)
    rows = reader.transaction(transaction, 10)
    [span] = [row for row in rows if isinstance(row, SpanRow)]
    [log] = [row for row in rows if isinstance(row, LogRow)]
    assert (span.service, span.name, span.kind, span.status, span.status_message) == (
        "js-sender", "work", "server", "error", "declined",
    )  # fmt: skip
    assert span.attributes == {"text": "ä", "count": "3", "half": "0.5", "yes": "true", "list": '["a","b"]'}
    assert [(event.name, event.attributes) for event in span.events] == [("tried", {"times": "2"})]
    assert (log.body, log.severity_number, log.span_id, log.attributes) == ("from js", 17, span.span_id, {"n": "1"})


def test_jaegers_own_client(edge: Edge, reader: ClickHouseReader) -> None:
    transaction = node(node_sender("jaeger.cjs"), edge.url(""))
    rows = eventually(lambda: rows if len(rows := reader.transaction(transaction, 10)) == 2 else None)
    parent, child = sorted((row for row in rows if isinstance(row, SpanRow)), key=lambda row: row.name == "child")
    assert (parent.service, parent.kind, parent.status) == ("jaeger-sender", "server", "unset")
    assert {key: parent.attributes[key] for key in ("count", "half", "yes")} == {
        "count": "3",
        "half": "0.5",
        "yes": "true",
    }
    assert (child.parent_span_id, child.status) == (parent.span_id, "error")
    assert [(event.name, event.attributes) for event in child.events] == [
        ("exception", {"exception.type": "Timeout", "exception.message": "too late"})
    ]
