"""Two tenants with the same ids, and everything that can be asked: neither ever sees the other's rows. A real ClickHouse."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from fastapi import FastAPI

from support.access import Tokens, tokens
from support.asgi import call
from support.otlp import access_log, log, logs_request, span, spans_request
from support.routes import routes
from support.server import serve
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.lookups import LookUp
from weftline.collector.store.protocol import Signal
from weftline.collector.store.proxy_stats import ProxyStatRow
from weftline.query.access.asking import current_asker
from weftline.query.app import create_app
from weftline.query.grpc.messages import METHODS, V2, V3, message
from weftline.query.grpc.server import create_server
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.clickhouse

TX, REQUEST = "0af7651916cd43dd8448eb211c80319c", "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0"
S, MS, US = 10**9, 10**6, 10**3
BEGAN = (time.time_ns() // S - 600) * S
"""When all that is stored here happened, in ns: some routes look at the last hours only."""
SINCE, UNTIL = BEGAN - 3600 * S, BEGAN + 300 * S
ISO = {
    name: datetime.fromtimestamp(at // S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, at in (("since", SINCE), ("until", UNTIL))
}
WINDOW = f"since={ISO['since']}&until={ISO['until']}"
JAEGER = f"start={SINCE // US}&end={UNTIL // US}&service=cart"
V3_TIMES = f"query.start_time_min={ISO['since']}&query.start_time_max={ISO['until']}"
METRICS = f"service=cart&endTs={UNTIL // MS}&lookback={UNTIL // MS - SINCE // MS}&groupByOperation=true"
EMPTY = {"/api/v1/search/fields", "/api/transform", "/api/archive/{trace_id}", "/health", "/openapi.json", "/{path}"}
"""Routes whose answers have no rows of anyone in them."""
ASKED = {
    "/api/v1/transactions/{any_id}": [
        f"/api/v1/transactions/{it}"
        for it in (TX, REQUEST, "order-1", f"00-{TX}-00000000000000a1-00", f"{TX}?format=ndjson", f"{TX}?format=text")
    ],
    "/api/v1/search": [
        f"/api/v1/search?facets=true&{WINDOW}",
        *(f"/api/v1/search?{WINDOW}&q={q}" for q in (
            "service%3Dcart", "log:line", "not%20service%3Dnowhere", "alias%3Dorder-1", "marker%3D*", "flags~UO", f"id%3D{TX}",
            "status%3Derror", "attribute.marker%3D*")),
    ],
    "/api/v1/services": ["/api/v1/services"],
    "/api/v1/operations": [f"/api/v1/operations?service={it}" for it in ("cart", "of-a", "of-b")],
    "/api/v1/transactions/{any_id}/logs": [f"/api/v1/transactions/{it}/logs" for it in (TX, REQUEST, "order-1")],
    "/api/v1/compare": [f"/api/v1/compare?a={TX}&b={it}" for it in ("order-1", "a" * 32, "b" * 32)],
    "/api/v1/metrics": [f"/api/v1/metrics?{WINDOW}&by_operation=true"],
    "/api/v1/dependencies": [f"/api/v1/dependencies?{WINDOW}"],
    "/api/v1/events": [f"/api/v1/events?{WINDOW}"],
    "/api/v1/events/counts": [f"/api/v1/events/counts?{WINDOW}"],
    "/api/v1/mesh": [f"/api/v1/mesh?{WINDOW}"],
    "/api/v1/propagation": [f"/api/v1/propagation?{WINDOW}"],
    "/api/services": ["/api/services"],
    "/api/services/{service}/operations": [f"/api/services/{it}/operations" for it in ("cart", "of-a", "of-b")],
    "/api/operations": [f"/api/operations?service={it}" for it in ("cart", "of-a", "of-b")],
    "/api/traces": [f"/api/traces?traceID={TX}", f"/api/traces?{JAEGER}"],
    "/api/traces/{trace_id}": [f"/api/traces/{TX}", f"/api/traces/{TX}?raw=true"],
    "/api/dependencies": [f"/api/dependencies?endTs={UNTIL // MS}&lookback={(UNTIL - SINCE) // MS}"],
    "/api/metrics/{family}": [f"/api/metrics/{it}?{METRICS}&quantile=0.95" for it in ("calls", "errors", "latencies")],
    "/analytics/v1/dependencies": [f"/analytics/v1/dependencies?{V3_TIMES}&service=cart", f"/analytics/v1/dependencies?{JAEGER}"],
    "/api/v3/services": ["/api/v3/services"],
    "/api/v3/operations": [f"/api/v3/operations?service={it}" for it in ("cart", "of-a", "of-b")],
    "/api/v3/traces": [f"/api/v3/traces?{V3_TIMES}&query.service_name=cart"],
    "/api/v3/traces/{trace_id}": [f"/api/v3/traces/{TX}"],
    "/api/v3/trace-summaries": [f"/api/v3/trace-summaries?{V3_TIMES}&query.service_name=cart"],
}  # fmt: skip
"""What is asked of each route: with ids that both tenants have, and with names that one of them has."""
FOLLOWED = {"/api/v1/search/follow"}
"""Answers that never end: `test_what_is_followed_does_not_cross`."""
TIMES = {"start_time_min": (SINCE // S,), "start_time_max": (UNTIL // S,)}
CALLS: dict[tuple[str, str], dict[str, Any]] = {
    (V2, "GetTrace"): {"trace_id": bytes.fromhex(TX)},
    (V2, "ArchiveTrace"): {"trace_id": bytes.fromhex(TX)},
    (V2, "FindTraces"): {"query": {"service_name": "cart", **TIMES}},
    (V2, "GetServices"): {},
    (V2, "GetOperations"): {"service": "cart"},
    (V2, "GetDependencies"): {"start_time": (SINCE // S,), "end_time": (UNTIL // S,)},
    (V3, "GetTrace"): {"trace_id": TX},
    (V3, "FindTraces"): {"query": {"service_name": "cart", **TIMES}},
    (V3, "FindTraceSummaries"): {"query": {"service_name": "cart", **TIMES}},
    (V3, "GetServices"): {},
    (V3, "GetOperations"): {"service": "cart"},
    (V3, "GetDependencies"): {"start_time": (SINCE // S,), "end_time": (UNTIL // S,)},
}
COMMANDS = [
    ["tx", TX], ["tx", "order-1", "--json"], ["search", "service=cart", "--since", ISO["since"], "--until", ISO["until"], "--facets"],
    ["services", "--since", ISO["since"], "--until", ISO["until"], "--operations"],
    ["services", "--since", ISO["since"], "--until", ISO["until"], "--calls"],
    ["events", "--since", "2h"],
]  # fmt: skip


def store_as(store: ClickHouseSettings, writer: ClickHouseWriter, tenant: str) -> None:
    """Rows of every kind; all that is not an id says whose they are."""
    me = f"of-{tenant}"
    spans = [
        (
            span(TX, "00000000000000a1", start=BEGAN, name=me, attributes={"weftline.alias": "order-1", "marker": me}),
            "cart",
        ),
        (
            span(
                TX,
                "00000000000000a2",
                parent="00000000000000a1",
                start=BEGAN,
                name=me,
                status={"code": 2, "message": me},
            ),
            me,
        ),
        (span("b" * 32 if tenant == "b" else "a" * 32, "00000000000000b1", start=BEGAN, name=me), "cart"),
    ]
    messages = [spans_request(it, service=service, **{"host.name": me}) for it, service in spans]
    writer.insert(Signal.SPANS, messages, f"spans-{tenant}", tenant)
    line = log(TX, "00000000000000a1", f"line {me}", severity_number=17, time=BEGAN, attributes={"marker": me})
    proxied = [
        access_log(
            TX, f"00000000000000a{n}", time=BEGAN, method="GET", path=f"/{me}", response_code="503", response_flags="UO", request_id=REQUEST,
            upstream_cluster=me, route_name=me, **{"weftline.proxy.role": role},
        )
        for n, role in ((4, "sidecar-inbound"), (5, "sidecar-outbound"))
    ]  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(line, *proxied, node_name=me)], f"logs-{tenant}", tenant)
    at = BEGAN // MS
    rows = [
        ProxyStatRow(at, at - 1, me, me, me, stat, me, "", 5, 5)
        for stat in ("scrapes", "cluster_outlier_detection_ejections_enforced_total", "http_downstream_rq_finished")
    ]
    ClickHouseProxyStats(store, tenant).insert(rows, f"stats-{tenant}")


@dataclass
class World:
    app: FastAPI
    grpc_port: int
    made: Tokens
    notes: list[LookUp]


@pytest.fixture
def world(store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path) -> Iterator[World]:
    for tenant in ("a", "b"):
        store_as(store, writer, tenant)
    made = tokens(tmp_path, ("stranger", "c", "read"))
    notes: list[LookUp] = []

    class Notes:
        def note(self, lookup: LookUp) -> None:
            notes.append(lookup)

    with ExitStack() as stack:
        reader = stack.enter_context(closing(ClickHouseReader(store, current_asker)))
        searcher = stack.enter_context(closing(ClickHouseSearcher(store, current_asker)))
        settings = QuerySettings(grpc_port=0, search_seconds=60.0)
        server, port = create_server(reader, searcher, settings, made.access(), Notes())
        server.start()
        stack.callback(lambda: server.stop(None).wait())
        yield World(create_app(reader, searcher, settings, made.access(), Notes()), port, made, notes)


def test_nothing_that_can_be_asked_is_forgotten_here() -> None:
    from support.rows import RowsReader, RowsSearcher

    app = create_app(RowsReader(), RowsSearcher(), QuerySettings())
    assert {route.path_format for route in routes(app)} == set(ASKED) | EMPTY | FOLLOWED
    assert {(package, method.name) for package in METHODS for method in METHODS[package]} == set(CALLS)


def test_no_route_crosses_from_one_tenant_to_another(world: World) -> None:
    seen = set()
    for tenant, other in (
        ("a", "b"),
        ("b", "a"),
        ("stranger", "a"),
        ("stranger", "b"),
        ("reader", "a"),
        ("reader", "b"),
    ):
        for route, paths in ASKED.items():
            for path in paths:
                answer = call(world.app, path, **world.made.bearer(tenant))
                assert answer.status_code in (200, 404) or (
                    answer.status_code == 400 and "There is no field" in answer.text
                ), (path, answer.text)
                # What was asked may be said again.
                text = answer.text.replace(path, "").replace("of-b/operations", "").replace(f"'{other * 32}'", "")
                assert f"of-{other}" not in text, (tenant, path)
                assert other * 32 not in text, (tenant, path)
                if tenant in "ab" and f"of-{tenant}" in text:
                    seen.add(route)
                if tenant not in "ab":
                    assert '"cart"' not in text, (tenant, path)
    # What is not seen by its owner proves nothing about others.
    assert set(ASKED) - seen == set()


def test_an_admin_sees_the_tenant_that_is_named(world: World) -> None:
    for tenant, other in (("a", "b"), ("b", "a")):
        text = call(world.app, "/api/services", **world.made.bearer("admin"), **{"x-scope-orgid": tenant}).text
        assert (f"of-{tenant}" in text, f"of-{other}" in text) == (True, False)
    assert call(world.app, "/api/services", **world.made.bearer("admin")).json()["data"] == []
    assert call(world.app, "/api/services", **world.made.bearer("a"), **{"x-scope-orgid": "b"}).status_code == 403


def test_no_grpc_method_crosses(world: World) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{world.grpc_port}") as channel:
        seen = set()
        for (package, name), fields in CALLS.items():
            for tenant, other in (("a", "b"), ("b", "a"), ("stranger", "a"), ("stranger", "b")):
                code, text = ask(channel, package, name, fields, world.made.bearer(tenant))
                assert code in (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND) or name == "ArchiveTrace", (
                    name,
                    code,
                    text,
                )
                assert f"of-{other}" not in text, (tenant, name)
                assert other * 32 not in text, (tenant, name)
                if f"of-{tenant}" in text:
                    seen.add((package, name))
            assert ask(channel, package, name, fields, {})[0] is grpc.StatusCode.UNAUTHENTICATED, name
            assert (
                ask(channel, package, name, fields, world.made.bearer("writer"))[0] is grpc.StatusCode.PERMISSION_DENIED
            ), name
            wanted = {**world.made.bearer("a"), "x-scope-orgid": "b"}
            assert ask(channel, package, name, fields, wanted)[0] is grpc.StatusCode.PERMISSION_DENIED, name
        assert set(CALLS) - seen == {(V2, "ArchiveTrace")}
    noted = [it for it in world.notes if it.path == "/jaeger.api_v3.QueryService/GetTrace"]
    assert [(it.who, it.tenant, it.status) for it in noted] == [
        ("a", "a", "OK"), ("b", "b", "OK"), ("stranger", "c", "NOT_FOUND"), ("stranger", "c", "NOT_FOUND"),
        ("", "", "UNAUTHENTICATED"), ("writer", "", "PERMISSION_DENIED"), ("a", "", "PERMISSION_DENIED"),
    ]  # fmt: skip
    assert json.loads(noted[0].query) == {"traceId": TX}
    assert noted[0].rows >= 3
    assert noted[2].rows == 0


def ask(
    channel: grpc.Channel, package: str, name: str, fields: dict[str, Any], headers: dict[str, str]
) -> tuple[grpc.StatusCode, str]:
    method = next(one for one in METHODS[package] if one.name == name)
    call = (channel.unary_stream if method.streams else channel.unary_unary)(
        f"/{package}.QueryService/{name}",
        request_serializer=message(package, method.request).SerializeToString,
        response_deserializer=message(package, method.answer).FromString,
    )
    try:
        answer = call(_filled(message(package, method.request)(), fields), timeout=60, metadata=list(headers.items()))
        return grpc.StatusCode.OK, str(list(answer) if method.streams else answer)
    except grpc.RpcError as error:
        return error.code(), error.details()


def _filled(request: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        if isinstance(value, dict):
            getattr(request, name).SetInParent()
            _filled(getattr(request, name), value)
        elif isinstance(value, tuple):
            getattr(request, name).seconds = value[0]
        else:
            setattr(request, name, value)
    return request


def test_no_command_crosses(world: World, tmp_path: Path) -> None:
    with serve(world.app) as url:
        for command in COMMANDS:
            for tenant, other in (("a", "b"), ("b", "a")):
                done = run(url, command, world.made.secrets[tenant])
                assert done.returncode == 0, (command, done.stderr)
                assert f"of-{tenant}" in done.stdout, (command, done.stdout)
                assert f"of-{other}" not in done.stdout, (command, tenant)
        refused = run(url, ["tx", TX], "")
        assert (refused.returncode, refused.stdout) == (4, "")
        assert "wants a token" in refused.stderr
        assert "--token or WEFTLINE_TOKEN" in refused.stderr
        assert run(url, ["tx", TX], world.made.secrets["writer"]).returncode == 4
        assert run(url, ["tx", TX, "--token", world.made.secrets["a"]], "").returncode == 0


def run(url: str, command: list[str], token: str) -> subprocess.CompletedProcess[str]:
    environ = {"WEFTLINE_URL": url, "WEFTLINE_TOKEN": token, "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    arguments = [sys.executable, "-m", "weftline.query.cli", *command]
    return subprocess.run(arguments, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_what_is_followed_does_not_cross(world: World, store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    paths = {
        f"/api/v1/transactions/{TX}/logs?follow=true": "line",
        "/api/v1/search/follow?q=service%3Dcart": "transaction",
    }
    with serve(world.app) as url, ExitStack() as stack:
        streams = []
        for path, event in paths.items():
            for tenant in ("a", "b"):
                request = urllib.request.Request(url + path, headers=world.made.bearer(tenant))
                stream = stack.enter_context(urllib.request.urlopen(request, timeout=120))
                streams.append((stream, event, tenant))
        for tenant in ("b", "a"):
            now = time.time_ns()
            news = access_log(
                tenant * 31 + "1", "00000000000000c1", time=now, method="GET", path=f"/of-{tenant}", response_code="200"
            )
            writer.insert(
                Signal.LOGS, [logs_request(news, service="cart", node_name=f"of-{tenant}")], f"news-{tenant}", tenant
            )
        for stream, event, tenant in streams:
            told = ""
            while f"event: {event}" not in told or "data:" not in told.rsplit(f"event: {event}", maxsplit=1)[-1]:
                told += stream.readline().decode()
            assert f"of-{tenant}" in told, (event, tenant)
            assert f"of-{'b' if tenant == 'a' else 'a'}" not in told, (event, tenant)


def test_a_store_that_is_asked_for_nobody_answers_nothing(store: ClickHouseSettings) -> None:
    """A thread that has lost its request, a route before the gate: an error, and not somebody's rows."""
    with closing(ClickHouseReader(store, current_asker)) as reader, pytest.raises(LookupError):
        reader.services()
