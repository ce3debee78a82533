"""loguru as applications configure it, and bridged to and from the standard library's logging."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

import weftline.agent
from support.messages import SPAN, TRACE, in_request
from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.socket
StartAgent = Callable[..., None]


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    out = io.StringIO()
    logger.remove()
    logger.add(out, format="{message} [{extra[transaction_id]}]", catch=False)
    logger.configure(extra={}, patcher=None)
    yield out
    logger.remove()


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:]
    yield
    root.handlers[:] = before


def sent(sink: OtlpSink) -> list[dict[str, Any]]:
    weftline.agent.stop()
    return sink.logs()


def test_stamped_for_formats_and_sent_once(start_agent: StartAgent, sink: OtlpSink, out: io.StringIO) -> None:
    start_agent()
    logger.add(other := io.StringIO(), format="{extra[otelTraceID]} {extra[otelSpanID]} {extra[otelTraceSampled]}")
    with in_request() as request:
        logger.bind(cart=7, api_key="k").warning("order {} is late", "a", paid=True)
    span = f"{request.span_id:016x}"
    assert out.getvalue() == f"order a is late [{TRACE}]\n"
    assert other.getvalue() == f"{TRACE} {span} True\n"
    (found,) = sent(sink)
    assert (found["body"], found["trace_id"], found["span_id"]) == ("order a is late", TRACE, span)
    assert (found["severity"], found["logger"]) == ((13, "WARNING"), __name__)
    assert found["attributes"].pop("code.line.number") > 1
    assert found["attributes"] == {
        "code.file.path": __file__,
        "code.function.name": "test_stamped_for_formats_and_sent_once",
        "cart": 7,
        "paid": True,
    }


def test_outside_any_transaction(start_agent: StartAgent, sink: OtlpSink) -> None:
    logger.remove()
    logger.add(out := io.StringIO(), serialize=True)
    try:
        start_agent()
        logger.success("alone")
        assert json.loads(out.getvalue())["record"]["extra"] == {}
        (found,) = sent(sink)
        assert (found["trace_id"], found["severity"]) == ("", (12, "SUCCESS"))
    finally:
        logger.remove()


def test_the_applications_value_named_like_ours_stays(
    start_agent: StartAgent, sink: OtlpSink, out: io.StringIO
) -> None:
    start_agent()
    with in_request():
        logger.bind(transaction_id="bank-7").info("x")
    assert out.getvalue() == "x [bank-7]\n"
    assert sent(sink)[0]["trace_id"] == TRACE


def test_sampled_out(start_agent: StartAgent, sink: OtlpSink, out: io.StringIO) -> None:
    start_agent()
    with in_request(0):
        logger.info("x")
    (found,) = sent(sink)
    assert (found["trace_id"], found["flags"]) == (TRACE, 0)
    assert found["attributes"]["weftline.parent_span_id"] == SPAN


def test_an_exception(start_agent: StartAgent, sink: OtlpSink, out: io.StringIO) -> None:
    start_agent()
    with in_request():
        try:
            {}["no such thing"]
        except LookupError:
            logger.exception("it broke")
    (found,) = sent(sink)
    assert (found["body"], found["attributes"]["exception.type"]) == ("it broke", "KeyError")
    assert '{}["no such thing"]' in found["attributes"]["exception.stacktrace"]


def test_levels_filters_and_patchers_decide_what_is_sent(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    logger.remove()
    asked = []

    def passes(record: Any) -> bool:
        asked.append(record["message"])
        return "secret" not in record["message"]

    def censor(record: Any) -> None:
        record["extra"].pop("card", None)

    logger.add(io.StringIO(), level="INFO", filter=passes, format="{message}")
    logger.configure(patcher=censor)
    try:
        logger.debug("below")
        logger.info("secret")
        logger.info("paid", card="4111")
    finally:
        logger.configure(patcher=lambda record: None)
        logger.remove()
    logger.info("nobody listens")
    (found,) = sent(sink)
    assert (found["body"], "card" in found["attributes"]) == ("paid", False)
    assert asked == ["secret", "paid"]


def test_the_agents_level(start_agent: StartAgent, sink: OtlpSink, out: io.StringIO) -> None:
    start_agent(WEFTLINE_AGENT_LOG_LEVEL="ERROR")
    with in_request():
        logger.warning("below")
        logger.error("above")
    assert [item["body"] for item in sent(sink)] == ["above"]


def test_a_file_and_a_queue(start_agent: StartAgent, sink: OtlpSink, tmp_path: Path) -> None:
    start_agent()
    logger.remove()
    path = tmp_path / "shop.log"
    logger.add(path, format="{message} {extra[transaction_id]}", enqueue=True)
    logger.add(tmp_path / "direct.log", format="{message}")
    with in_request():
        logger.info("order")
    logger.complete()
    logger.remove()
    assert path.read_text() == f"order {TRACE}\n"
    assert [(item["body"], item["trace_id"]) for item in sent(sink)] == [("order", TRACE)]


class Intercept(logging.Handler):
    """As loguru's documentation has it."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(depth=6, exception=record.exc_info).log(record.levelname, record.getMessage())


class Propagate(logging.Handler):
    """As loguru's documentation has it."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


def test_from_logging_into_loguru_once(start_agent: StartAgent, sink: OtlpSink, out: io.StringIO) -> None:
    start_agent()
    logging.getLogger().handlers[:] = [Intercept()]
    with in_request():
        logging.getLogger("cart").info("order %s", "a")
        logger.info("its own")
    assert out.getvalue() == f"order a [{TRACE}]\nits own [{TRACE}]\n"
    assert [(item["body"], item["logger"]) for item in sent(sink)] == [("order a", "cart"), ("its own", __name__)]


@pytest.mark.parametrize(
    "handler", [Propagate(), lambda message: logging.getLogger("other").info(message),
                lambda message: logging.getLogger("other").info(str(message))]
)  # fmt: skip
def test_from_loguru_into_logging_once(start_agent: StartAgent, sink: OtlpSink, handler: Any) -> None:
    start_agent()
    logger.remove()
    logger.add(handler, format="{level}: {message}")
    seen: list[Any] = []
    catch = logging.Handler()
    catch.emit = seen.append  # type: ignore[method-assign, assignment]
    logging.getLogger().addHandler(catch)
    with in_request():
        logger.info("order")
    logger.remove()
    assert [record.transaction_id for record in seen] == [TRACE]
    assert [(item["body"], item["logger"]) for item in sent(sink)] == [("order", __name__)]


def test_a_sink_that_logs_something_else(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    logger.remove()
    logger.add(lambda message: logging.getLogger("ship").info("shipping a line"))
    logger.info("order")
    logger.remove()
    assert sorted(item["body"] for item in sent(sink)) == ["order", "shipping a line"]
