"""The export thread against a real HTTP endpoint: delivery, retries, drops that are counted, forks, the end."""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.otlp_sink import OtlpSink
from weftline.agent import counters
from weftline.agent.export.send import Sender, _seconds
from weftline.agent.export.worker import Worker
from weftline.agent.record import CLIENT, LogRecord, Span
from weftline.agent.settings import Settings

pytestmark = pytest.mark.socket


def span(number: int = 1) -> Span:
    made = Span(f"span {number}", CLIENT, "test", {}, trace_id=1, span_id=number)
    made.end_ns = made.start_ns + 1
    return made


def log(body: str = "hello") -> LogRecord:
    return LogRecord(1, 2, 9, "INFO", body, "test")


@pytest.fixture
def make() -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(url: str, **options: Any) -> Worker:
        defaults = {"endpoint": url, "schedule_delay": 20, "exit_timeout": 1.0, "timeout": 2.0, "status_folder": "none"}
        workers.append(Worker(Settings(**{**defaults, **options})))
        return workers[-1]

    yield make
    for worker in workers:
        worker.shutdown(0)


@pytest.fixture
def dead_url() -> Iterator[str]:
    """An address where nothing listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def test_spans_and_logs_go_to_their_endpoints_over_one_connection_each(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url, headers=("authorization=Bearer%20x",))
    for number in range(1, 1201):
        worker.emit_span(span(number))
    worker.emit_log(log())
    assert worker.flush(5)
    assert len(sink.spans()) == 1200
    assert [item["body"] for item in sink.logs()] == ["hello"]
    assert {path for path, _, _ in sink.requests} == {"/v1/traces", "/v1/logs"}
    assert {headers["authorization"] for _, headers, _ in sink.requests} == {"Bearer x"}
    assert counters.snapshot() == {("exported_spans", "otlp"): 1200, ("exported_logs", "otlp"): 1}


def test_sent_without_being_asked_for_within_the_delay(sink: OtlpSink, make: Any) -> None:
    make(sink.url).emit_log(log())
    assert sink.wait(lambda s: s.logs())


def test_while_nothing_is_emitted_the_thread_rests_and_the_next_record_wakes_it(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url, schedule_delay=5)
    worker.emit_log(log("first"))
    assert sink.wait(lambda s: s.logs())
    time.sleep(0.5)  # the thread has come to rest
    thread = worker._thread
    before = switches(thread)
    time.sleep(1)
    assert switches(thread) - before <= 2  # it was 200 while it looked once a delay
    worker.emit_log(log("next"))
    assert sink.wait(lambda s: len(s.logs()) == 2)


def switches(thread: threading.Thread) -> int:
    """How often a thread of this process has waited for something so far."""
    text = Path(f"/proc/self/task/{thread.native_id}/status").read_text(encoding="ascii")
    return int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", text)[1])


def test_whole_urls_for_one_signal(sink: OtlpSink, make: Any) -> None:
    worker = make("http://127.0.0.1:1", logs_endpoint=f"{sink.url}/custom/v1/logs?x=1")
    worker.emit_log(log())
    assert worker.flush(5)
    assert sink.requests[0][0] == "/custom/v1/logs?x=1"


def test_gzip(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url, compression="gzip")
    worker.emit_log(log())
    assert worker.flush(5)
    assert sink.requests[0][1]["content-encoding"] == "gzip"
    assert sink.logs()[0]["body"] == "hello"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retried_until_it_works(sink: OtlpSink, make: Any, status: int) -> None:
    sink.answers = [(status, {}), (status, {"retry-after": "0"})]
    worker = make(sink.url)
    worker.emit_log(log())
    assert sink.wait(lambda s: s.logs())
    assert counters.total("dropped_logs") == 0


def test_retry_after_is_honoured(sink: OtlpSink, make: Any) -> None:
    sink.answers = [(429, {"retry-after": "1"})]
    worker = make(sink.url)
    began = time.monotonic()
    worker.emit_log(log())
    sink.wait(lambda s: s.logs())
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_what_the_collector_refuses_is_dropped_and_counted(sink: OtlpSink, make: Any, status: int) -> None:
    sink.answers = [(status, {})]
    worker = make(sink.url)
    worker.emit_log(log())
    assert worker.flush(5)
    worker.emit_log(log("next"))
    assert worker.flush(5)
    assert [item["body"] for item in sink.logs()] == ["next"]
    assert counters.snapshot()["dropped_logs", f"status {status}"] == 1


def test_partial_success_counts_what_was_rejected(sink: OtlpSink, make: Any) -> None:
    success = ExportTracePartialSuccess(rejected_spans=300, error_message="too old")
    sink.body = ExportTraceServiceResponse(partial_success=success).SerializeToString()
    worker = make(sink.url)
    for number in range(1, 401):
        worker.emit_span(span(number))
    assert worker.flush(5)
    assert counters.snapshot() == {
        ("exported_spans", "otlp"): 100,
        ("dropped_spans", "rejected by the collector"): 300,
    }


def test_retry_after_as_a_date_and_rubbish() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= _seconds(soon) <= 30
    assert [_seconds(text) for text in (None, "", "7", "soon", "Wed, 21 Oct 2015 07:28:00 GMT")] == [0, 0, 7, 0, 0]


def test_a_dead_collector_blocks_nobody_and_everything_lost_is_counted(dead_url: str, make: Any) -> None:
    worker = make(dead_url, max_queue_size=10, max_export_batch_size=5)
    began = time.monotonic()
    for number in range(1, 101):
        worker.emit_span(span(number))
    assert time.monotonic() - began < 0.5
    worker.shutdown(0.3)
    deadline = time.monotonic() + 5
    while counters.total("dropped_spans") < 100 and time.monotonic() < deadline:
        time.sleep(0.01)  # the batch under way counts itself when its deadline passes
    counted = {reason: n for (name, reason), n in counters.snapshot().items() if name == "dropped_spans"}
    assert sum(counted.values()) == 100
    assert counted["queue full"] >= 80
    assert set(counted) <= {"queue full", "connection", "exit"}


def test_a_closed_kept_connection_is_replaced_at_once(sink: OtlpSink) -> None:
    sender = Sender(f"{sink.url}/v1/logs", {}, timeout=2, compress=False, certificate="")
    assert sender.send(b"").ok
    assert sender._connection is not None
    assert sender._connection.sock is not None
    sender._connection.sock.shutdown(socket.SHUT_RDWR)
    assert sender.send(b"").ok
    sender.close()


def test_shutdown_sends_what_waits(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url, schedule_delay=60_000)
    worker.emit_log(log())
    worker.shutdown(5)
    assert [item["body"] for item in sink.logs()] == ["hello"]


def test_nothing_is_emitted_by_the_exporters_own_thread(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url)
    assert worker.takes_logs()
    worker.emit_log(log())
    assert worker.flush(5)
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("weftline-agent-export") == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_sends_for_itself_and_only_its_own(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url)
    worker.emit_log(log("parent before"))
    assert worker.flush(5)
    worker.emit_log(log("parent waiting"))
    child = os.fork()
    if child == 0:
        try:
            worker.emit_log(log("child"))
            os._exit(0 if worker.flush(5) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert worker.flush(5)
    logs = sink.logs()
    assert sorted(item["body"] for item in logs) == ["child", "parent before", "parent waiting"]
    instances = {item["body"]: item["resource"]["service.instance.id"] for item in logs}
    assert instances["parent before"] == instances["parent waiting"] != instances["child"]
    pids = {item["body"]: item["resource"]["process.pid"] for item in logs}
    assert (pids["parent waiting"], pids["child"]) == (os.getpid(), child)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_no_thread_of_ours_is_there_when_the_program_forks(sink: OtlpSink, make: Any) -> None:
    def is_there() -> bool:
        return "weftline-agent-export" in [thread.name for thread in threading.enumerate()]

    worker = make(sink.url, schedule_delay=60_000)
    worker.emit_log(log("before"))
    assert worker.flush(5)
    assert is_there()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert not is_there()
    worker.emit_log(log("after"))
    assert is_there()
    assert worker.flush(5)
    assert [item["body"] for item in sink.logs()] == ["before", "after"]


def test_an_interpreter_without_new_threads_still_sends_at_its_end(
    sink: OtlpSink, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "weftline-agent-export":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker = make(sink.url)
    worker.emit_log(log())
    worker.shutdown(2)
    assert [item["body"] for item in sink.logs()] == ["hello"]


def test_a_busy_signal_sends_full_batches_and_does_not_hold_up_the_other(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url, schedule_delay=400, max_export_batch_size=10)
    worker.emit_log(log())
    began = time.monotonic()
    number = 0
    while not sink.logs():  # more spans than batches: what wakes the thread is always a full one
        assert time.monotonic() - began < 10
        number += 1
        worker.emit_span(span(number))
        time.sleep(0.001)
    assert worker.flush(5)
    assert len(sink.spans()) == number
    requests = [ExportTraceServiceRequest.FromString(body) for path, _, body in sink.requests if path == "/v1/traces"]
    sizes = [len(request.resource_spans[0].scope_spans[0].spans) for request in requests]
    assert sum(size < 10 for size in sizes) <= 3, sizes  # one when the delay was over, two for the flush


def test_batches_larger_than_the_queue_are_sent_before_it_is_full(sink: OtlpSink, make: Any) -> None:
    worker = make(sink.url, schedule_delay=60_000, max_queue_size=5)
    for number in range(1, 6):
        worker.emit_span(span(number))
    assert sink.wait(lambda s: len(s.spans()) == 5)
