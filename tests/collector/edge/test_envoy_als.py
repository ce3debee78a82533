"""The access log service as an Envoy meets it: a real edge, a real ClickHouse; and its backlog with a bus that is slow."""

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from prometheus_client import REGISTRY

from support import als
from support.roles import Edge, eventually, metrics
from weftline.collector.edge.envoy_als import SERVICE, Backlog
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"


def entry(n: int, transaction: str = TX) -> bytes:
    tags = {"trace_id": transaction, "span_id": f"{n:016x}"}
    return als.http_entry(als.common(stream_id=f"s{n}", tags=tags), als.request(path=f"/{n}"), als.response())


@pytest.fixture
def edge(tmp_path: Path, store: ClickHouseSettings) -> Iterator[Edge]:
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge:
        yield edge
    assert edge.exit_code == 0, edge.tail()


def counted(edge: Edge, outcome: str, reason: str = "") -> float:
    name = f'weftline_access_logs_total{{outcome="{outcome}",protocol="envoy_als",reason="{reason}"}}'
    return metrics(edge.http_port).get(name, 0)


@pytest.mark.clickhouse
def test_a_stream_of_http_and_one_of_tcp_become_rows(edge: Edge, reader: ClickHouseReader) -> None:
    """Only the first message of a stream says who it is."""
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
        send = channel.stream_unary(f"/{SERVICE}/StreamAccessLogs")
        first = als.http_message(entry(1), who=als.identifier("cart-1", "cart"))
        assert send(iter([first, als.http_message(entry(2), entry(3))]), timeout=30) == b""
        tcp = als.common(stream_id="b20fbf86-987f-49e5-85c7-c29fe3d8c914", log_type=3)
        send(iter([als.tcp_message(als.tcp_entry(tcp, 29, 189), who=als.identifier())]), timeout=30)
    rows = eventually(lambda: len(found := reader.transaction(TX, 10)) == 3 and found)
    assert {(row.path, row.node_id, row.service) for row in rows} == {(f"/{n}", "cart-1", "cart") for n in (1, 2, 3)}
    [connection] = eventually(lambda: reader.resolve("b20fbf86-987f-49e5-85c7-c29fe3d8c914"))
    [row] = reader.transaction(connection, 10)
    assert (row.kind, row.log_type, row.bytes_received, row.bytes_sent) == ("connection", "TcpConnectionEnd", 29, 189)
    assert counted(edge, "accepted") == 4


@pytest.mark.clickhouse
def test_what_filters_found_out_is_kept(edge: Edge, reader: ClickHouseReader) -> None:
    """Metadata and filter state as attributes; a tag with the same name wins."""
    found = als.metadata(
        {
            "envoy.filters.http.rbac": {"shadow_engine_result": "denied", "shadow_effective_policy_id": "none"},
            "shop": {
                "n": 1.5,
                "zero": 0,
                "no": False,
                "list": ["a", 2],
                "map": {"k": True},
                "nothing": None,
                "text": "",
            },
            "envoy.filters.http.jwt_authn": {"payload": {"sub": "somebody"}},
        }
    )
    string = "type.googleapis.com/google.protobuf.StringValue"
    states = {"tenant": field_of(string, als.field(1, "blue")), "long": field_of(string, als.field(1, "x" * 300))}
    number = field_of("type.googleapis.com/google.protobuf.UInt64Value", als.field(1, 7))
    properties = als.common(
        stream_id="m",
        tags={
            "trace_id": TX,
            "span_id": f"{1:016x}",
            "metadata.envoy.filters.http.rbac.shadow_effective_policy_id": "by tag",
        },
        f17=found,
    ) + b"".join(
        als.field(21, als.field(1, key) + als.field(2, value)) for key, value in {**states, "n": number}.items()
    )
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
        send = channel.stream_unary(f"/{SERVICE}/StreamAccessLogs")
        message = als.http_message(als.http_entry(properties, als.request(), als.response()), who=als.identifier())
        send(iter([message]), timeout=30)
    [row] = eventually(lambda: reader.transaction(TX, 10))
    kept = {name: value for name, value in row.attributes.items() if name.startswith(("metadata.", "filter_state."))}
    assert kept == {
        "metadata.envoy.filters.http.rbac.shadow_engine_result": "denied",
        "metadata.envoy.filters.http.rbac.shadow_effective_policy_id": "by tag",
        "metadata.shop.n": "1.5",
        "metadata.shop.zero": "0",
        "metadata.shop.no": "false",
        "metadata.shop.list": '["a",2]',
        "metadata.shop.map": '{"k":true}',
        "filter_state.tenant": "blue",
        "filter_state.long": "x" * 300,
    }


def field_of(type_url: str, value: bytes) -> bytes:
    """google.protobuf.Any."""
    return als.field(1, type_url) + als.field(2, value)


@pytest.mark.clickhouse
def test_rubbish_ends_its_stream_only(edge: Edge, reader: ClickHouseReader) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
        send = channel.stream_unary(f"/{SERVICE}/StreamAccessLogs")
        with pytest.raises(grpc.RpcError) as raised:
            send(iter([b"\xff\xff"]), timeout=30)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        # Well framed, but not what it says: only ClickHouse can tell.
        send(iter([als.http_message(b"\xff\xff\xff", who=als.identifier())]), timeout=30)
        eventually(lambda: counted(edge, "refused", "undecodable") == 1)
        send(iter([als.http_message(entry(1), who=als.identifier())]), timeout=30)
    eventually(lambda: len(reader.transaction(TX, 10)) == 1)


@pytest.mark.clickhouse
def test_the_edge_ends_with_streams_open_and_hands_over_what_it_read(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    """An Envoy never closes its streams."""
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.5) as edge:
        channel = grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}")
        grpc.channel_ready_future(channel).result(10)

        def messages() -> Iterator[bytes]:
            yield als.http_message(entry(1), who=als.identifier())
            eventually(lambda: not edge.running)

        call = channel.stream_unary(f"/{SERVICE}/StreamAccessLogs").future(messages())
        time.sleep(0.3)  # nothing tells that a message was read before it is stored
        edge.stop()
        assert edge.exit_code == 0, edge.tail()
        call.exception(10)
        channel.close()
    assert len(reader.transaction(TX, 10)) == 1


class SlowBus:
    """A fake: takes nothing until it is told to, so that the backlog fills."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.got: list[bytes] = []
        self.problems: list[Exception] = []

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"", tenant: str = "") -> None:
        assert signal is Signal.ENVOY_ALS
        await self.open.wait()
        if self.problems:
            raise self.problems.pop(0)
        self.got.append(message)

    async def check(self) -> None: ...

    async def close(self) -> None: ...


def total(outcome: str, reason: str = "") -> float:
    labels = {"protocol": "envoy_als", "outcome": outcome, "reason": reason}
    return REGISTRY.get_sample_value("weftline_access_logs_total", labels) or 0


async def drained(backlog: Backlog) -> None:
    await backlog.close(5)


def test_a_slow_store_drops_the_newest_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        bus = SlowBus()
        backlog = Backlog(bus, max_bytes=1000, message_bytes=300)
        before = total("dropped", "backlog_full"), total("accepted")
        for n in range(100):
            backlog.put(b"%03d" % n + b"x" * 97, 2)  # never waits
        assert total("dropped", "backlog_full") - before[0] == 180
        bus.open.set()
        await drained(backlog)
        assert b"".join(bus.got) == b"".join(b"%03d" % n + b"x" * 97 for n in range(10))
        assert max(map(len, bus.got)) <= 300
        assert total("accepted") - before[1] == 20

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "after dropping entries=180" in caplog.text


def test_what_the_bus_can_t_take_now_is_sent_again_and_what_it_never_takes_is_counted() -> None:
    async def scenario() -> None:
        bus = SlowBus()
        bus.open.set()
        bus.problems = [TryLater("away"), BadMessage("bad")]
        backlog = Backlog(bus, max_bytes=1000, in_flight=1)
        before = total("refused", "undecodable"), total("accepted")
        backlog.put(b"bad", 3)
        await asyncio.sleep(0.01)
        backlog.put(b"good", 2)
        await drained(backlog)
        assert bus.got == [b"good"]
        assert (total("refused", "undecodable") - before[0], total("accepted") - before[1]) == (3, 2)

    asyncio.run(scenario())


def test_what_is_left_at_the_end_is_counted_as_lost() -> None:
    async def scenario() -> None:
        backlog = Backlog(SlowBus(), max_bytes=1000)
        before = total("dropped", "shutdown")
        backlog.put(b"a", 3)
        await asyncio.sleep(0.01)
        backlog.put(b"b", 4)
        await backlog.close(0.05)
        assert total("dropped", "shutdown") - before == 7

    asyncio.run(scenario())
