"""Fixtures of the agent's tests: a sink that receives what it sends, and the agent woven into the test's process."""

import logging
from collections.abc import Callable, Iterator

import pytest

from support.otlp_sink import OtlpSink, otlp_sink
from weftline.agent import context, counters, lifecycle
from weftline.agent.weave import guard, swap


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Each test starts without an agent, without counts, in no transaction, and with application loggers that pass
    INFO."""
    context.attach(context.NOTHING)
    counters.reset()
    guard._reported.clear()
    root = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield
    lifecycle.stop()
    swap.unweave_all()
    guard.be_strict(False)
    logging.getLogger().setLevel(root)


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with otlp_sink() as sink:
        yield sink


@pytest.fixture
def start_agent(sink: OtlpSink) -> Iterator[Callable[..., None]]:
    """Starts the agent in this process, errors in advice raised; keyword arguments are environment variables."""

    def start(**environ: str) -> None:
        assert lifecycle.start(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
                "OTEL_SERVICE_NAME": "shop",
                "OTEL_BSP_SCHEDULE_DELAY": "20",
                "WEFTLINE_AGENT_STRICT": "true",
                "WEFTLINE_AGENT_STATUS_FOLDER": "none",
                **environ,
            }
        )

    yield start
    lifecycle.stop()  # while the sink still listens
