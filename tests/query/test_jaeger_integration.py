"""Jaeger's own integration test of storages, its traces and queries, asked of our APIs over a real ClickHouse.

They are in no package registry: WEFTLINE_TEST_JAEGER=FOLDER names a checkout of jaegertracing/jaeger.
"""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.asgi import call
from support.local import own_database
from weftline.collector import otlp_json
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.clickhouse

FOLDER = os.environ.get("WEFTLINE_TEST_JAEGER", "")
FIXTURES = Path(FOLDER, "internal", "storage", "integration", "fixtures")
CASES: list[dict[str, Any]] = json.loads((FIXTURES / "queries.json").read_text("utf-8")) if FOLDER else []
TODAY = datetime.now(UTC).date()
DAYS = {"2017-01-26": TODAY - timedelta(days=1), "2017-01-25": TODAY - timedelta(days=2)}


def moved(moment: datetime) -> datetime:
    """At the same time of a day before this one, as Jaeger's test does: stores forget what is too old."""
    day = DAYS.get(moment.date().isoformat(), DAYS["2017-01-26"])
    return datetime.combine(day, moment.time(), UTC)


def trace(name: str) -> dict[str, Any]:
    """OTLP in JSON, its times moved."""

    def move(it: Any) -> Any:
        if isinstance(it, list):
            return [move(one) for one in it]
        if not isinstance(it, dict):
            return it
        return {
            key: time(value) if key.endswith("TimeUnixNano") or key == "timeUnixNano" else move(value)
            for key, value in it.items()
        }

    def time(nanoseconds: str) -> str:
        seconds, rest = divmod(int(nanoseconds), 10**9)
        return str(int(moved(datetime.fromtimestamp(seconds, UTC)).timestamp()) * 10**9 + rest)

    found: dict[str, Any] = move(json.loads((FIXTURES / "traces" / f"{name}.json").read_text("utf-8")))
    return found


def spans_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [span for of in document["resourceSpans"] for scope in of["scopeSpans"] for span in scope["spans"]]


@pytest.fixture(scope="module")
def app(clickhouse: ClickHouse) -> Iterator[FastAPI]:
    """Over a store with every trace that some query is to find."""
    if not FOLDER:
        pytest.skip("Jaeger's integration test is in no registry; WEFTLINE_TEST_JAEGER names a checkout of Jaeger.")
    with own_database(clickhouse, "jaeger_integration") as store:
        with closing(ClickHouseWriter(store)) as writer:
            for name in sorted({name for case in CASES for name in case["ExpectedFixtures"]} | {"example_trace"}):
                body = otlp_json.to_protobuf(ExportTraceServiceRequest, json.dumps(trace(name)).encode())
                writer.insert(Signal.SPANS, [body], name)
        with closing(ClickHouseReader(store)) as reader, closing(ClickHouseSearcher(store)) as searcher:
            yield create_app(reader, searcher, QuerySettings())


def nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moved(moment).replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1000


def attribute(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("api", ["v1", "v3"])
@pytest.mark.parametrize(
    "case", CASES or [None], ids=lambda case: case["Caption"].replace(" ", "-") if case else "none"
)
def test_a_query_finds_the_traces_it_is_to_find_whole(app: FastAPI, case: dict[str, Any], api: str) -> None:
    asked = case["Query"]
    begin, end = nanoseconds(asked["StartTimeMin"]), nanoseconds(asked["StartTimeMax"])
    tags = json.dumps({key: attribute(value) for key, value in (asked["Tags"] or {}).items()})
    shortest, longest = (f"{asked[name]}ns" if asked[name] else "" for name in ("DurationMin", "DurationMax"))
    if api == "v1":
        given = {
            "service": asked["ServiceName"], "operation": asked["OperationName"], "start": begin // 1000, "end": end // 1000,
            "limit": asked["NumTraces"], "tags": tags, "minDuration": shortest, "maxDuration": longest, "raw": "true",
        }  # fmt: skip
        answer = call(app, "/api/traces?" + urlencode({name: it for name, it in given.items() if it}))
        found = {
            (one["traceID"].rjust(32, "0"), span["spanID"]) for one in answer.json()["data"] for span in one["spans"]
        }
    else:
        given = {
            "query.serviceName": asked["ServiceName"], "query.operationName": asked["OperationName"],
            "query.startTimeMin": _rfc3339(begin), "query.startTimeMax": _rfc3339(end), "query.rawTraces": "true",
            "query.searchDepth": asked["NumTraces"], "query.attributes": tags,
            "query.durationMin": shortest, "query.durationMax": longest,
        }  # fmt: skip
        answer = call(app, "/api/v3/traces?" + urlencode({name: it for name, it in given.items() if it}))
        found = {(span["traceId"], span["spanId"]) for span in spans_of(answer.json()["result"])}
    assert answer.status_code == 200
    wanted = [span for name in case["ExpectedFixtures"] for span in spans_of(trace(name))]
    assert found == {(span["traceId"], span["spanId"]) for span in wanted}


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 10**9:09}Z"


def test_services_and_operations_of_the_example(app: FastAPI) -> None:
    assert {f"example-service-{number}" for number in (1, 2, 3)} <= set(call(app, "/api/services").json()["data"])
    operations = call(app, "/api/operations?service=example-service-1").json()["data"]
    assert sorted((it["name"], it["spanKind"]) for it in operations) == [
        ("example-operation-1", ""), ("example-operation-3", "server"), ("example-operation-4", "client"),
    ]  # fmt: skip


def test_a_file_is_transformed_as_jaegers_own_test_has_it(app: FastAPI) -> None:
    folder = Path(FOLDER, "cmd", "jaeger", "internal", "extension", "jaegerquery", "internal", "fixture")
    answer = call(app, "/api/transform", "POST", (folder / "otlp2jaeger-in.json").read_bytes())
    assert answer.json() == json.loads((folder / "otlp2jaeger-out.json").read_text("utf-8"))
