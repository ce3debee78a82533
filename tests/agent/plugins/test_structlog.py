"""structlog as applications configure it: rendering by itself, and into the standard library's logging."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

import weftline.agent
from support.messages import SPAN, TRACE, in_request
from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.socket
StartAgent = Callable[..., None]


@pytest.fixture(autouse=True)
def _configuration() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for name in ("cart", "root"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).setLevel(logging.NOTSET)


def printing(*before: Any, renderer: Any = None) -> io.StringIO:
    out = io.StringIO()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            *before,
            renderer or structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    return out


def into_logging(renderer: Any = None, *before: Any) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before,
            renderer or structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def sent(sink: OtlpSink) -> list[dict[str, Any]]:
    weftline.agent.stop()
    return sink.logs()


def test_stamped_for_the_processors_and_sent_once(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    out = printing()
    log = structlog.get_logger().bind(cart=7, password="p4ss", Authorization="Basic x")
    structlog.contextvars.bind_contextvars(user="ann")
    log.info("outside")
    with in_request() as request:
        log.warning("order %s is late", "a", paid=True, lines=[1])
    span = f"{request.span_id:016x}"
    outside, inside = lines(out)
    assert "transaction_id" not in outside
    assert {name: inside[name] for name in ("transaction_id", "otelTraceID", "otelSpanID", "otelTraceSampled")} == {
        "transaction_id": TRACE,
        "otelTraceID": TRACE,
        "otelSpanID": span,
        "otelTraceSampled": True,
    }
    assert (inside["event"], inside["password"]) == ("order a is late", "p4ss")
    first, second = sent(sink)
    assert (first["body"], first["trace_id"], first["severity"]) == ("outside", "", (9, "INFO"))
    assert (second["body"], second["trace_id"], second["span_id"]) == ("order a is late", TRACE, span)
    assert (second["severity"], second["logger"]) == ((13, "WARNING"), "structlog")
    assert second["attributes"].pop("code.line.number") > 1
    assert second["attributes"] == {
        "code.file.path": __file__,
        "code.function.name": "test_stamped_for_the_processors_and_sent_once",
        "cart": 7,
        "user": "ann",
        "paid": True,
    }


@pytest.mark.parametrize("bind", ["bound", "contextvars", "called"])
def test_the_applications_value_named_like_ours_stays(start_agent: StartAgent, sink: OtlpSink, bind: str) -> None:
    start_agent()
    out = printing()
    log = structlog.get_logger()
    with in_request():
        if bind == "bound":
            log.bind(transaction_id="bank-7").info("x")
        elif bind == "contextvars":
            with structlog.contextvars.bound_contextvars(transaction_id="bank-7"):
                log.info("x")
        else:
            log.info("x", transaction_id="bank-7")
    assert (lines(out)[0]["transaction_id"], lines(out)[0]["otelTraceID"]) == ("bank-7", TRACE)


def test_what_processors_drop_or_censor(start_agent: StartAgent, sink: OtlpSink) -> None:
    def censor(_logger: Any, _name: str, event: Any) -> Any:
        if event["event"] == "noise":
            raise structlog.DropEvent
        event["card"] = "****"
        return event

    start_agent()
    printing(censor)
    structlog.get_logger().info("noise")
    structlog.get_logger().info("paid", card="4111")
    (log,) = sent(sink)
    assert (log["body"], log["attributes"]["card"]) == ("paid", "****")


@pytest.mark.parametrize("how", ["exception", "exc_info", "instance"])
@pytest.mark.parametrize("configure", [printing, into_logging])
def test_exceptions(start_agent: StartAgent, sink: OtlpSink, how: str, configure: Any) -> None:
    start_agent()
    configure()
    log = structlog.get_logger("cart")
    try:
        {}["no such thing"]
    except LookupError as error:
        if how == "exception":
            log.exception("it broke")
        else:
            given = True if how == "exc_info" else error
            log.error("it broke", exc_info=given)  # noqa: TRY400 - the application's way to say it
    (found,) = sent(sink)
    assert (found["attributes"]["exception.type"], found["severity"][0]) == ("KeyError", 17)
    assert '{}["no such thing"]' in found["attributes"]["exception.stacktrace"]
    assert found["body"] == "it broke"


@pytest.mark.parametrize(
    "renderer", [structlog.processors.JSONRenderer(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
                 structlog.stdlib.render_to_log_kwargs]
)  # fmt: skip
def test_rendered_into_logging_it_is_sent_once_with_its_values(
    start_agent: StartAgent, sink: OtlpSink, renderer: Any
) -> None:
    start_agent()
    into_logging(renderer)
    seen: list[Any] = []
    handler = logging.Handler()
    handler.emit = seen.append  # type: ignore[method-assign, assignment]
    logging.getLogger("cart").addHandler(handler)
    with in_request() as request:
        structlog.get_logger("cart").info("order %s", "a", paid=True)
    (found,) = sent(sink)
    assert (found["body"], found["logger"], found["trace_id"]) == ("order a", "cart", TRACE)
    assert found["attributes"]["paid"] is True
    assert found["span_id"] == f"{request.span_id:016x}"
    assert found["attributes"]["code.function.name"] == "test_rendered_into_logging_it_is_sent_once_with_its_values"
    assert (seen[0].otelTraceID, seen[0].transaction_id) == (TRACE, TRACE)


def test_levels_of_logging_have_their_say(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    into_logging()
    logging.getLogger("cart").setLevel(logging.WARNING)
    log = structlog.get_logger("cart")
    log.info("below")
    log.warning("above")
    logging.getLogger("cart").error("plain")
    assert [item["body"] for item in sent(sink)] == ["above", "plain"]


def test_the_agents_level(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent(WEFTLINE_AGENT_LOG_LEVEL="ERROR")
    out = printing()
    structlog.get_logger().warning("below")
    structlog.get_logger().critical("above")
    assert [item["body"] for item in sent(sink)] == ["above"]
    assert len(lines(out)) == 2


def test_a_processor_that_logs_itself(start_agent: StartAgent, sink: OtlpSink) -> None:
    def chatty(_logger: Any, _name: str, event: Any) -> Any:
        logging.getLogger("cart").info("seen %s", event["event"])
        return event

    start_agent()
    printing(chatty)
    structlog.get_logger().info("order")
    assert sorted(item["body"] for item in sent(sink)) == ["order", "seen order"]


def test_a_processor_that_fails_fails_as_without_us(start_agent: StartAgent, sink: OtlpSink) -> None:
    def broken(_logger: Any, _name: str, event: Any) -> Any:
        raise LookupError("mine")

    start_agent()
    printing(broken)
    with pytest.raises(LookupError, match="mine"):
        structlog.get_logger().info("order")
    printing()
    structlog.get_logger().info("after")
    assert [item["body"] for item in sent(sink)] == ["after"]


def test_the_libraries_own_test_tools_see_what_the_application_logged(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    with in_request(), capture_logs() as captured:
        structlog.get_logger().info("order", paid=True)
    assert captured == [{"event": "order", "paid": True, "log_level": "info"}]


def test_awaited(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    out = printing()

    async def main() -> None:
        with in_request():
            await structlog.get_logger().ainfo("order", paid=True)

    asyncio.run(main())
    assert lines(out)[0]["transaction_id"] == TRACE
    (found,) = sent(sink)
    assert (found["trace_id"], found["attributes"]["paid"]) == (TRACE, True)


def test_sampled_out(start_agent: StartAgent, sink: OtlpSink) -> None:
    start_agent()
    out = printing()
    with in_request(0):
        structlog.get_logger().info("order")
    assert (lines(out)[0]["transaction_id"], lines(out)[0]["otelTraceSampled"]) == (TRACE, False)
    (found,) = sent(sink)
    assert (found["trace_id"], found["flags"]) == (TRACE, 0)
    assert found["attributes"]["weftline.parent_span_id"] == SPAN
