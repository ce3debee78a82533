"""`weftline envoy config` as an operator uses it; Envoy itself says whether what it prints is a configuration."""

import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

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


@pytest.mark.envoy
@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("untrusted", [(), ("--untrusted",)], ids=["trusted", "untrusted"])
@pytest.mark.parametrize("role", ROLES)
def test_envoy_accepts_every_bootstrap(tmp_path: Path, role: str, untrusted: tuple[str, ...], protocol: str) -> None:
    addresses = ("--listen", "127.0.0.1:8080", "--upstream", "127.0.0.1:8081")
    text = run("--role", role, *REQUIRED, "--protocol", protocol, "--sampling", "5", *untrusted, *addresses)
    file = tmp_path / "bootstrap.yaml"
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
