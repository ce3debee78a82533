"""threading: a thread, and so a timer, runs in the transaction that started it.

Not one that a library starts for itself: it outlives the request that happened to be the first.
"""

import threading
from typing import Any, Final

from opentelemetry.context.context import Context

from weftline.agent import carry, context
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import CLIENT, Span

_CARRIED: Final = "_weftline_context"
_PRODUCER: Final = 4
_LIBRARIES: Final = frozenset(
    (
        "aiokafka", "amqp", "apscheduler", "asgiref", "clickhouse_connect", "clickhouse_driver", "concurrent",
        "confluent_kafka", "ddtrace", "elastic_transport", "gevent", "grpc", "gunicorn", "kafka", "kombu",
        "multiprocessing", "newrelic", "opentelemetry", "prometheus_client", "psycopg_pool", "pymongo", "redis",
        "sentry_sdk", "socketserver", "sqlalchemy", "urllib3", "uvicorn", "weftline", "werkzeug",
    )
)  # fmt: skip
"""Whose threads serve everybody: pools, connections, monitors, exporters."""


def start(thread: threading.Thread) -> threading.Thread | None:
    """Notes on a thread where it was started."""
    captured = carry.capture()
    if captured is None or _is_a_librarys(thread, captured):
        return None
    thread.__dict__[_CARRIED] = captured
    return thread


def not_started(thread: threading.Thread | None, exception: BaseException) -> None:  # noqa: ARG001 - advice gets it
    """Forgets it again."""
    if thread is not None:
        thread.__dict__.pop(_CARRIED, None)


def run(thread: threading.Thread) -> Context | None:
    """In the thread, before its own code."""
    captured = thread.__dict__.pop(_CARRIED, None)
    return None if captured is None else carry.arrive(captured)


def ended(previous: Context | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """In the thread, after its own code."""
    carry.depart(previous)


def _is_a_librarys(thread: threading.Thread, captured: Context) -> bool:
    span = captured.get(context.SPAN_KEY)
    if isinstance(span, Span) and span.kind in (CLIENT, _PRODUCER):
        return True  # started within a library's call, such as a connection pool's first
    target = getattr(thread, "_target", None)
    module = getattr(target, "__module__", None) or type(thread).__module__
    return module.partition(".")[0] in _LIBRARIES


STARTED = Advice(start, None, not_started)
RUN = Advice(run, ended, ended)

POINTCUTS = [
    Pointcut("threading", "Thread.start", f"{__name__}:STARTED", args=("self",), kind="observe"),
    Pointcut("threading", "Thread._bootstrap_inner", f"{__name__}:RUN", args=("self",), kind="observe"),
]
