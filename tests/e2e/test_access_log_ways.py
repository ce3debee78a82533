"""The same row whatever the way: one real Envoy logs every request four ways at once, a real edge and file tail take them."""

import http.client
import secrets
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import redis

from support.echo import echo_server
from support.four_ways import TYPE, WAYS, cluster, make, network_listener
from support.http_answer import answered
from support.redis_server import redis_server
from support.roles import Edge, eventually, metrics
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import AccessLogRow
from weftline.deploy.envoy.http_connection_manager import keep
from weftline.deploy.envoy.proxy import Retry, Route
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse, pytest.mark.e2e]


@dataclass(frozen=True, slots=True)
class Stand:
    """The running parts."""

    http: int
    tls: int
    tcp: int
    tcp_dead: int
    redis: int
    redis_real: int
    grpc: int
    certificates: Path
    store: ClickHouseSettings
    reader: ClickHouseReader
    edge: Edge

    def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str]]:
        connection = http.client.HTTPConnection(HOST, self.http, timeout=10)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return answered(connection)

    def raw(self, where: str) -> dict[object, list[dict[str, object]]]:
        """The stored rows that fulfil a condition, by record."""
        with connect(self.store) as client:
            found, columns = client.execute(
                "SELECT * REPLACE (mapSort(resource) AS resource, mapSort(attributes) AS attributes) "
                f"FROM access_logs WHERE {where}",
                with_column_types=True,
            )
        by_record: dict[object, list[dict[str, object]]] = {}
        for values in found:
            row = dict(zip((name for name, _ in columns), values, strict=True))
            by_record.setdefault(row["record_id"], []).append(row)
        return by_record

    def same(self, where: str) -> list[dict[str, object]]:
        """One row a record, once each way has brought its one and all are the same."""

        def complete() -> dict[object, list[dict[str, object]]] | None:
            found = self.raw(where)
            return found if found and all(len(rows) == len(WAYS) for rows in found.values()) else None

        found = eventually(complete)
        for rows in found.values():
            for row in rows[1:]:
                assert row == rows[0]
        return [rows[0] for rows in found.values()]


class _Answers(grpc.GenericRpcHandler):
    """A gRPC service that answers every method with NOT_FOUND, or OK when the request says so."""

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            if request != b"ok":
                context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
            return b"fine"

        return grpc.unary_unary_rpc_method_handler(answer)


@contextmanager
def grpc_server() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Answers(),))
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def certificates(folder: Path) -> Path:
    """A CA, and certificates with SPIFFE identities for the proxy and for its caller."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    for name in ("edge", "caller"):
        openssl(
            *new, "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
            "-days", "2", "-addext", f"subjectAltName=URI:spiffe://shop/ns/default/sa/{name}", "-addext", "basicConstraints=critical,CA:FALSE",
        )  # fmt: skip
    return folder


def mutual_tls(folder: Path) -> dict[str, object]:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": TYPE + "transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": True,
            "common_tls_context": {
                "tls_certificates": [
                    {
                        "certificate_chain": {"filename": str(folder / "edge.pem")},
                        "private_key": {"filename": str(folder / "edge.key")},
                    }
                ],
                "validation_context": {"trusted_ca": {"filename": str(folder / "ca.pem")}},
            },
        },
    }


def calls_with(folder: Path) -> dict[str, object]:
    """A caller's end of mutual TLS."""
    chain, key = {"filename": str(folder / "caller.pem")}, {"filename": str(folder / "caller.key")}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": TYPE + "transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": "shop.example",
            "common_tls_context": {
                "tls_certificates": [{"certificate_chain": chain, "private_key": key}],
                "validation_context": {"trusted_ca": {"filename": str(folder / "ca.pem")}},
            },
        },
    }


RBAC = "envoy.filters.http.rbac"
SHADOW = ("shadow_engine_result", "shadow_effective_policy_id")


def shadow_rules() -> dict[str, object]:
    """An RBAC filter that refuses nobody and says whom it would have refused: /status/500."""
    policy = {
        "permissions": [{"url_path": {"path": {"exact": "/status/500"}}}],
        "principals": [{"any": True}],
    }
    rules = {"action": "DENY", "policies": {"no-errors": policy}}
    return {
        "name": RBAC,
        "typed_config": {"@type": TYPE + "filters.http.rbac.v3.RBAC", "shadow_rules": rules},
    }


@pytest.fixture(scope="module")
def stand(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("ways")
    store = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database="ways")
    migrate(store)
    pems = certificates(folder)
    with ExitStack() as stack:
        edge = stack.enter_context(Edge(folder, store, WEFTLINE_EDGE_DIRECT_LINGER=0.05))
        echo = int(stack.enter_context(echo_server()).url.rpartition(":")[2])
        real_redis = stack.enter_context(redis_server(folder))
        grpc_at = stack.enter_context(grpc_server())
        http_at, tls_at, tcp_at, dead_at, redis_at, rpc_at = (free_port() for _ in range(6))
        dead = free_port()
        config, how, listener = make(
            folder,
            edge_http=edge.http_port,
            edge_grpc=edge.grpc_port,
            port=http_at,
            routes=(
                Route("dead", "/dead", "dead", retry=Retry(2, on="connect-failure")),
                Route("slow", "/slow", "slow"),
                Route("pay", "/pay", "echo"),
                Route("secure", "/secure", "secure"),
                Route("status", "/status", "echo"),
            ),
            upstreams={"echo": echo, "dead": dead, "slow": grpc_at},
            metadata=tuple(f"{RBAC}:{key}" for key in SHADOW),
            filter_state=("tenant",),
        )
        resources = config["static_resources"]
        http_listener = resources["listeners"][0]
        manager = http_listener["filter_chains"][0]["filters"][0]
        for route in manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]:
            if route["name"] == "secure":  # to the listener below, whose routes are the same
                route["route"]["prefix_rewrite"] = "/pay"
        manager["typed_config"]["access_log_options"] = {"flush_access_log_on_new_request": True}
        manager["typed_config"]["http_filters"][-1:-1] = [shadow_rules(), keep({"tenant": "%REQ(X-TENANT)%"})]
        secure = {
            **http_listener,
            "name": "tls",
            "address": {"socket_address": {"address": HOST, "port_value": tls_at}},
            "filter_chains": [{"filters": [manager], "transport_socket": mutual_tls(pems)}],
            "traffic_direction": "INBOUND",
            "listener_filters": [
                {
                    "name": "envoy.filters.listener.tls_inspector",
                    "typed_config": {"@type": TYPE + "filters.listener.tls_inspector.v3.TlsInspector"},
                }
            ],
        }

        def tcp(name: str, to: str, **more: object) -> dict[str, object]:
            return {
                "name": "envoy.filters.network.tcp_proxy",
                "typed_config": {
                    "@type": TYPE + "filters.network.tcp_proxy.v3.TcpProxy",
                    "stat_prefix": name,
                    "cluster": to,
                    "access_log": how.loggers(listener, tcp=True),
                    **more,
                },
            }

        redis_proxy = {
            "name": "envoy.filters.network.redis_proxy",
            "typed_config": {
                "@type": TYPE + "filters.network.redis_proxy.v3.RedisProxy",
                "stat_prefix": "redis",
                "settings": {"op_timeout": "5s"},
                "prefix_routes": {"catch_all_route": {"cluster": "redis"}},
            },
        }
        rpc = {
            **manager,
            "typed_config": {
                **manager["typed_config"],
                "access_log_options": {},
                "route_config": {
                    "virtual_hosts": [
                        {
                            "name": "rpc",
                            "domains": ["*"],
                            "routes": [{"name": "rpc", "match": {"prefix": "/"}, "route": {"cluster": "rpc"}}],
                        }
                    ]
                },
            },
        }
        resources["listeners"] += [
            secure,
            network_listener(
                "tcp", tcp_at, [tcp("tcp", "redis", access_log_options={"flush_access_log_on_connected": True})]
            ),
            network_listener("tcp_dead", dead_at, [tcp("tcp_dead", "dead")]),
            network_listener("redis", redis_at, [redis_proxy], access_log=how.loggers(listener, tcp=True)),
            network_listener("rpc", rpc_at, [rpc]),
        ]
        resources["clusters"] += [
            cluster("redis", real_redis),
            cluster("secure", tls_at, transport_socket=calls_with(pems)),
            cluster("rpc", grpc_at, http2=True),
        ]
        stack.enter_context(Envoy("four ways", folder, config))
        tail = subprocess.Popen(
            [
                sys.executable, "-m", "weftline.collector", "collect", "logs", "--file", str(how.log), "--endpoint", edge.url(""),
                "--position-file", str(folder / "positions.json"), "--refused-file", str(folder / "refused.jsonl"),
            ],
            stderr=stack.enter_context((folder / "tail.log").open("wb")),
        )  # fmt: skip
        reader = ClickHouseReader(store)
        yield Stand(http_at, tls_at, tcp_at, dead_at, redis_at, real_redis, rpc_at, pems, store, reader, edge)
        reader.close()
        tail.terminate()
        assert tail.wait(20) == 0, (folder / "tail.log").read_text()
        assert not (folder / "refused.jsonl").exists(), (folder / "refused.jsonl").read_text()
    assert edge.exit_code == 0, edge.tail()


def of(transaction: str) -> str:
    return f"transaction_id = unhex('{transaction}')"


def one_row_each(stand: Stand, transaction: str, rows: list[dict[str, object]]) -> list[AccessLogRow]:
    """What a look-up gives: every record once, and counters that say the same."""
    found = [row for row in stand.reader.transaction(transaction, 100) if isinstance(row, AccessLogRow)]
    assert sorted(row.record_id for row in found) == sorted(str(row["record_id"]) for row in rows)
    with connect(stand.store) as client:
        [(counted,)] = client.execute(
            f"SELECT uniqMerge(access_log_records) FROM transactions WHERE {of(transaction)} GROUP BY transaction_id"
        )
    assert counted == sum(row["kind"] in ("end", "connection") for row in rows)
    return found


@pytest.mark.parametrize("path", ["/pay?order=1&token=s3cret", "/status/500", "/nowhere"])
def test_a_request_is_one_row_whatever_the_way(stand: Stand, path: str) -> None:
    status, headers = stand.get(path, user_agent="test")
    transaction = headers["x-transaction-id"]
    rows = stand.same(of(transaction))
    attempts = 0 if status == 404 else 1
    assert sorted(str(row["kind"]) for row in rows) == ["attempt"] * attempts + ["end"]
    [end] = [row for row in one_row_each(stand, transaction, rows) if row.kind == "end"]
    assert (end.response_code, end.method, end.node_id, end.service) == (status, "GET", "edge-1", "shop")
    assert end.path == path.replace("s3cret", "[not stored]")
    assert end.request_id == end.stream_id == headers["x-request-id"]
    assert end.attributes["user_agent"] == "test"
    assert 0 < end.time_to_last_rx_byte <= end.duration
    if attempts:
        assert end.time_to_first_upstream_tx_byte <= end.time_to_first_upstream_rx_byte <= end.duration
        assert end.upstream_hosts_attempted == [end.upstream_host]
        [attempt] = [row for row in one_row_each(stand, transaction, rows) if row.kind == "attempt"]
        assert attempt.upstream_span_id == end.upstream_span_id


def test_what_filters_found_out_is_in_the_row(stand: Stand) -> None:
    _, headers = stand.get("/status/500", x_tenant="blue")
    transaction = headers["x-transaction-id"]
    [end] = [row for row in one_row_each(stand, transaction, stand.same(of(transaction))) if row.kind == "end"]
    assert end.attributes[f"metadata.{RBAC}.shadow_engine_result"] == "denied"
    assert end.attributes[f"metadata.{RBAC}.shadow_effective_policy_id"] == "no-errors"
    assert end.attributes["filter_state.tenant"] == "blue"


def test_every_attempt_is_a_record_of_its_own(stand: Stand) -> None:
    status, headers = stand.get("/dead")
    assert status == 503
    rows = stand.same(of(headers["x-transaction-id"]))
    assert sorted(str(row["kind"]) for row in rows) == ["attempt"] * 3 + ["end"]
    found = one_row_each(stand, headers["x-transaction-id"], rows)
    assert [row.response_flags for row in found if row.kind == "end"] == ["UF,URX"]
    assert len({row.upstream_span_id for row in found if row.kind == "attempt"}) == 3


def test_the_start_of_a_request_gives_way_to_its_end(stand: Stand) -> None:
    """A start record has no trace yet, only the request's id; until the end comes it is what there is."""
    _, headers = stand.get("/pay")
    transaction, request_id = headers["x-transaction-id"], headers["x-request-id"]
    starts = stand.same(f"log_type = 'DownstreamStart' AND request_id = '{request_id}'")
    assert len(starts) == 1
    [end, attempt] = sorted(stand.same(of(transaction)), key=lambda row: row["kind"] != "end")
    assert (starts[0]["record_id"], starts[0]["kind"]) == (end["record_id"], "start")
    assert stand.reader.resolve(request_id) == [transaction]
    found = one_row_each(stand, transaction, [end, attempt])
    assert sorted(row.kind for row in found) == ["attempt", "end"]


def test_who_called_over_mutual_tls(stand: Stand) -> None:
    context = ssl.create_default_context(cafile=str(stand.certificates / "ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(stand.certificates / "caller.pem", stand.certificates / "caller.key")
    transaction = secrets.token_hex(16)
    with context.wrap_socket(socket.create_connection((HOST, stand.tls)), server_hostname="shop.example") as connection:
        connection.sendall(
            b"GET /pay HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n"
            b"traceparent: 00-%s-00f067aa0ba902b7-00\r\n\r\n" % transaction.encode()
        )
        while connection.recv(65536):
            pass
    rows = stand.same(of(transaction))
    [end] = [row for row in one_row_each(stand, transaction, rows) if row.kind == "end"]
    assert end.downstream_peer_uri_san == "spiffe://shop/ns/default/sa/caller"
    assert end.downstream_local_uri_san == "spiffe://shop/ns/default/sa/edge"
    assert (end.downstream_peer_subject, end.requested_server_name) == ("CN=caller", "shop.example")
    assert end.downstream_tls_version == "TLSv1.3"
    assert end.listener_direction == "inbound"


def test_who_answered_over_mutual_tls(stand: Stand) -> None:
    _, headers = stand.get("/secure")
    transaction = headers["x-transaction-id"]
    # The second start, unlike a first one, has the ID: the first proxy sends it.
    rows = one_row_each(stand, transaction, stand.same(f"{of(transaction)} AND kind != 'start'"))
    [calling] = [row for row in rows if row.kind == "end" and row.upstream_cluster == "secure"]
    [called] = [row for row in rows if row.kind == "end" and row.upstream_cluster == "echo"]
    assert calling.upstream_peer_uri_san == called.downstream_local_uri_san == "spiffe://shop/ns/default/sa/edge"
    assert called.downstream_peer_uri_san == "spiffe://shop/ns/default/sa/caller"
    assert (calling.downstream_peer_uri_san, called.upstream_peer_uri_san) == ("", "")
    assert called.parent_span_id == calling.upstream_span_id


def test_a_client_that_breaks_the_protocol(stand: Stand) -> None:
    """There is no trace and no id at all: the connection's addresses tell it from others."""
    with socket.create_connection((HOST, stand.http)) as connection:
        me = ":".join(map(str, connection.getsockname()))
        connection.sendall(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
        connection.recv(65536)
    rows = stand.same(f"downstream_remote_address = '{me}' AND kind = 'end'")
    assert [(row["response_code"], row["response_flags"]) for row in rows] == [(400, "DPE")]


@pytest.mark.parametrize(("body", "code"), [(b"ok", "0"), (b"what", "5")])
def test_grpc_has_its_status(stand: Stand, body: bytes, code: str) -> None:
    transaction = secrets.token_hex(16)
    traceparent = f"00-{transaction}-00f067aa0ba902b7-01"
    with grpc.insecure_channel(f"{HOST}:{stand.grpc}") as channel:
        call = channel.unary_unary("/shop.Ledger/Pay")
        try:
            call(body, metadata=(("traceparent", traceparent),), timeout=10)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.NOT_FOUND  # noqa: PT017
    rows = stand.same(of(transaction))
    [end] = [row for row in one_row_each(stand, transaction, rows) if row.kind == "end"]
    assert (end.protocol, end.path, end.response_code, end.grpc_status) == ("HTTP/2", "/shop.Ledger/Pay", 200, code)
    assert end.parent_span_id == "00f067aa0ba902b7"


def test_a_tcp_connection_is_a_row_found_by_its_stream_id(stand: Stand) -> None:
    """Through the TCP proxy to a real Redis; a start when the upstream was reached, then the end."""
    with redis.Redis(port=stand.tcp) as client:
        client.set("a", "b")
        connected = stand.same("log_type = 'TcpUpstreamConnected'")
    ended = stand.same("log_type = 'TcpConnectionEnd' AND upstream_cluster = 'redis' AND proxy_role = 'edge'")
    assert [row["record_id"] for row in connected] == [row["record_id"] for row in ended]
    [transaction] = stand.reader.resolve(str(ended[0]["stream_id"]))
    [row] = one_row_each(stand, transaction, ended)
    assert (row.kind, row.upstream_host, row.service) == ("connection", f"{HOST}:{stand.redis_real}", "shop")
    assert row.bytes_received > 0 < row.bytes_sent
    assert row.duration > 0


def test_a_tcp_connection_nobody_took(stand: Stand) -> None:
    with socket.create_connection((HOST, stand.tcp_dead)) as connection:
        connection.recv(1)
    [row] = stand.same("upstream_cluster = 'dead' AND kind = 'connection'")
    assert row["response_flags"] == "UF,URX"


def test_redis_through_its_filter(stand: Stand) -> None:
    """The Redis filter logs nothing itself and knows no metadata: the listener logs its connections."""
    with redis.Redis(port=stand.redis, protocol=2) as client:
        client.set("c", "d")
        assert client.get("c") == b"d"
        me = client.connection_pool.get_connection()
        address = ":".join(map(str, me._sock.getsockname()))
        client.connection_pool.release(me)
    [row] = stand.same(f"downstream_remote_address = '{address}'")
    assert (row["kind"], row["log_type"]) == ("connection", "TcpConnectionEnd")
    assert row["bytes_received"] > 0 < row["bytes_sent"]  # type: ignore[operator]
    assert row["transaction_id"] != bytes(16), "so that a search finds it"
    assert row["downstream_local_address"] == f"{HOST}:{stand.redis}"


def test_all_that_came_is_counted(stand: Stand) -> None:
    stand.get("/pay")
    time.sleep(1)
    counted = metrics(stand.edge.http_port)
    assert counted['weftline_access_logs_total{outcome="accepted",protocol="envoy_als",reason=""}'] > 0
    lost = ('outcome="dropped"', 'outcome="refused"')
    assert not [name for name, value in counted.items() if value and any(word in name for word in lost)]
