"""`weftline import` as people run it, on a real ClickHouse."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from support.otlp import START, access_log, attributes, log, logs_request, span, spans_request
from support.roles import environment, eventually
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.red import RedFilter
from weftline.collector.transfer.note import SUFFIX
from weftline.deploy.local.ports import free_port
from weftline.query.cli.import_files import import_files

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
SPANS = spans_request(
    span(TX, "b7ad6b7169203331", name="GET /pay", attributes={"n": 1}), span(TX, "00f067aa0ba902b7", name="charge")
)
LOGS = logs_request(
    log(TX, "b7ad6b7169203331", "declined", severity_number=17),
    log(TX, "b7ad6b7169203331", "declined", severity_number=17),  # twice in one request: two lines
    log(TX, "b7ad6b7169203331", {"reason": "funds", "n": 1}, time=START + 1),
    log("", "", "started", time=START + 2),
    access_log(
        TX, "00f067aa0ba902b7", transaction_id=TX, method="GET", path="/pay", response_code="503", duration_us="1500",
        upstream_request_attempt_count="1", request_id="7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0", stream_id="s", route_name="-",
    ),
    access_log("", "", access_log_type="NotSet", protocol="-", response_code="0", downstream_remote_address="10.0.0.1:1",
               downstream_local_address="10.0.0.2:2", upstream_cluster="db"),
)  # fmt: skip


def run(store: ClickHouseSettings, *arguments: str, **more: object) -> Result:
    return CliRunner().invoke(import_files, arguments, env=environment(store, **more))


def counts(store: ClickHouseSettings) -> dict[str, int]:
    with connect(store) as client:
        return {
            table: client.execute(f"SELECT count() FROM {table}")[0][0]
            for table in ("spans", "logs", "access_logs", "events")
        } | {"calls": client.execute("SELECT sum(calls) FROM span_metrics")[0][0],
             "counted": client.execute("SELECT sum(spans) + sum(logs) FROM transactions")[0][0]}  # fmt: skip


ALL = {"spans": 2, "logs": 4, "access_logs": 2, "events": 0, "calls": 2, "counted": 5}


def framed(*messages: bytes) -> bytes:
    return b"".join(len(it).to_bytes(4, "big") + it for it in messages)


def test_importing_twice_doubles_nothing(store: ClickHouseSettings, reader: ClickHouseReader, tmp_path: Path) -> None:
    file = tmp_path / "all.otlp"
    file.write_bytes(framed(SPANS, LOGS))
    first, again = run(store, str(file)), run(store, str(file))
    assert (first.exit_code, first.stdout) == (0, "Stored 8 spans and log records; 0 were there already; 0 refused.\n")
    assert (again.exit_code, again.stdout) == (0, "Stored 0 spans and log records; 8 were there already; 0 refused.\n")
    assert counts(store) == ALL
    # The same in another order, with something new in between and other bounds of requests.
    records = ExportLogsServiceRequest.FromString(LOGS).resource_logs[0].scope_logs[0].log_records
    file.write_bytes(
        framed(
            *(logs_request(it) for it in reversed(records)),
            spans_request(span(TX, "00f067aa0ba902b7", name="charge"), span(TX, "c" * 16, name="new")),
        )
    )
    third = run(store, str(file))
    assert third.stdout == "Stored 1 spans and log records; 7 were there already; 0 refused.\n"
    assert counts(store) == {**ALL, "spans": 3, "calls": 3, "counted": 6}
    assert not list(tmp_path.glob("*" + SUFFIX))


def test_what_was_sent_is_known_in_a_file_too(
    store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path
) -> None:
    """A trace out of Jaeger's UI, of spans that came by OTLP: times are cut to microseconds there."""
    writer.insert(Signal.SPANS, [SPANS], "t")
    trace = {
        "data": [{
            "traceID": TX, "processes": {"p1": {"serviceName": "cart", "tags": []}},
            "spans": [
                {"traceID": TX, "spanID": id_, "operationName": name, "references": [], "startTime": START // 1000,
                 "duration": 1, "processID": "p1", "tags": [{"key": "span.kind", "type": "string", "value": "server"}],
                 "logs": []}
                for id_, name in (("b7ad6b7169203331", "GET /pay"), ("00f067aa0ba902b7", "charge"), ("d" * 16, "only here"))
            ],
        }]
    }  # fmt: skip
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(trace, indent=2))
    assert run(store, str(file)).stdout == "Stored 1 spans and log records; 2 were there already; 0 refused.\n"


def test_bad_lines_are_told_and_the_others_stored(store: ClickHouseSettings, tmp_path: Path) -> None:
    good = {"traceId": TX, "id": "b" * 16, "localEndpoint": {"serviceName": "cart"}, "timestamp": START // 1000}
    file = tmp_path / "spans.jsonl"
    lines = [
        json.dumps([good]),
        "{broken",
        json.dumps([{**good, "id": "c" * 16, "traceId": "x"}]),
        json.dumps({"a": 1}),
    ]
    file.write_text("\n".join([*lines, json.dumps([{**good, "id": "d" * 16}])]))
    ran = run(store, str(file))
    assert ran.exit_code == 1
    assert ran.stdout == "Stored 2 spans and log records; 0 were there already; 3 refused.\n"
    assert ran.stderr.splitlines() == [
        f"weftline: {file}: line 2: is not JSON: Expecting property name enclosed in double quotes at column 2",
        f"weftline: {file}: line 3: spans[0].traceId is 'x', not 1 to 32 hexadecimal digits.",
        f"weftline: {file}: line 4: is JSON, but neither OTLP nor Jaeger nor Zipkin: its keys are a",
    ]
    assert counts(store)["spans"] == 2


def test_how_it_ends_when_it_cannot(store: ClickHouseSettings, tmp_path: Path) -> None:
    file = tmp_path / "all.otlp"
    file.write_bytes(SPANS)
    missing = run(store, str(tmp_path / "nowhere"))
    assert (missing.exit_code, missing.stderr) == (
        2,
        f"weftline: {tmp_path}/nowhere can't be read: No such file or directory.\n",
    )
    away = run(store, str(file), WEFTLINE_CLICKHOUSE_HTTP_PORT=free_port())
    assert away.exit_code == 3
    assert "does not answer" in away.stderr
    assert run(store, str(file), WEFTLINE_CLICKHOUSE_PORT=1).exit_code == 2


def lines(count: int) -> bytes:
    def one(number: int) -> bytes:
        zipkin = {"traceId": f"{number // 10 + 1:032x}", "id": f"{number + 1:016x}", "name": "n" * 300,
                  "timestamp": START // 1000, "localEndpoint": {"serviceName": "cart"}}  # fmt: skip
        return json.dumps([zipkin]).encode() + b"\n"

    return b"".join(map(one, range(count)))


def test_after_ctrl_c_the_same_command_goes_on(
    store: ClickHouseSettings, reader: ClickHouseReader, tmp_path: Path
) -> None:
    file, total = tmp_path / "many.jsonl", 60_000
    file.write_bytes(lines(total))
    command = [sys.executable, "-m", "weftline.query.cli", "import", str(file)]
    env = {**os.environ, **environment(store)}
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: Path(f"{file}{SUFFIX}").exists() or child.poll() is not None, 120)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, err
    stored = counts(store)["spans"]
    assert 0 < stored < total
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=True)
    assert done.stderr.startswith(f"{file}: going on after document ")
    assert counts(store)["spans"] == total
    assert not Path(f"{file}{SUFFIX}").exists()
    [point] = reader.red(RedFilter(since=START - START % (60 * 10**9), until=START + 60 * 10**9, step=0))
    assert point.calls == total


def test_a_terminal_gets_a_bar(store: ClickHouseSettings, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_bytes(lines(200))
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "weftline.query.cli", "import", str(file), "-"],
        env={**os.environ, **environment(store), "TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = bytearray()

    def watch() -> None:
        with suppress(OSError):  # the other end is closed
            while data := os.read(ours, 65536):
                shown.extend(data)

    watching = threading.Thread(target=watch)
    watching.start()  # a terminal that nobody reads stops whoever writes to it
    out, _ = child.communicate(lines(300), timeout=240)
    watching.join(30)
    os.close(ours)
    assert out == b"Stored 300 spans and log records; 200 were there already; 0 refused.\n"
    assert "━" in shown.decode()
    assert "rows" in shown.decode()


def test_attributes_of_several_types_are_known_again(store: ClickHouseSettings, tmp_path: Path) -> None:
    """What is left over of a request that is known in part keeps all it says."""
    file = tmp_path / "a"
    file.write_bytes(SPANS)
    run(store, str(file))
    more = span(
        TX,
        "e" * 16,
        attributes={"n": 1, "half": 0.5, "list": ["a"]},
        events=[{"name": "e", "attributes": attributes({"b": True})}],
    )
    file.write_bytes(spans_request(span(TX, "b7ad6b7169203331", name="GET /pay"), more))
    assert "Stored 1 " in run(store, str(file)).stdout
    with connect(store) as client:
        found = client.execute(
            "SELECT attributes, events.name, events.attributes FROM spans WHERE span_id = unhex('eeeeeeeeeeeeeeee')"
        )
    assert found == [({"n": "1", "half": "0.5", "list": '["a"]'}, ["e"], [{"b": "true"}])]
