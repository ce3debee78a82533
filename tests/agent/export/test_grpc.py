"""OTLP over gRPC: against gRPC's own server, and our edge; retries, forks, gevent, and a grpcio that isn't there."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as Anything
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from support.launched import RUN, get, programs, write
from support.otlp_sink import OtlpSink
from support.roles import Edge
from weftline.agent import counters
from weftline.agent.export.grpc import METHODS
from weftline.agent.export.worker import Worker
from weftline.agent.record import CLIENT, LogRecord, Span
from weftline.agent.settings import Settings
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.deploy.local.ports import free_port

PATHS = {method: path for path, method in METHODS.items()}


class Sink(OtlpSink):
    """gRPC's own server in front of what :class:`OtlpSink` keeps; `fails` are (code, trailing metadata) to give first."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: list[tuple[grpc.StatusCode, tuple[tuple[str, bytes], ...]]] = []

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        def export(message: bytes, context: grpc.ServicerContext) -> bytes:
            if self.fails:
                code, trailing = self.fails.pop(0)
                context.set_trailing_metadata(trailing)
                context.abort(code, "no")
            self.take(PATHS[details.method], dict(context.invocation_metadata()), message)
            return self.body

        return grpc.unary_unary_rpc_method_handler(export)


@pytest.fixture
def grpc_sink() -> Iterator[Sink]:
    sink = Sink()

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
            return sink.service(handler_call_details)

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
    sink.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield sink
    server.stop(None).wait()


def log(body: str = "hello") -> LogRecord:
    return LogRecord(1, 2, 9, "INFO", body, "test")


@pytest.fixture
def make() -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(url: str, **options: Any) -> Worker:
        defaults = {"endpoint": url, "protocol": "grpc", "schedule_delay": 20, "timeout": 2.0, "status_folder": "none"}
        workers.append(Worker(Settings(**{**defaults, **options})))
        return workers[-1]

    yield make
    for worker in workers:
        worker.shutdown(1)


@pytest.mark.socket
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_same_bytes_as_over_http(grpc_sink: Sink, make: Any, compression: Any) -> None:
    worker = make(grpc_sink.url, headers=("Authorization=Bearer%20x",), compression=compression)
    for number in range(1, 1201):
        span = Span(f"span {number}", CLIENT, "test", {}, trace_id=1, span_id=number)
        span.end_ns = span.start_ns + 1
        worker.emit_span(span)
    worker.emit_log(log())
    assert worker.flush(10)
    assert len(grpc_sink.spans()) == 1200
    assert [item["body"] for item in grpc_sink.logs()] == ["hello"]
    assert {headers["authorization"] for _, headers, _ in grpc_sink.requests} == {"Bearer x"}
    assert counters.snapshot() == {("exported_spans", "otlp"): 1200, ("exported_logs", "otlp"): 1}


def status(*delays: float) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata of a server that says when to come back."""
    whole = Status(code=8)
    for delay in delays:
        anything = Anything()
        anything.Pack(RetryInfo(retry_delay=Duration(seconds=int(delay), nanos=int(delay % 1 * 1e9))))
        whole.details.append(anything)
    return (("grpc-status-details-bin", whole.SerializeToString()),)


@pytest.mark.socket
@pytest.mark.parametrize("code", ["UNAVAILABLE", "ABORTED", "CANCELLED", "DATA_LOSS", "OUT_OF_RANGE"])
def test_retried_until_it_works(grpc_sink: Sink, make: Any, code: str) -> None:
    grpc_sink.fails = [(grpc.StatusCode[code], ())] * 2
    make(grpc_sink.url).emit_log(log())
    assert grpc_sink.wait(lambda s: s.logs())
    assert counters.total("dropped_logs") == 0


@pytest.mark.socket
def test_a_full_collector_is_given_the_time_it_asks_for(grpc_sink: Sink, make: Any) -> None:
    grpc_sink.fails = [(grpc.StatusCode.RESOURCE_EXHAUSTED, status(1.2))]
    began = time.monotonic()
    make(grpc_sink.url).emit_log(log())
    grpc_sink.wait(lambda s: s.logs())
    assert time.monotonic() - began >= 1.2


@pytest.mark.socket
@pytest.mark.parametrize(
    ("code", "trailing"),
    [("RESOURCE_EXHAUSTED", ()), ("RESOURCE_EXHAUSTED", status()), ("INVALID_ARGUMENT", ()), ("UNIMPLEMENTED", ())],
)
def test_what_the_collector_refuses_is_dropped_and_counted(
    grpc_sink: Sink, make: Any, code: str, trailing: Any
) -> None:
    grpc_sink.fails = [(grpc.StatusCode[code], trailing)]
    worker = make(grpc_sink.url)
    worker.emit_log(log())
    assert worker.flush(5)
    worker.emit_log(log("next"))
    assert worker.flush(5)
    assert [item["body"] for item in grpc_sink.logs()] == ["next"]
    assert counters.snapshot()["dropped_logs", f"status {code}"] == 1


@pytest.mark.socket
def test_partial_success_counts_what_was_rejected(grpc_sink: Sink, make: Any) -> None:
    grpc_sink.body = ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=1)
    ).SerializeToString()
    worker = make(grpc_sink.url)
    worker.emit_log(log())
    worker.emit_log(log())
    assert worker.flush(5)
    assert counters.snapshot() == {("exported_logs", "otlp"): 1, ("dropped_logs", "rejected by the collector"): 1}


@pytest.mark.socket
def test_a_collector_that_comes_late_is_found_soon(make: Any) -> None:
    port = free_port()
    worker = make(f"http://127.0.0.1:{port}")
    worker.emit_log(log())
    time.sleep(1.5)  # several tries: gRPC would by now wait for itself
    seen: list[bytes] = []

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda message, _context: seen.append(message) or b"")

    server = grpc.server(ThreadPoolExecutor(1), handlers=[Handler()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        deadline = time.monotonic() + 12
        while not counters.total("exported_logs"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        server.stop(None).wait()
    assert len(ExportLogsServiceRequest.FromString(seen[0]).resource_logs) == 1


@pytest.mark.socket
def test_a_certificate_that_is_not_there_is_a_reason(make: Any) -> None:
    worker = make("https://127.0.0.1:1", certificate="/no/such/file")
    worker.emit_log(log())
    assert worker.flush(5)
    ((name, why),) = counters.snapshot()
    assert name == "dropped_logs"
    assert why.startswith("FileNotFoundError")


@pytest.mark.socket
def test_our_own_calls_are_not_traced(grpc_sink: Sink, start_agent: Any) -> None:
    from weftline.agent import lifecycle

    start_agent(OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_ENDPOINT=grpc_sink.url)
    assert lifecycle._agent is not None
    lifecycle._agent.worker.emit_log(log())
    assert lifecycle.flush()
    lifecycle._agent.worker.emit_log(log())
    assert lifecycle.flush()
    (_, first, _), (_, second, _) = [request for request in grpc_sink.requests if request[0] == "/v1/logs"]
    assert "traceparent" not in {**first, **second}
    assert grpc_sink.spans(kind="CLIENT") == []


@pytest.mark.socket
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_sends_for_itself_and_only_its_own(grpc_sink: Sink, tmp_path: Path) -> None:
    """In a process of its own: this one runs gRPC's server, which no fork survives."""
    source = """
        import logging, os, time
        logging.warning("before")
        from weftline.agent import lifecycle
        assert lifecycle.flush()
        assert len(os.listdir("/proc/self/task")) > 2  # gRPC's own, and ours
        for number in range(3):
            child = os.fork()
            if child == 0:
                logging.warning("child")
                assert lifecycle.flush()
                grandchild = os.fork()
                if grandchild == 0:
                    logging.warning("grandchild")
                    raise SystemExit
                assert os.waitpid(grandchild, 0)[1] == 0
                raise SystemExit
            while len(os.listdir("/proc/self/task")) > 1:  # the fork let them end
                time.sleep(0.01)
            assert os.waitpid(child, 0)[1] == 0
            logging.warning("parent")
            assert lifecycle.flush()
    """
    write(tmp_path, "program.py", source)
    with programs(tmp_path, grpc_sink.url) as run:
        process = run(RUN, "run", "python", "-W", "error", "program.py", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    bodies = sorted(item["body"] for item in grpc_sink.logs())
    assert bodies == ["before", *["child"] * 3, *["grandchild"] * 3, *["parent"] * 3], out


@pytest.mark.socket
@pytest.mark.parametrize("worker", ["sync", "gevent", "gevent-preload", "uvicorn.workers.UvicornWorker"])
def test_prefork_servers(grpc_sink: Sink, tmp_path: Path, worker: str) -> None:
    source = """
        import logging, os
        from flask import Flask
        from fastapi import FastAPI
        logging.basicConfig(level=logging.INFO)
        app, api = Flask("shop"), FastAPI()

        @app.get("/order")
        @api.get("/order")
        def order():
            logging.getLogger("shop").info("an order")
            return str(os.getpid())
    """
    write(tmp_path, "shop.py", source)
    port = free_port()
    kind = worker.removesuffix("-preload")
    command = ["gunicorn", "-w", "2", "-k", kind, "-b", f"127.0.0.1:{port}", "--graceful-timeout", "5"]
    command += ["--preload"] if kind != worker else []
    with programs(tmp_path, grpc_sink.url) as run:
        process = run(
            RUN, "run", *command, "shop:api" if "uvicorn" in worker else "shop:app",
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc", HOME=str(tmp_path),
        )  # fmt: skip
        for _ in range(10):
            assert get(f"http://127.0.0.1:{port}/order", process).status_code == 200
            time.sleep(0.15)  # so that exports fall between requests
        process.terminate()
        out, _ = process.communicate(timeout=30)
    assert "Traceback" not in out, out
    assert "Telemetry was lost" not in out, out
    assert len(grpc_sink.spans(kind="SERVER")) == len(grpc_sink.logs(logger="shop")) == 10, out


@pytest.mark.socket
def test_a_call_does_not_stop_gevents_other_greenlets(tmp_path: Path) -> None:
    """The collector takes its time: the program's greenlets go on meanwhile."""
    seen: list[bytes] = []

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
            def slow(message: bytes, _context: object) -> bytes:
                time.sleep(2)
                seen.append(message)
                return b""

            return grpc.unary_unary_rpc_method_handler(slow)

    server = grpc.server(ThreadPoolExecutor(1), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    source = """
        from gevent import monkey
        monkey.patch_all()
        import logging, time, gevent, grpc
        from weftline.agent import lifecycle
        logging.warning("hello")
        longest, last = 0, time.monotonic()
        done = gevent.spawn(lifecycle.flush)
        while not done.ready():
            gevent.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        print(done.get(), longest < 1)
    """
    write(tmp_path, "program.py", source)
    try:
        with programs(tmp_path, f"http://127.0.0.1:{port}") as run:
            process = run(RUN, "run", "python", "program.py", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
            out, _ = process.communicate(timeout=60)
    finally:
        server.stop(None).wait()
    assert out.splitlines()[-1] == "True True", out
    assert seen


@pytest.mark.socket
def test_under_gevent_the_end_sends_what_waits(grpc_sink: Sink, tmp_path: Path) -> None:
    write(
        tmp_path, "program.py", "from gevent import monkey; monkey.patch_all(); import logging; logging.warning('bye')"
    )
    with programs(tmp_path, grpc_sink.url) as run:
        process = run(
            RUN, "run", "python", "program.py", OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_BSP_SCHEDULE_DELAY="60000"
        )
        out, _ = process.communicate(timeout=30)
    assert [item["body"] for item in grpc_sink.logs()] == ["bye"], out
    assert "Traceback" not in out


@pytest.mark.socket
def test_without_grpcio_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path, "theirs/grpc.py", "raise ImportError('not here')")
    write(
        tmp_path, "program.py", "import logging, time; logging.warning('hello'); time.sleep(1.5); logging.warning('x')"
    )
    with programs(tmp_path, "http://127.0.0.1:1") as run:
        process = run(
            RUN, "run", "python", "program.py",
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc", PYTHONPATH=str(tmp_path / "theirs"),
        )  # fmt: skip
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.count("Exporting fails; the program is not affected.") == 1
    assert "reason=grpcio is not installed (pip install grpcio, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)" in out
    assert "Telemetry was lost. lost=" in out


def test_grpcio_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, weftline.agent as a; a.start(); print([m for m in sys.modules if m.split('.')[0] in ('grpc', 'ssl', 'asyncio')])"
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "WEFTLINE_AGENT_STATUS_FOLDER": "none"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.strip() == "[]"


@pytest.mark.clickhouse
def test_our_edge_takes_it(tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader) -> None:
    source = """
        import logging, weftline.agent
        from flask import Flask
        app = Flask("shop")

        @app.get("/order")
        def order():
            logging.warning("an order")
            return weftline.agent.transaction_id()

        print(app.test_client().get("/order").text)
    """
    write(tmp_path, "program.py", source)
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge:
        with programs(tmp_path, f"http://127.0.0.1:{edge.grpc_port}") as run:
            process = run(RUN, "run", "python", "program.py", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
            out, _ = process.communicate(timeout=60)
        transaction = out.split()[-1]
        assert len(reader.transaction(transaction, 10)) == 2, out
