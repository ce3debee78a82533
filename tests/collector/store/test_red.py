"""Rates, errors and durations of services on a real ClickHouse."""

import random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp import START, span, spans_request
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.red import LEVELS, RedFilter

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
MINUTE = 60 * 10**9
FIRST = START // MINUTE * MINUTE
MS = 10**6


def asked(minutes: int = 10, step: int = 1, **fields: object) -> RedFilter:
    return RedFilter(FIRST, FIRST + minutes * MINUTE, step * MINUTE, **fields)


def test_by_minute_operation_and_kind(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    message = spans_request(
        span(TX, "a" * 16, start=FIRST, duration=5 * MS, name="GET /pay", kind=2),
        span(TX, "b" * 16, start=FIRST + MINUTE - 1, duration=5 * MS, name="GET /pay", kind=2, status={"code": 2}),
        span(TX, "c" * 16, start=FIRST + MINUTE, duration=5 * MS, name="GET /pay", kind=2),
        span(TX, "d" * 16, start=FIRST, duration=7 * MS, name="charge", kind=3),
    )
    writer.insert(Signal.SPANS, [message], "t1")
    writer.insert(Signal.SPANS, [spans_request(span(TX, "e" * 16, start=FIRST, name="x"), service="web")], "t2")

    def rows(**fields: object) -> list[tuple]:
        return [
            ((it.start - FIRST) // MINUTE, it.service, it.operation, it.kind, it.calls, it.errors)
            for it in reader.red(asked(**fields))
        ]

    assert rows(services=("cart",)) == [
        (0, "cart", "GET /pay", "server", 2, 1), (0, "cart", "charge", "client", 1, 0), (1, "cart", "GET /pay", "server", 1, 0),
    ]  # fmt: skip
    assert rows(services=("cart",), kinds=("client",)) == [(0, "cart", "charge", "client", 1, 0)]
    assert rows(minutes=1, operations=("GET /pay", "x"), by_operation=False) == [
        (0, "cart", "", "server", 2, 1), (0, "web", "", "server", 1, 0),
    ]  # fmt: skip
    assert rows(services=("nobody",)) == []


def test_quantiles_of_many_inserts_are_those_of_all_spans_together(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """Also of rows that are late and of an insert that comes twice."""
    draw = random.Random(7)
    durations = [round(draw.lognormvariate(16, 1.5)) for _ in range(4_000)]
    for number in range(8):
        part = durations[number * 500 : number * 500 + 500]
        body = spans_request(
            *(
                span(TX, f"{number * 500 + n + 1:016x}", start=FIRST, duration=it, name="work")
                for n, it in enumerate(part)
            )
        )
        for _ in range(2):
            writer.insert(Signal.SPANS, [body], f"t{number}")
    [point] = reader.red(asked(by_operation=False))
    assert (point.calls, point.errors) == (4_000, 0)
    ordered = sorted(durations)
    exact = [ordered[int(level * 3_999)] for level in LEVELS]
    assert point.durations == pytest.approx(exact, rel=0.02)


def test_steps_longer_than_a_minute_and_spans_without_a_service(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    spans = [span(TX, f"{n + 1:016x}", start=FIRST + n * MINUTE, name="work") for n in range(10)]
    writer.insert(
        Signal.SPANS, [spans_request(*spans), spans_request(span(TX, "f" * 16, start=FIRST), service="")], "t"
    )
    [whole] = reader.red(asked(minutes=10, step=0))
    assert (whole.start, whole.calls) == (FIRST // 10**9 * 10**9, 10)
    points = reader.red(asked(minutes=10, step=5))
    assert sum(it.calls for it in points) == 10
    assert all(it.start % (5 * MINUTE) == 0 for it in points)
    assert [it.calls for it in points if it.start >= FIRST and it.start + 5 * MINUTE <= FIRST + 10 * MINUTE] in (
        [5],
        [5, 5],
    )


SERVER, CLIENT = 2, 3


def told_by(
    writer: ClickHouseWriter, teller: str, *spans: tuple[int, str], minute: int = 0, service: str = "cart"
) -> None:
    """Spans as (kind, name) of the application ('') or of its Envoy of that role ('?': it doesn't say which)."""
    resource = {"weftline.proxy.role": teller} if teller not in ("", "?") else {}
    start = FIRST + minute * MINUTE
    made = [
        span(TX, f"{random.getrandbits(64) | 1:016x}", start=start, name=name, kind=kind) for kind, name in spans
    ]  # fmt: skip
    request = ExportTraceServiceRequest.FromString(spans_request(*made, service=service, **resource))
    if teller:
        request.resource_spans[0].scope_spans[0].scope.name = "envoy"
    writer.insert(Signal.SPANS, [request.SerializeToString()], f"{teller} {spans} {minute} {service}")


def counted(reader: ClickHouseReader, **fields: object) -> list[tuple]:
    points = reader.red(asked(**fields))
    return [((it.start - FIRST) // MINUTE, it.service, it.operation, it.kind, it.calls) for it in points]


def test_a_request_counts_once_however_many_of_its_proxies_tell_of_it(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    ingress, egress = (SERVER, "ingress"), (CLIENT, "egress")
    told_by(writer, "sidecar-inbound", ingress, egress)
    told_by(writer, "", (SERVER, "GET /pay"), (CLIENT, "GET"), (1, "work"))
    told_by(writer, "sidecar-outbound", ingress, egress)
    assert counted(reader) == [
        (0, "cart", "GET", "client", 1), (0, "cart", "GET /pay", "server", 1), (0, "cart", "work", "internal", 1),
    ]  # fmt: skip
    # The application is away: what its proxies answered for it counts.
    told_by(writer, "sidecar-inbound", ingress, minute=1)
    told_by(writer, "sidecar-outbound", ingress, egress, minute=2)
    whole = [(it.kind, it.calls) for it in reader.red(asked(step=0, by_operation=False))]
    assert whole == [("client", 2), ("internal", 1), ("server", 2)]
    assert counted(reader)[3:] == [(1, "cart", "ingress", "server", 1), (2, "cart", "egress", "client", 1)]
    # Who asks for the proxies' gets them.
    assert counted(reader, operations=("ingress", "egress"), minutes=1) == [
        (0, "cart", "egress", "client", 1), (0, "cart", "ingress", "server", 1),
    ]  # fmt: skip


def test_proxies_that_stand_for_a_service_of_their_own(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    for teller in ("edge", "gateway", "?"):
        told_by(writer, teller, (SERVER, "ingress"), (CLIENT, "egress"), service=f"it is {teller}")
    assert counted(reader) == [
        (0, f"it is {teller}", name, kind, 1)
        for teller in ("?", "edge", "gateway")
        for name, kind in (("egress", "client"), ("ingress", "server"))
    ]
