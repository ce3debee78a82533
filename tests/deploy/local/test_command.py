"""`weftline up` as a user runs it: the real stack, restarts, and that nothing is left behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from weftline.deploy.local.ports import free_port, http_get, listens

pytestmark = pytest.mark.e2e

WEFTLINE = Path(sys.executable).with_name("weftline")


class Up:
    """A running `weftline up`."""

    def __init__(self, folder: Path, *arguments: str, path: str | None = None) -> None:
        self.http_port, self.query_port = free_port(), free_port()
        self.output = folder.with_name(f"{folder.name}.out")
        ports = [
            f"--http-port={self.http_port}",
            f"--grpc-port={free_port()}",
            f"--query-port={self.query_port}",
        ]
        environment = {**os.environ, "COLUMNS": "300"}
        if path is not None:
            environment["PATH"] = path
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [WEFTLINE, "up", "--data", folder, *ports, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def children(self) -> dict[str, int]:
        """Command line to pid."""
        found = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid:
                    command = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[command] = int(status.parent.name)
            except FileNotFoundError:
                continue
        return found


@contextmanager
def up(folder: Path, *arguments: str, path: str | None = None) -> Iterator[Up]:
    running = Up(folder, *arguments, path=path)
    try:
        running.wait_for("Stop:")
        yield running
    finally:
        running.process.terminate()
        running.process.wait(30)


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "children outlived `weftline up`"
        time.sleep(0.05)


def test_serves_restarts_what_dies_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        assert http_get(running.http_port, "/health")[0] == 200
        assert http_get(running.query_port, "/health")[0] == 200
        assert f"http://127.0.0.1:{running.http_port}" in running.text
        assert "none: the edge writes to ClickHouse" in running.text
        children = running.children()
        assert len(children) == 3
        for number, (name, pid) in enumerate(children.items(), 1):
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 30
            while running.text.count("runs again.") < number:
                assert time.monotonic() < deadline, (name, running.text)
                time.sleep(0.05)
        assert running.text.count("ended with exit code -9; starting it again (1 of 5)") == 3
        assert http_get(running.query_port, "/health")[0] == 200
        pids = list(running.children().values())
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
        wait_until_gone(pids)
    assert not listens(running.http_port)


def test_jaegers_grpc_port_is_another_where_its_own_is_taken(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # then somebody else has it
            stack.enter_context(socket.create_server(("127.0.0.1", 16685)))
        running = stack.enter_context(up(tmp_path / "data"))
        found = re.search(r"Jaeger's gRPC API\W+127\.0\.0\.1:(\d+)\s+\(instead of 16685\)", running.text)
        assert found, running.text
        assert listens(int(found[1]))


def test_what_was_sent_is_found_again_after_a_restart(tmp_path: Path) -> None:
    transaction_id = "0af7651916cd43dd8448eb211c80319c"
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": "still here"},
        "traceId": transaction_id,
        "spanId": "b7ad6b7169203331",
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    # protobuf's JSON has bytes in base64, OTLP's in hex: set the ids afterwards
    ids = {name: bytes.fromhex(str(record.pop(name))) for name in ("traceId", "spanId")}
    message = ParseDict(
        {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}, ExportLogsServiceRequest()
    )
    log = message.resource_logs[0].scope_logs[0].log_records[0]
    log.trace_id, log.span_id = ids["traceId"], ids["spanId"]
    with up(tmp_path / "data") as running:
        request = urllib.request.Request(
            f"http://127.0.0.1:{running.http_port}/v1/logs",
            message.SerializeToString(),
            {"content-type": "application/x-protobuf"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    with up(tmp_path / "data") as running:
        status, body = http_get(running.query_port, f"/api/v1/transactions/{transaction_id}")
        assert status == 200
        assert [entry["body"] for entry in json.loads(body)["entries"]] == ["still here"]


def test_nothing_outlives_one_that_is_killed(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        pids = list(running.children().values())
        running.process.kill()
        wait_until_gone(pids)
    with up(tmp_path / "data"):
        pass  # and the folder is free again


def test_sigterm_stops_it_also_while_it_starts(tmp_path: Path) -> None:
    running = Up(tmp_path / "data")
    deadline = time.monotonic() + 30
    while not running.children():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pids = list(running.children().values())
    running.process.terminate()
    assert running.process.wait(30) == 0
    wait_until_gone(pids)


def test_without_java_it_goes_on_without_kafka_and_says_so(tmp_path: Path) -> None:
    assert shutil.which("java", path=str(WEFTLINE.parent)) is None
    with up(tmp_path / "data", "--kafka", path=str(WEFTLINE.parent)) as running:
        assert "there is no `java` on the PATH. Going on without Kafka: the edge writes to ClickHouse." in running.text
        assert http_get(running.http_port, "/health")[0] == 200


def test_what_has_to_be_changed_first_is_one_sentence(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        taken = running.http_port
        for arguments, sentence in (
            (["--data", str(tmp_path / "data")], r"ClickHouse can't use the data folder .* in use .*\(pid \d+\)\."),
            (
                ["--data", str(tmp_path / "new"), f"--http-port={taken}"],
                rf"The edge can't listen on 127\.0\.0\.1:{taken}",
            ),
            (
                ["--data", str(tmp_path / "new"), f"--kafka=127.0.0.1:{free_port()}"],
                r"No Kafka answers at 127\.0\.0\.1",
            ),
            (["--data", str(tmp_path / "new"), "--kafka=localhost"], r"--kafka takes host:port, not 'localhost'"),
        ):
            done = subprocess.run(
                [WEFTLINE, "up", *arguments],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={**os.environ, "COLUMNS": "300"},
            )
            assert done.returncode == 2, done
            assert re.search(sentence, done.stdout), done.stdout
            assert "Traceback" not in done.stdout + done.stderr
