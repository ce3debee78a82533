"""Two real ClickHouse servers that know each other as a cluster: two shards, or one with two replicas."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.local import WITHOUT_FSYNC
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.ports import free_port

NAME = "two_shards"
REPLICAS = "two_replicas"


@contextmanager
def start_replicas(folder: Path, zookeeper: int) -> Iterator[list[ClickHouse]]:
    """``zookeeper`` is the port of what keeps the replicas together.

    The wheel's server has no port from which replicas fetch parts, so its replicated tables stay read-only: they can be
    made, and nothing more.
    """
    ports = [(free_port(), free_port()) for _ in range(2)]
    replicas = "".join(f"<replica><host>127.0.0.1</host><port>{tcp}</port></replica>" for tcp, _ in ports)
    config = (
        f"<remote_servers><{REPLICAS}><secret>of both</secret><shard><internal_replication>true</internal_replication>"
        f"{replicas}</shard></{REPLICAS}></remote_servers>"
        f"<zookeeper><node><host>127.0.0.1</host><port>{zookeeper}</port></node></zookeeper>"
    )
    with ExitStack() as stack:
        servers = []
        for number, (tcp, http) in enumerate(ports, 1):
            own = f"<macros><shard>1</shard><replica>r{number}</replica></macros>"
            server = ClickHouse(folder / str(number), tcp_port=tcp, http_port=http, more=WITHOUT_FSYNC + config + own)
            servers.append(stack.enter_context(server))
        yield servers


@contextmanager
def start_shards(folder: Path, more: str = "") -> Iterator[list[ClickHouse]]:
    """``more`` is XML for both."""
    ports = [(free_port(), free_port()) for _ in range(2)]
    shards = "".join(
        f"<shard><internal_replication>true</internal_replication>"
        f"<replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard>"
        for tcp, _ in ports
    )
    with ExitStack() as stack:
        servers = []
        for number, (tcp, http) in enumerate(ports, 1):
            config = (
                f"<remote_servers><{NAME}><secret>of both</secret>{shards}</{NAME}></remote_servers>"
                f"<macros><shard>{number}</shard><replica>r1</replica></macros>{more}"
            )
            server = ClickHouse(folder / str(number), tcp_port=tcp, http_port=http, more=WITHOUT_FSYNC + config)
            servers.append(stack.enter_context(server))
        yield servers
