"""`weftline envoy config` as an operator uses it; Envoy itself says whether what it prints is a configuration."""

import http.client
import json
import secrets
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from click.testing import CliRunner

from support.otlp_grpc_sink import otlp_grpc_sink
from support.roles import eventually
from weftline.agent import semconv
from weftline.deploy.envoy.command import envoy
from weftline.deploy.envoy.proxy import Role
from weftline.deploy.local.envoy import Envoy, _binary
from weftline.deploy.local.ports import HOST, free_port

ROLES = [role.value for role in Role]
REQUIRED = ("--service", "cart", "--collector", "127.0.0.1:4318")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(envoy, ["config", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def manager(snippet: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = snippet["http_connection_manager"]
    return found


def validate(file: Path, text: str) -> None:
    """Envoy itself says whether ``text`` is a bootstrap."""
    file.write_text(text)
    command = [
        _binary(),
        "--mode",
        "validate",
        "--config-path",
        str(file),
        "--log-level",
        "error",
        "--disable-hot-restart",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.envoy
@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("untrusted", [(), ("--untrusted",)], ids=["trusted", "untrusted"])
@pytest.mark.parametrize("role", ROLES)
def test_envoy_accepts_every_bootstrap(tmp_path: Path, role: str, untrusted: tuple[str, ...], protocol: str) -> None:
    addresses = ("--listen", "127.0.0.1:8080", "--upstream", "127.0.0.1:8081")
    text = run("--role", role, *REQUIRED, "--protocol", protocol, "--sampling", "5", *untrusted, *addresses)
    validate(tmp_path / "bootstrap.yaml", text)


FOLDER = Path(__file__).parents[3] / "deploy" / "envoy"


def test_the_ready_files_are_what_the_command_prints() -> None:
    """The first line of each is the command."""
    files = sorted(FOLDER.glob("*.yaml"))
    assert {role for role in ROLES if f"{role}.yaml" in {file.name for file in files}} == set(ROLES)
    for file in files:
        first, _, rest = file.read_text(encoding="utf-8").partition("\n")
        command = first.removeprefix("# weftline envoy config ")
        assert rest == run(*command.split()), f"run: weftline envoy config {command}"


WAYS = ("otlp", "als=127.0.0.1:4317", "file=/dev/null")


def logger_names(loggers: list[dict[str, Any]]) -> list[str]:
    return [logger["name"].rpartition(".")[2] for logger in loggers]


@pytest.mark.parametrize("role", ROLES)
def test_access_logs_go_the_ways_that_are_asked_for(role: str) -> None:
    snippet = yaml.safe_load(run("--role", role, *REQUIRED, *(it for way in WAYS for it in ("--access-log", way))))
    loggers = ["open_telemetry", "http_grpc", "file"]
    assert logger_names(manager(snippet)["access_log"]) == logger_names(snippet["router"]["upstream_log"]) == loggers
    over_http, als = snippet["clusters"]
    assert "typed_extension_protocol_options" not in over_http
    assert "typed_extension_protocol_options" in als, "ALS is gRPC"
    to = manager(snippet)["access_log"][1]["typed_config"]["common_config"]["grpc_service"]["envoy_grpc"]
    assert to == {"cluster_name": als["name"]}
    [line] = [manager(snippet)["access_log"][2]["typed_config"]["log_format"]["json_format"]]
    assert line.items() >= semconv.ACCESS_LOG_FIELDS.items()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_every_cluster_that_leads_to_weftline_adds_the_token_and_no_other(protocol: str) -> None:
    printed = run(
        "--role", "edge", *REQUIRED, "--protocol", protocol, "--token-env", "WFT", "--access-log", "otlp",
        "--access-log", "als=127.0.0.1:4317", "--listen", "127.0.0.1:1", "--upstream", "127.0.0.1:2",
    )  # fmt: skip
    clusters = yaml.safe_load(printed)["static_resources"]["clusters"]
    assert [it["name"] for it in clusters if "%ENVIRONMENT(WFT)%" in str(it)] == ["weftline", "weftline_als"]
    assert clusters[0]["name"] == "upstream"


@pytest.fixture
def als_sink() -> Iterator[tuple[int, list[bytes]]]:
    """An access log service that keeps the bytes of the messages it gets: its port, and they."""
    got: list[bytes] = []

    class Service(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            if call.method != "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs":
                return None

            def stream(messages: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
                got.extend(messages)
                return b""

            return grpc.stream_unary_rpc_method_handler(stream)

    with ThreadPoolExecutor() as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((Service(),))
        port = server.add_insecure_port(f"{HOST}:0")
        server.start()
        yield port, got
        server.stop(0).wait()


@pytest.mark.envoy
@pytest.mark.parametrize("role", ROLES)
def test_every_way_gets_the_log_of_a_request_and_of_its_attempt(
    tmp_path: Path, upstream: ThreadingHTTPServer, als_sink: tuple[int, list[bytes]], role: str
) -> None:
    als_port, messages = als_sink
    file, port, path = tmp_path / "access.log", free_port(), f"/{secrets.token_hex(8)}"
    with otlp_grpc_sink() as sink:
        text = run(
            "--role", role, "--service", "cart", "--collector", f"{HOST}:{sink.port}", "--protocol", "grpc",
            "--access-log", "otlp", "--access-log", f"als={HOST}:{als_port}", "--access-log", f"file={file}",
            "--listen", f"{HOST}:{port}", "--upstream", f"{HOST}:{upstream.server_address[1]}",
        )  # fmt: skip
        configuration = yaml.safe_load(text)
        configuration["admin"]["address"]["socket_address"]["port_value"] = free_port()
        with Envoy(role, tmp_path, configuration):
            connection = http.client.HTTPConnection(HOST, port, timeout=10)
            connection.request("GET", path)
            transaction = connection.getresponse().headers["x-transaction-id"]
            connection.close()
            sink.settle(lambda sink: len(sink.logs) == len(sink.attempts) == 1)
            eventually(lambda: b"".join(messages).count(path.encode()) == 2)
    # Envoy writes its files when it ends, at the latest.
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["access_log_type"] for line in lines} == {"DownstreamEnd", "UpstreamEnd"}
    for line in lines:
        assert (line["path"], line["transaction_id"]) == (path, transaction)
        assert (line["service.name"], line[semconv.PROXY_ROLE]) == ("cart", role)
    [log], [attempt] = sink.logs, sink.attempts
    assert log.attributes["transaction_id"] == attempt.attributes["transaction_id"] == transaction
    assert b"".join(messages).count(transaction.encode()) >= 2


def test_als_takes_the_collector_s_own_gRPC_port_and_repeating_a_way_changes_nothing() -> None:
    snippet = yaml.safe_load(run("--role", "edge", *REQUIRED, "--protocol", "grpc", *("--access-log", "als") * 2))
    assert logger_names(manager(snippet)["access_log"]) == ["http_grpc"]
    assert len(snippet["clusters"]) == 1


@pytest.mark.parametrize("role", ROLES)
def test_a_snippet_is_what_the_bootstrap_has(role: str) -> None:
    """So what Envoy accepted above holds for it too."""
    snippet = yaml.safe_load(run("--role", role, *REQUIRED))
    whole = yaml.safe_load(run("--role", role, *REQUIRED, "--listen", "127.0.0.1:1", "--upstream", "127.0.0.1:2"))
    (listener,) = whole["static_resources"]["listeners"]
    used = listener["filter_chains"][0]["filters"][0]["typed_config"]
    for name, value in manager(snippet).items():
        assert used[name][: len(value)] == value if name == "http_filters" else used[name] == value
    assert used["http_filters"][-1]["typed_config"].items() >= snippet["router"].items()
    assert snippet["clusters"] == whole["static_resources"]["clusters"][1:]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--role", "edge", "--service", "x"), "Missing option '--collector'"),
        (("--role", "edge", "--service", "x", "--collector", "here"), "'here' is not host:port"),
        (("--role", "edge", "--service", "x", "--collector", "h:70000"), "'h:70000' is not host:port"),
        (("--role", "door", *REQUIRED), "'door' is not one of"),
        (("--role", "edge", *REQUIRED, "--listen", "h:1"), "--listen and --upstream go together"),
        (("--role", "edge", *REQUIRED, "--sampling", "101"), "101.0 is not in the range"),
        (
            ("--role", "edge", *REQUIRED, "--access-log", "kafka"),
            "'kafka' is none of otlp, als[=HOST:PORT] and file=PATH",
        ),
        (("--role", "edge", *REQUIRED, "--access-log", "otlp=x"), "'otlp=x' is none of"),
        (("--role", "edge", *REQUIRED, "--access-log", "als"), "als needs the address of a gRPC port"),
        (("--role", "edge", *REQUIRED, "--access-log", "als=here"), "'here' is not host:port"),
        (("--role", "edge", *REQUIRED, "--access-log", "file="), "file needs a path"),
        (("--role", "edge", *REQUIRED, "--metadata", "a b"), "'a b' is no name"),
        (("--role", "edge", *REQUIRED, "--filter-state", "x)%"), "'x)%' is no name"),
        (("--role", "edge", *REQUIRED, "--token-env", "wft_to-ken"), "'wft_to-ken' is no name of an environment"),
    ],
)
def test_wrong_usage_is_said(arguments: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(envoy, ["config", *arguments])
    assert result.exit_code == 2
    assert says in result.output


@pytest.fixture
def upstream() -> Iterator[ThreadingHTTPServer]:
    """Answers with the headers it got."""

    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT = {
    semconv.TRACEPARENT: f"00-{TRACE}-00f067aa0ba902b7-01",
    semconv.TRACESTATE: "vendor=1",
    semconv.TRANSACTION_ID: "f" * 32,
}


@pytest.mark.envoy
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_what_a_caller_may_say(tmp_path: Path, upstream: ThreadingHTTPServer, role: str, trusted: bool) -> None:
    port = free_port()
    text = run(
        "--role", role, *REQUIRED, *(() if trusted else ("--untrusted",)),
        "--listen", f"{HOST}:{port}", "--upstream", f"{HOST}:{upstream.server_address[1]}",
    )  # fmt: skip
    configuration = yaml.safe_load(text)
    configuration["admin"]["address"]["socket_address"]["port_value"] = free_port()
    with Envoy(role, tmp_path, configuration):
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        connection.request("GET", "/", headers=SENT)
        answer = connection.getresponse()
        got = json.loads(answer.read())
        connection.close()
    trace_id = got["traceparent"].split("-")[1]
    assert (trace_id == TRACE) is trusted
    assert got.get("tracestate", "") == ("vendor=1" if trusted else "")
    # Only the edge, and a proxy that trusts nobody, replace an ID that is there.
    kept = trusted and role != Role.EDGE
    assert got["x-transaction-id"] == ("f" * 32 if kept else trace_id)
