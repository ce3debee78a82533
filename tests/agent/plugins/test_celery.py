"""Celery: tasks sent from here through a real redis-server to a real worker under `weftline-agent run`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import weftline.agent
from support.messages import TRACE, in_request
from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.socket
BIN = Path(sys.executable).parent
TESTS = Path(__file__).parents[2]
StartAgent = Callable[..., None]


@pytest.fixture
def broker(redis_port: int) -> str:
    return f"redis://127.0.0.1:{redis_port}/7"


@pytest.fixture
def app(broker: str) -> Iterator[Any]:
    from support.celery_tasks import app

    app.conf.update(broker_url=broker, result_backend=broker)
    app.__dict__.pop("amqp", None)
    yield app
    app.control.purge()
    app.close()


@pytest.fixture(params=["prefork"])
def worker(request: pytest.FixtureRequest, broker: str, sink: OtlpSink, tmp_path: Path) -> Iterator[Any]:
    """A worker, ready to take tasks; ended with SIGTERM when `stop` is called or the test is over."""
    log = tmp_path / "worker.log"
    env = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "SHOP_BROKER": broker,
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_SERVICE_NAME": "worker",
        "WEFTLINE_AGENT_STRICT": "true",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                BIN / "weftline-agent", "run", "celery", "-A", "support.celery_tasks", "worker",
                "--pool", request.param, "--concurrency", "2", "--loglevel", "INFO", "--without-gossip",
                "--without-mingle", "--without-heartbeat",
            ],
            cwd=tmp_path, env=env, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    deadline = time.monotonic() + 40
    while " ready." not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)

    def stop() -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(log.read_text()) from None

    yield stop
    stop()
    assert "Advice failed" not in log.read_text()


def worker_spans(sink: OtlpSink, count: int, **wanted: Any) -> list[dict[str, Any]]:
    return sink.wait(  # type: ignore[no-any-return]
        lambda s: len(s.spans(kind="CONSUMER", **wanted)) >= count and s.spans(kind="CONSUMER", **wanted), 30
    )


def test_a_task_from_a_request_to_the_worker(start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any) -> None:
    from support.celery_tasks import charge

    start_agent()
    with in_request(tracestate="a=1", request_id="r-1") as request:
        result = charge.apply_async(("order-7",), headers={"kind": "paid"})
        assert weftline.agent.transaction_id() == TRACE
    carried = result.get(20)
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    (taken,) = worker_spans(sink, 1)
    assert carried == {
        "traceparent": f"00-{TRACE}-{sent['span_id']}-01",
        "tracestate": "a=1",
        "x-request-id": "r-1",
        "x-transaction-id": TRACE,
    }
    assert (sent["name"], sent["parent_id"]) == ("send support.celery_tasks.charge", f"{request.span_id:016x}")
    assert (sent["trace_id"], sent["status"], sent["service"]) == (TRACE, 0, "shop")
    assert sent["attributes"] == {
        "messaging.system": "redis",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "celery",
        "messaging.message.id": result.id,
        "messaging.message.conversation_id": result.id,
        "celery.task_name": "support.celery_tasks.charge",
    }
    assert (taken["name"], taken["trace_id"]) == ("process support.celery_tasks.charge", TRACE)
    assert (taken["parent_id"], taken["service"], taken["status"]) == (sent["span_id"], "worker", 0)
    assert taken["attributes"] == {
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "celery",
        "messaging.message.id": result.id,
        "messaging.message.conversation_id": result.id,
        "celery.task_name": "support.celery_tasks.charge",
        "celery.state": "SUCCESS",
    }
    (line,) = sink.wait(lambda s: s.logs(body="charging order-7"))
    assert (line["trace_id"], line["span_id"], line["service"]) == (TRACE, taken["span_id"], "worker")
    (done,) = sink.wait(lambda s: [log for log in s.logs(logger="celery.app.trace") if "succeeded" in log["body"]])
    assert done["trace_id"] == TRACE
    (received,) = sink.wait(lambda s: [log for log in s.logs(trace_id=TRACE) if log["body"].endswith("received")])
    assert (received["logger"], received["span_id"]) == ("celery.worker.strategy", sent["span_id"])
    (alias,) = sink.wait(lambda s: s.logs(event_name="weftline.alias"))
    assert (alias["trace_id"], alias["attributes"]["weftline.alias"]) == (TRACE, result.id)
    assert not sink.spans(parent_id=sent["span_id"], kind="CLIENT"), "what the broker is told is no query"


def test_a_failure(start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any) -> None:
    from support.celery_tasks import broken

    start_agent()
    with in_request():
        result = broken.delay()
    with pytest.raises(LookupError):
        result.get(20)
    (taken,) = worker_spans(sink, 1, trace_id=TRACE)
    assert (taken["status"], taken["attributes"]["error.type"]) == (2, "LookupError")
    assert taken["attributes"]["celery.state"] == "FAILURE"
    (event,) = taken["events"]
    assert (event["name"], event["exception.message"]) == ("exception", "no such order")
    assert "raise LookupError" in event["exception.stacktrace"]
    (line,) = sink.wait(lambda s: [log for log in s.logs(logger="celery.app.trace") if "raised" in log["body"]])
    assert (line["trace_id"], line["span_id"]) == (TRACE, taken["span_id"])


def test_retries_are_one_transaction(start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any) -> None:
    from support.celery_tasks import unsteady

    start_agent()
    with in_request():
        result = unsteady.delay()
    assert result.get(30) == "paid"
    runs = worker_spans(sink, 3)
    assert {run["trace_id"] for run in runs} == {TRACE}
    assert [run["attributes"]["celery.state"] for run in runs] == ["RETRY", "RETRY", "SUCCESS"]
    assert [run["attributes"].get("celery.retries", 0) for run in runs] == [0, 1, 2]
    assert [run["attributes"].get("error.type") for run in runs] == ["ConnectionError", "ConnectionError", None]
    sends = sink.wait(lambda s: len(s.spans(kind="PRODUCER")) == 3 and s.spans(kind="PRODUCER"))
    assert [run["parent_id"] for run in runs] == [send["span_id"] for send in sends]
    assert [send["parent_id"] for send in sends[1:]] == [run["span_id"] for run in runs[:2]]
    assert len(sink.logs(event_name="weftline.alias")) == 1


def test_a_chain_sent_by_a_worker(start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any) -> None:
    from support.celery_tasks import total

    start_agent()
    with in_request():
        last = total.delay("order-7").get(20)
    assert app.AsyncResult(last).get(20) == 7
    runs = worker_spans(sink, 3, trace_id=TRACE)
    sends = {span["span_id"]: span for span in sink.spans(kind="PRODUCER")}
    assert [run["name"].rpartition(".")[2] for run in runs] == ["total", "add", "add"]
    assert [sends[run["parent_id"]]["parent_id"] for run in runs[1:]] == [run["span_id"] for run in runs[:2]]
    lines = sink.wait(lambda s: len(s.logs(logger="shop", trace_id=TRACE)) == 3 and s.logs(logger="shop"))
    assert [line["body"] for line in lines] == ["total of order-7", "adding 1 and 2", "adding 3 and 4"]


def test_sampled_out_the_ids_flow_and_lines_are_stamped(
    start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any
) -> None:
    from support.celery_tasks import charge

    start_agent()
    with in_request(0) as request:
        carried = charge.delay("order-8").get(20)
    assert carried["traceparent"] == f"00-{TRACE}-{request.span_id:016x}-00"
    (line,) = sink.wait(lambda s: s.logs(body="charging order-8"))
    assert (line["trace_id"], line["flags"]) == (TRACE, 0)
    weftline.agent.stop()
    worker()
    assert sink.spans(trace_id=TRACE) == []


def test_what_a_child_has_still_to_send_is_sent_when_the_worker_stops(
    start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any
) -> None:
    from support.celery_tasks import add

    results = [add.delay(number, 1) for number in range(8)]  # not from a transaction: each begins its own
    assert [result.get(20) for result in results] == list(range(1, 9))
    worker()
    runs = sink.spans(kind="CONSUMER")
    assert len(runs) == len({run["trace_id"] for run in runs}) == 8
    assert {run["parent_id"] for run in runs} == {""}


@pytest.mark.parametrize("worker", ["solo", "threads"], indirect=True)
def test_other_pools(start_agent: StartAgent, sink: OtlpSink, app: Any, worker: Any) -> None:
    from support.celery_tasks import broken, charge, ignored

    start_agent()
    with in_request():
        broken.delay()
        ignored.delay()
        charge.delay("order-9").get(20)
    runs = worker_spans(sink, 3, trace_id=TRACE)
    assert {(run["attributes"]["celery.state"], run["status"]) for run in runs} == {
        ("FAILURE", 2),
        ("IGNORED", 0),
        ("SUCCESS", 0),
    }
    (line,) = sink.wait(lambda s: s.logs(body="charging order-9"))
    assert line["trace_id"] == TRACE


def test_no_broker(start_agent: StartAgent, sink: OtlpSink, app: Any) -> None:
    from support.celery_tasks import charge

    start_agent()
    with app.connection("redis://127.0.0.1:1/0") as connection, in_request(), pytest.raises(Exception, match="refused"):
        charge.apply_async(("order",), connection=connection, retry=False)
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert sent["status"] == 2
