"""`weftline export` as people run it, on a real ClickHouse: of what it writes `weftline import` makes equal rows."""

import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support import als
from support.otlp import START, access_log, attributes, log, logs_request, span, spans_request
from support.roles import environment, eventually
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import Signal
from weftline.collector.transfer.export import SUFFIX
from weftline.deploy.local.ports import free_port
from weftline.query.cli.export_files import export_files
from weftline.query.cli.import_files import import_files

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
OTHER = "1" * 32
THIRD = "2" * 32
REQUEST_ID = "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0"
DAY = 86_400 * 10**9
WHERE = {"downstream_remote_address": "10.0.0.1:40000", "downstream_local_address": "10.0.0.2:8080"}

SPANS = spans_request(
    span(
        TX, "b7ad6b7169203331", parent="00f067aa0ba902b7", duration=250_000_001, name="GET /pay", trace_state="a=1", flags=257,
        status={"code": 2, "message": "declined"},
        attributes={"text": "ä\"\\\n", "n": -7, "half": 0.5, "large": 2**63 - 1, "true": True, "inf": float("-inf"), "text number": "5", "list": ['a"b'], "empty": "", "url.full": "https://u:p@h/?token=1",
                    "http.request.header.authorization": "Basic 1"},
        events=[{"name": "exception", "time_unix_nano": START + 5, "attributes": attributes({"exception.type": "E"})}],
        links=[{"trace_id": bytes.fromhex(OTHER), "span_id": b"\x01" * 8, "attributes": attributes({"l": 1})}],
    ),
    **{"host.name": "h"},
)  # fmt: skip
LINES = logs_request(
    log(TX, "b7ad6b7169203331", "declined", severity_number=17, severity_text="ERROR", attributes={"n": 1}),
    log("", "", {"a": 1}, time=START + 3, event_name="started"),
)
ACCESS_LOGS = logs_request(
    # Traced, with everything.
    access_log(
        TX, "00f067aa0ba902b7", transaction_id=TX, parent_traceparent=f"00-{TX}-{'a' * 16}-01",
        upstream_traceparent=f"00-{TX}-{'b' * 16}-01", method="GET", path="/pay?token=1", authority="shop", protocol="HTTP/1.1",
        response_code="503", response_flags="URX,UF", response_code_details="upstream_reset", duration_us="1500",
        upstream_request_attempt_count="2", upstream_host="127.0.0.1:1", upstream_cluster="outbound|80||ledger", route_name="-",
        request_id=REQUEST_ID, stream_id="s", bytes_received="1", bytes_sent="2", connection_id="15", grpc_status="-",
        upstream_hosts_attempted="127.0.0.1:1,127.0.0.1:2", request_duration_us="3", user_agent="curl",
        upstream_connection_pool_ready_duration_ms="4", time=START + 10, requested_server_name="shop.example", **WHERE,
        **{"weftline.proxy.role": "sidecar-outbound"},
    ),
    # An attempt, whose trace only its own traceparent says; a retry that reached nobody; one that knows only its request id.
    access_log("", "", access_log_type="UpstreamEnd", upstream_traceparent=f"00-{TX}-{'c' * 16}-01", request_id=REQUEST_ID,
               upstream_request_attempt_count="1", upstream_host="127.0.0.1:1", duration_us="900", time=START + 20, **WHERE),
    access_log(TX, "d" * 16, parent_traceparent=f"00-{TX}-{'a' * 16}-01", upstream_traceparent=f"00-{TX}-{'a' * 16}-01",
               upstream_request_attempt_count="1", response_code="503", response_flags="UH", time=START + 30, method="GET", path="/"),
    access_log("", "", access_log_type="DownstreamStart", time=START + 40, request_id=REQUEST_ID, method="GET", path="/pay", **WHERE),
    # Another transaction than its trace's; a connection's own log; one without any id.
    access_log(OTHER, "e" * 16, transaction_id=TX, method="POST", path="/", response_code="200", duration_ms="7", time=START + 50),
    access_log("", "", access_log_type="NotSet", protocol="-", response_code="0", upstream_cluster="db", bytes_sent="9", time=START + 60, **WHERE),
    access_log("", "", access_log_type="TcpPeriodic", time=START + 70),
    service="", cluster_name="cart", node_name="cart-1",
)  # fmt: skip


def run(command: object, store: ClickHouseSettings, *arguments: object, **more: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)], env=environment(store, **more))  # type: ignore[arg-type]


def fill(writer: ClickHouseWriter) -> None:
    writer.insert(Signal.SPANS, [SPANS], "s")
    writer.insert(Signal.SPANS, [spans_request(span(THIRD, "f" * 16, start=START + 2 * DAY), service="payment")], "s2")
    writer.insert(Signal.LOGS, [LINES, ACCESS_LOGS], "l")
    entry = als.http_entry(
        als.common(stream_id="als", tags={"trace_id": TX, "span_id": "9" * 16}, flags=als.field(6, 1)),
        als.request(path="/als", headers={"x-transaction-id": TX}),
        als.response(503),
    )
    writer.insert(Signal.ENVOY_ALS, [als.framed(als.http_message(entry, who=als.identifier()))], "a")


ROWS = 2 + 2 + 7 + 1


def stored(store: ClickHouseSettings) -> dict[str, list[tuple]]:
    """All rows of all tables that rows of senders end in; of `transactions` what readers see."""
    with connect(store) as client:

        def all_of(table: str, columns: str = "*") -> list[tuple]:
            return sorted(client.execute(f"SELECT {columns} FROM {table}"), key=repr)

        def columns(table: str, *without: str) -> str:
            return ", ".join(f"`{name}`" for (name, *_) in client.execute(f"DESCRIBE {table}") if name not in without)

        return {
            **{table: all_of(table, columns(table)) for table in ("spans", "logs", "access_logs")},
            "events": all_of("events FINAL", columns("events", "stored")),
            **{table: all_of(f"{table} FINAL", columns(table)) for table in ("aliases", "request_ids", "operations")},
            "transactions": all_of("searchable_transactions", "* REPLACE (arraySort(services) AS services)"),
            "span_metrics": all_of("span_metrics FINAL", "minute, service, name, kind, calls, errors"),
        }


@pytest.mark.parametrize(("form", "ending"), [("json", ""), ("protobuf", ""), ("json", ".gz"), ("protobuf", ".zst")])
def test_what_is_written_reads_back_into_equal_rows(
    store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path, form: str, ending: str
) -> None:
    fill(writer)
    file = tmp_path / f"all{ending}"
    ran = run(export_files, store, "--format", form, "-o", file)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", f"Wrote {ROWS} rows of 3 days.\n")
    assert not list(tmp_path.glob("*" + SUFFIX))
    second = replace(store, database=f"{store.database}_copy")
    migrate(second)
    assert (
        run(import_files, second, file).stdout
        == f"Stored {ROWS} spans and log records; 0 were there already; 0 refused.\n"
    )
    assert stored(second) == stored(store)
    # And into where it came from: nothing is new.
    assert (
        run(import_files, store, file).stdout
        == f"Stored 0 spans and log records; {ROWS} were there already; 0 refused.\n"
    )


def test_json_is_otlp(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    fill(writer)
    ran = run(export_files, store, "--service", "payment")
    assert ran.exit_code == 0
    [line] = ran.stdout.splitlines()
    assert json.loads(line) == {
        "resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]},
            "scopeSpans": [{"scope": {"name": "test", "version": "1"}, "spans": [{
                "traceId": THIRD, "spanId": "f" * 16, "name": "GET /", "kind": 2, "startTimeUnixNano": str(START + 2 * DAY),
                "endTimeUnixNano": str(START + 2 * DAY + 1_000_000), "attributes": [],
            }]}],
        }]
    }  # fmt: skip


def test_what_is_chosen(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    fill(writer)

    def written(*arguments: str) -> str:
        return run(export_files, store, *arguments).stderr

    moment = "2026-11-18T11:06:40"
    assert written("--since", moment, "--until", "2026-11-18T11:06:41") == "Wrote 10 rows of 1 days.\n"
    assert written("--transaction", THIRD) == "Wrote 1 rows of 1 days.\n"
    # Of a transaction also the traces that began behind it, and the records that have nothing but its x-request-id.
    assert written("--transaction", REQUEST_ID) == written("--transaction", TX) == "Wrote 8 rows of 2 days.\n"
    nothing = run(export_files, store, "--service", "nobody")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    for wrong, reason in (
        (["--transaction", "nobody"], "No transaction is known under 'nobody'."),
        (["--since", "yesterday"], "`yesterday` is no time"),
        (["--since", "1h", "--until", "2h"], "--since is later than --until"),
        (["-o", "/nowhere/x"], "There is no folder /nowhere."),
    ):
        ran = run(export_files, store, *wrong)
        assert ran.exit_code == 2
        assert reason in ran.stderr
    away = run(export_files, store, WEFTLINE_CLICKHOUSE_TCP_PORT=free_port())
    assert (away.exit_code, "does not answer" in away.stderr) == (3, True)


def test_it_does_not_overwrite(store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path) -> None:
    fill(writer)
    file = tmp_path / "mine"
    file.write_text("mine")
    assert run(export_files, store, "-o", file).exit_code == 2
    assert file.read_text() == "mine"
    assert run(export_files, store, "-o", file, "--overwrite").exit_code == 0


def test_after_ctrl_c_the_same_command_goes_on(
    store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path
) -> None:
    days, each = 6, 5000
    for day in range(days):
        spans = [
            span(f"{n // 5 + 1:032x}", f"{n + 1:016x}", start=START + day * DAY, name="n" * 100) for n in range(each)
        ]
        writer.insert(Signal.SPANS, [spans_request(*spans)], f"day-{day}")
    file = tmp_path / "all.jsonl.gz"
    note = Path(f"{file}{SUFFIX}")
    command = [sys.executable, "-m", "weftline.query.cli", "export", "-o", str(file)]
    env = {**os.environ, **environment(store)}
    child = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: (note.exists() and json.loads(note.read_text())["done"]) or child.poll() is not None, 60)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, "goes on where this one stopped" in err) == (130, True), err
    done = len(json.loads(note.read_text())["done"])
    assert 1 <= done < days
    assert subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True).stderr.endswith(
        f"Wrote {days * each:,} rows of {days} days.\n"
    )
    with gzip.open(file) as lines:
        documents = [json.loads(line) for line in lines]
    starts = [
        (it["startTimeUnixNano"], it["spanId"])
        for document in documents
        for resource in document["resourceSpans"]
        for scope in resource["scopeSpans"]
        for it in scope["spans"]
    ]
    assert len(starts) == len(set(starts)) == days * each


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_text_that_is_no_utf8_is_spelt_out(
    store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path, form: str
) -> None:
    writer.insert(
        Signal.SPANS, [SPANS.replace(b"GET /pay", b"GET /p\xe4y"), SPANS.replace("ä".encode(), b"\xff\xfe")], "n"
    )
    file = tmp_path / "all"
    assert run(export_files, store, "--format", form, "-o", file).exit_code == 0
    second = replace(store, database=f"{store.database}_copy")
    migrate(second)
    assert "Stored 2 " in run(import_files, second, file).stdout
    with connect(second) as client:
        found = client.execute("SELECT name, attributes['text'] FROM spans ORDER BY name")
    assert found == [("GET /p\\xe4y", 'ä"\\\n'), ("GET /pay", '\\xff\\xfe"\\\n')]


def test_a_tenants_rows_go_out_alone_and_come_in_as_anothers(
    store: ClickHouseSettings, writer: ClickHouseWriter, tmp_path: Path
) -> None:
    for tenant in ("", "a", "b"):
        message = spans_request(span(TX, "b7ad6b7169203331", name=f"of {tenant}"))
        writer.insert(Signal.SPANS, [message], f"s{tenant}", tenant)

    def found() -> list[tuple[str, str]]:
        with connect(store) as client:
            return client.execute("SELECT toString(tenant), toString(name) FROM spans ORDER BY 1, 2")

    before = found()
    file = tmp_path / "a.jsonl"
    assert run(export_files, store, "--tenant", "a", "-o", file).exit_code == 0
    assert "of a" in file.read_text()
    assert "of b" not in file.read_text()
    assert run(export_files, store).output.count('"of ') == 1, "rows of no tenant"
    assert run(export_files, store, "--tenant", "nobody").exit_code == 1
    assert "is no tenant's name" in run(export_files, store, "--tenant", "a'").output
    assert run(import_files, store, file, "--tenant", "a").exit_code == 0
    assert found() == before, "known already"
    assert run(import_files, store, file, "--tenant", "c").exit_code == 0
    assert run(import_files, store, file, "--tenant", "c").exit_code == 0
    assert found() == sorted([*before, ("c", "of a")])
    assert "is no tenant's name" in run(import_files, store, file, "--tenant", "a b").output
