"""Network filters of other protocols, with real traffic through the real Envoy: which are there, and what their logs say.

Thrift has a real server and client (the package of that name). Of Dubbo, MongoDB and ZooKeeper there is none in the package
registries: the bytes are the protocols' own, what answers them is this test.
"""

import json
import socket
import socketserver
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol, TBinaryProtocolFactory
from thrift.Thrift import TApplicationException, TMessageType, TProcessor, TType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport, TFramedTransportFactory, TMemoryBuffer

from support.four_ways import TYPE, cluster, network_listener
from support.otlp_grpc_sink import Log, Sink, otlp_grpc_sink
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.export import access_log
from weftline.deploy.envoy.proxy import Address, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy, _binary
from weftline.deploy.local.ports import HOST, free_port

pytestmark = pytest.mark.envoy

THERE = {
    "redis_proxy": "redis_proxy.v3.RedisProxy",
    "thrift_proxy": "thrift_proxy.v3.ThriftProxy",
    "dubbo_proxy": "dubbo_proxy.v3.DubboProxy",
    "mongo_proxy": "mongo_proxy.v3.MongoProxy",
    "zookeeper_proxy": "zookeeper_proxy.v3.ZooKeeperProxy",
}
NOT_THERE = {
    "mysql_proxy": "mysql_proxy.v3.MySQLProxy",
    "postgres_proxy": "postgres_proxy.v3alpha.PostgresProxy",
    "kafka_broker": "kafka_broker.v3.KafkaBroker",
    "kafka_mesh": "kafka_mesh.v3alpha.KafkaMesh",
    "rocketmq_proxy": "rocketmq_proxy.v3.RocketmqProxy",
    "sip_proxy": "sip_proxy.v3alpha.SipProxy",
}


def network_filter(name: str, message: str, **config: Any) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.network.{name}",
        "typed_config": {"@type": f"{TYPE}filters.network.{message}", **config},
    }


def unknown_types(folder: Path, filters: Mapping[str, str]) -> set[str]:
    """Those whose configuration this Envoy has never heard of. What else is wrong with it doesn't matter."""
    unknown = set()
    for name, message in filters.items():
        listener = network_listener(name, 0, [network_filter(name, message)])
        file = folder / f"{name}.json"
        file.write_text(json.dumps({"static_resources": {"listeners": [listener]}}))
        command = [_binary(), "--mode", "validate", "--config-path", str(file), "--log-level", "error"]
        done = subprocess.run([*command, "--disable-hot-restart"], capture_output=True, text=True, check=False)
        if "could not find @type" in done.stdout + done.stderr:
            unknown.add(name)
    return unknown


def test_the_readme_says_which_filters_this_envoy_has(tmp_path: Path) -> None:
    assert unknown_types(tmp_path, THERE | NOT_THERE) == set(NOT_THERE)


class _Answer(socketserver.BaseRequestHandler):
    """What comes goes back, but a ZooKeeper client's first words get a session."""

    def handle(self) -> None:
        while data := self.request.recv(65536):
            if len(data) == 49:
                data = struct.pack(">iiiqi", 36, 0, 10_000, 7, 16) + b"p" * 16
            self.request.sendall(data)


class _Thrift(socketserver.BaseRequestHandler):
    """A Thrift server, framed and binary: `fail` is answered with an exception, all else with nothing."""

    def handle(self) -> None:
        while size := self.request.recv(4, socket.MSG_WAITALL):
            arrived = size + self.request.recv(struct.unpack(">i", size)[0], socket.MSG_WAITALL)
            answer = TMemoryBuffer()
            frames, protocols = TFramedTransportFactory(), TBinaryProtocolFactory()
            framed = frames.getTransport(answer)
            _Answering().process(
                protocols.getProtocol(frames.getTransport(TMemoryBuffer(arrived))), protocols.getProtocol(framed)
            )
            self.request.sendall(answer.getvalue())


class _Answering(TProcessor):
    def process(self, arrived: Any, answer: Any) -> None:
        name, _, number = arrived.readMessageBegin()
        arrived.skip(TType.STRUCT)
        arrived.readMessageEnd()
        answer.writeMessageBegin(name, TMessageType.EXCEPTION if name == "fail" else TMessageType.REPLY, number)
        if name == "fail":
            TApplicationException(TApplicationException.INTERNAL_ERROR, "as asked").write(answer)
        else:
            answer.writeFieldStop()
        answer.writeMessageEnd()
        answer.trans.flush()


@contextmanager
def server(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with socketserver.ThreadingTCPServer((HOST, 0), handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Stand:
    sink: Sink
    ports: Mapping[str, int]

    def logs(self, name: str, count: int) -> list[Log]:
        """Those of one listener, once there are so many."""
        at = f"{HOST}:{self.ports[name]}"

        def found() -> list[Log]:
            return [log for log in self.sink.logs if log.attributes["downstream_local_address"] == at]

        with self.sink.changed:
            self.sink.changed.wait_for(lambda: len(found()) == count, 30)
        assert len(found()) == count
        return found()

    def talk(self, name: str, data: bytes) -> bytes:
        with socket.create_connection((HOST, self.ports[name]), timeout=20) as connection:
            connection.sendall(data)
            return connection.recv(65536)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with ExitStack() as stack:
        sink = stack.enter_context(otlp_grpc_sink())
        upstream, thrift = stack.enter_context(server(_Answer)), stack.enter_context(server(_Thrift))
        listener = Listener(Role.SIDECAR_OUTBOUND, Address(HOST, free_port()), (Route("all", "/", "upstream"),))
        proxy = Proxy(
            service="shop",
            node_id="shop-1",
            admin=Address(HOST, free_port()),
            collector=Collector(Address(HOST, sink.port), "grpc"),
            listeners=(listener,),
            metadata=("thrift.proxy:method", "thrift.proxy:response:reply_type", "thrift.proxy:response:message_type"),
        )
        log = [access_log(proxy, listener)]
        tcp = network_filter(
            "tcp_proxy", "tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster="upstream", access_log=log
        )
        ports = {name: free_port() for name in ("thrift", "dubbo", "mongo", "zookeeper")}
        thrift_proxy = network_filter(
            "thrift_proxy",
            THERE["thrift_proxy"],
            stat_prefix="thrift",
            access_log=log,
            route_config={"routes": [{"match": {"method_name": ""}, "route": {"cluster": "thrift"}}]},
            thrift_filters=[
                {
                    "name": "envoy.filters.thrift.router",
                    "typed_config": {"@type": TYPE + "filters.network.thrift_proxy.router.v3.Router"},
                }
            ],
        )
        dubbo_proxy = network_filter("dubbo_proxy", THERE["dubbo_proxy"], stat_prefix="dubbo")
        config = bootstrap(proxy)
        config["static_resources"]["clusters"] += [cluster("upstream", upstream), cluster("thrift", thrift)]
        config["static_resources"]["listeners"] += [
            network_listener("thrift", ports["thrift"], [thrift_proxy]),
            network_listener("dubbo", ports["dubbo"], [dubbo_proxy], access_log=log),
            *(
                network_listener(
                    name, ports[name], [network_filter(f"{name}_proxy", THERE[f"{name}_proxy"], stat_prefix=name), tcp]
                )
                for name in ("mongo", "zookeeper")
            ),
        ]
        stack.enter_context(Envoy("network-filters", tmp_path_factory.mktemp("envoy"), config))
        yield Stand(sink, ports)


def test_thrift_logs_every_call_with_its_method_and_outcome(stand: Stand) -> None:
    transport = TFramedTransport(TSocket(HOST, stand.ports["thrift"]))
    protocol = TBinaryProtocol(transport)
    transport.open()
    for name in ("pay", "fail"):
        protocol.writeMessageBegin(name, TMessageType.CALL, 1)
        protocol.writeFieldStop()
        protocol.writeMessageEnd()
        transport.flush()
        assert protocol.readMessageBegin()[0] == name
        protocol.skip(TType.STRUCT)
        protocol.readMessageEnd()
    transport.close()
    said = [
        {name.rpartition(".")[2]: log.attributes[f"metadata.thrift.proxy.{name}"] for name in
         ("method", "response.reply_type", "response.message_type")}
        for log in stand.logs("thrift", 2)
    ]  # fmt: skip
    assert said == [
        {"method": "pay", "reply_type": "success", "message_type": "reply"},
        {"method": "fail", "reply_type": "-", "message_type": "exception"},
    ]


def connection(log: Log) -> tuple[int, int]:
    """Bytes received and sent."""
    return int(log.attributes["bytes_received"]), int(log.attributes["bytes_sent"])


def test_dubbo_is_a_connection_of_its_listener(stand: Stand) -> None:
    """The filter answers heartbeats itself, logs nothing itself and knows no metadata."""
    heartbeat = bytes.fromhex("dabbe2000000000000000001") + struct.pack(">i", 1) + b"N"
    answer = stand.talk("dubbo", heartbeat)
    assert answer.startswith(bytes.fromhex("dabb2214"))
    [log] = stand.logs("dubbo", 1)
    assert connection(log) == (len(heartbeat), len(answer))


def test_mongodb_is_a_connection(stand: Stand) -> None:
    query = struct.pack("<i", 0) + b"shop.orders\0" + struct.pack("<ii", 0, 1) + b"\x05\0\0\0\0"
    message = struct.pack("<iiii", 16 + len(query), 1, 0, 2004) + query
    assert stand.talk("mongo", message) == message
    [log] = stand.logs("mongo", 1)
    assert connection(log) == (len(message), len(message))
    assert (log.attributes["access_log_type"], log.attributes["upstream_cluster"]) == ("TcpConnectionEnd", "upstream")


def test_zookeeper_is_a_connection(stand: Stand) -> None:
    connect = struct.pack(">iqiqi", 0, 0, 10_000, 0, 16) + b"\0" * 17
    answer = stand.talk("zookeeper", struct.pack(">i", len(connect)) + connect)
    [log] = stand.logs("zookeeper", 1)
    assert connection(log) == (49, len(answer)) == (49, 40)
    assert log.attributes["access_log_type"] == "TcpConnectionEnd"
