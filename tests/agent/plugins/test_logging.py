"""The logging plugin: records stamped for the application's own formats, and sent whatever becomes of spans."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import weftline.agent
from support.launched import programs, write
from support.otlp_sink import OtlpSink
from weftline.agent import serve
from weftline.agent.context import Transaction
from weftline.agent.plugins.logging import severity
from weftline.agent.propagate import Incoming

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
StartAgent = Callable[..., None]


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("cart")
    yield logger
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()
    logger.filters.clear()


def begin(flags: int) -> Transaction:
    return serve.begin(Incoming(int(TRACE, 16), int(SPAN, 16), flags), "test", lambda _, attributes: "GET", None)


def only(sink: OtlpSink, **wanted: Any) -> dict[str, Any]:
    (found,) = sink.wait(lambda s: s.logs(**{"logger": "cart", **wanted}))
    return found


def test_the_agent_starts_where_the_program_makes_its_own_records(tmp_path: Path, sink: OtlpSink) -> None:
    """A factory set before the agent comes is the program's: it may expect what only logging's own calls give it."""
    write(
        tmp_path,
        "app.py",
        """
        import logging

        def record(name, level, *rest, **named):
            assert level >= 10, "a level is a number"
            return logging.LogRecord(name, level, *rest, **named)

        logging.setLogRecordFactory(record)
        import weftline.agent.auto

        logging.getLogger("cart").warning("sent")
        """,
    )
    with programs(tmp_path, sink.url) as start:
        assert start("python", "app.py").communicate(timeout=30)[0] == "sent\n"
    assert only(sink)["body"] == "sent"


def test_a_record_in_full(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    request = begin(1)
    secrets = {"Authorization": "Basic x", "db_password": "x", "api-key": "x", "access_token": "x"}
    log.info("order %s of %d", "a", 7, extra={"number": 7, "paid": True, "lines": [1], **secrets})
    serve.finish(request)
    sent = only(sink)
    assert sent["body"] == "order a of 7"
    assert sent["severity"] == (9, "INFO")
    assert (sent["trace_id"], sent["span_id"], sent["flags"]) == (TRACE, f"{request.span_id:016x}", 1)
    line = sent["attributes"].pop("code.line.number")
    assert line > 1
    assert sent["attributes"] == {
        "code.file.path": __file__,
        "code.function.name": "test_a_record_in_full",
        "number": 7,
        "paid": True,
    }
    assert 0 <= sent["observed"] - sent["time"] < 1_000_000_000
    assert sent["resource"]["service.name"] == "shop"


def test_stamps_for_the_applications_own_format(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        logging.Formatter(
            "%(otelTraceID)s %(otelSpanID)s %(otelTraceSampled)s %(otelServiceName)s [%(transaction_id)s]"
        )
    )
    log.addHandler(handler)
    log.info("outside")
    for flags in (1, 0):
        request = begin(flags)
        log.debug("below the logger's level")
        log.info("inside")
        serve.finish(request)
        span = f"{request.span_id:016x}"
        assert out.getvalue().splitlines()[-1] == f"{TRACE} {span} {bool(flags)} shop [{TRACE}]"
    assert out.getvalue().splitlines()[0] == "0 0 False shop []"
    assert len(out.getvalue().splitlines()) == 3


def test_outside_any_transaction_it_is_sent_without_ids(
    start_agent: StartAgent, sink: OtlpSink, log: logging.Logger
) -> None:
    start_agent()
    log.warning("alone")
    sent = only(sink)
    assert (sent["trace_id"], sent["span_id"], sent["flags"]) == ("", "", 0)
    assert sent["severity"] == (13, "WARNING")


def test_sampled_out_it_is_sent_with_its_parent(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    request = begin(0)
    log.info("inside")
    serve.finish(request)
    sent = only(sink)
    assert (sent["trace_id"], sent["span_id"], sent["flags"]) == (TRACE, f"{request.span_id:016x}", 0)
    assert sent["attributes"]["weftline.parent_span_id"] == SPAN


def test_the_applications_extra_named_like_ours_stays(
    start_agent: StartAgent, sink: OtlpSink, log: logging.Logger
) -> None:
    start_agent()
    seen = []
    log.addFilter(lambda record: True)
    handler = logging.Handler()
    handler.emit = seen.append  # type: ignore[method-assign, assignment]
    log.addHandler(handler)
    request = begin(1)
    log.info("x", extra={"transaction_id": "bank-7"})
    serve.finish(request)
    assert (seen[0].transaction_id, seen[0].otelTraceID) == ("bank-7", TRACE)


def test_an_exception(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    try:
        {}["no such thing"]
    except LookupError:
        log.exception("it broke")
    attributes = only(sink)["attributes"]
    assert (attributes["exception.type"], attributes["exception.message"]) == ("KeyError", "'no such thing'")
    assert '{}["no such thing"]' in attributes["exception.stacktrace"]


class Hostile:
    """Fails when it is printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("message", "arguments"), [("%d apples", ("many",)), ("%s", (Hostile(),)), ("%s %s", ("one",))]
)
def test_a_message_that_can_not_be_formatted(
    start_agent: StartAgent, sink: OtlpSink, log: logging.Logger, message: str, arguments: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.propagate = False  # pytest's own handler would fail
    try:
        start_agent()
        log.info(message, *arguments)
        assert only(sink)["body"] == message
    finally:
        log.propagate = True


def test_an_exception_that_can_not_be_printed(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    class Odd(Exception):
        __str__ = Hostile.__str__

    start_agent()
    log.propagate = False
    try:
        log.error("odd", exc_info=Odd())
    finally:
        log.propagate = True
    assert only(sink)["attributes"]["exception.message"] == "<the exception's __str__ failed>"


def test_levels_and_filters_decide_what_is_sent(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent(WEFTLINE_AGENT_LOG_LEVEL="WARNING")
    log.addFilter(lambda record: "secret" not in record.getMessage())
    log.info("below the agent's level")
    log.warning("secret")
    log.error("sent")
    weftline.agent.stop()
    assert [item["body"] for item in sink.logs(logger="cart")] == ["sent"]


def test_debug_records_when_both_levels_let_them(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent(WEFTLINE_AGENT_LOG_LEVEL="debug")
    log.setLevel(logging.DEBUG)
    log.debug("fine")
    assert only(sink)["severity"] == (5, "DEBUG")


def test_a_record_handed_on_is_sent_once(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    handler = logging.Handler()
    handler.emit = logging.getLogger("other").handle  # type: ignore[method-assign, assignment]
    log.addHandler(handler)
    log.info("once")
    weftline.agent.stop()
    assert [item["logger"] for item in sink.logs(body="once")] == ["cart"]


def test_the_agents_own_records_are_not_sent(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    for name in ("weftline.agent", "weftline.agent.export", "weftline.agentship"):
        logging.getLogger(name).warning("from %s", name)
    weftline.agent.stop()
    assert [item["logger"] for item in sink.logs()] == ["weftline.agentship"]


def test_threads_are_named(start_agent: StartAgent, sink: OtlpSink, log: logging.Logger) -> None:
    start_agent()
    thread = threading.Thread(target=log.info, args=("x",), name="worker-1")
    thread.start()
    thread.join()
    assert only(sink)["attributes"]["thread.name"] == "worker-1"


@pytest.mark.parametrize(
    ("level", "number"),
    [(0, 1), (5, 1), (10, 5), (15, 8), (20, 9), (25, 12), (30, 13), (40, 17), (41, 18), (50, 21), (60, 21), (999, 21)],
)
def test_severity(level: int, number: int) -> None:
    assert severity(level) == number


def test_alias(start_agent: StartAgent, sink: OtlpSink) -> None:
    weftline.agent.alias("before the start")
    start_agent()
    weftline.agent.alias("outside")
    for flags in (1, 0):
        request = begin(flags)
        weftline.agent.alias(f"order-{flags}")
        serve.finish(request)
    events = sink.wait(lambda s: len(s.logs(event_name="weftline.alias")) == 2 and s.logs(event_name="weftline.alias"))
    assert [event["body"] for event in events] == ["alias order-1", "alias order-0"]
    assert [event["attributes"] for event in events] == [
        {"weftline.alias": "order-1"},
        {"weftline.alias": "order-0", "weftline.parent_span_id": SPAN},
    ]
    assert {(event["trace_id"], event["logger"]) for event in events} == {(TRACE, "weftline.agent")}


@pytest.mark.parametrize("flags", [0, 1])
def test_the_next_record_of_the_same_place_gets_the_same(
    start_agent: StartAgent, sink: OtlpSink, log: logging.Logger, flags: int
) -> None:
    start_agent()
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setFormatter(
        logging.Formatter("%(transaction_id)s %(otelSpanID)s %(otelTraceSampled)s %(otelServiceName)s")
    )
    log.addHandler(handler)
    request = begin(flags)
    log.info("one")
    log.info("two", extra={"otelSpanID": "mine", "number": 7})
    log.info("three")
    serve.finish(request)
    log.info("outside")
    span_id = f"{request.span_id:016x}"
    assert shown.getvalue().splitlines() == [
        f"{TRACE} {span_id} {bool(flags)} shop",
        f"{TRACE} mine {bool(flags)} shop",
        f"{TRACE} {span_id} {bool(flags)} shop",
        " 0 False shop",
    ]
    sent = sink.wait(lambda s: len(found := s.logs(logger="cart")) == 4 and found)
    own = [{key for key in one["attributes"] if not key.startswith("code.")} for one in sent]
    parent = set() if flags else {"weftline.parent_span_id"}
    assert own == [parent, {"number"} | parent, parent, set()]
