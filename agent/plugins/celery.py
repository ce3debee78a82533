"""Celery: a producer span for each task sent, its id an alias of the transaction; a consumer span for each run of a
task in a worker. Retries and the next tasks of a chain are sent, and so traced, like any other.

Spans are named after the task, not the queue: most programs have one queue for everything.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context.context import Context

from weftline.agent import context, events, foreign, message, propagate
from weftline.agent.message import Handling, Sending
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import Span
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.celery"
_FLUSH_SECONDS: Final = 2.0
_SYSTEMS: Final = {
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "pyamqp": "rabbitmq",
    "rediss": "redis",
    "sentinel": "redis",
    "sqs": "aws_sqs",
    "confluentkafka": "kafka",
    "azureservicebus": "servicebus",
    "gcpubsub": "gcp_pubsub",
}
"""OpenTelemetry's names of kombu's transports; the others' are their own."""


def _traced() -> bool:
    return foreign.instruments("celery", "CeleryInstrumentor")


def _system(transport: object) -> str:
    name = transport.partition("://")[0].partition("+")[0] if isinstance(transport, str) else ""
    return _SYSTEMS.get(name, name) or "rabbitmq"  # kombu's own default


def _text(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name in propagate.NAMES if isinstance(value := headers.get(name), str)}


def publish(headers: Any, producer: Any, routing_key: Any, exchange: Any) -> tuple[Any, Sending | None]:
    """Begins a task's span and adds our headers to a copy of its message's. kombu carries other things too."""
    if not isinstance(headers, dict) or "task" not in headers or "id" not in headers:
        return headers, None
    own, present = headers, _text(headers)
    if message.is_forwarded(present):  # a retry is sent with the headers its task came with
        own = {name: value for name, value in headers.items() if name not in propagate.NAMES}
        present = _text(own)
    queue = routing_key or getattr(exchange, "name", exchange) or ""
    connection = producer.__connection__ or producer.connection  # the property would open a lazy channel
    sending, added = message.send(
        _LIBRARY, _system(getattr(connection, "transport_cls", None)), "send", str(queue), present,
        traced=_traced(), subject=str(headers["task"]),
    )  # fmt: skip
    if sending.span is not None:
        _describe(sending.span.attributes, headers, str(headers["id"]))
    if not headers.get("retries"):  # it keeps its id, and the alias is known
        events.alias(str(headers["id"]))
    return {**own, **added}, sending


def published(sending: Sending | None, _result: Any) -> None:
    """The broker has it."""
    if sending is not None:
        message.left(sending)
        message.sent(sending)


def not_published(sending: Sending | None, exception: BaseException) -> None:
    """The broker doesn't have it."""
    if sending is not None:
        message.left(sending)
        message.failed(sending, exception)


def run(task: Any, uuid: Any, request: Any) -> Handling | None:
    """A worker takes a task in hand."""
    if _traced():
        return None
    name = str(task)

    def describe(attributes: dict[str, Any]) -> None:
        _describe(attributes, {**request, "task": name}, str(uuid))

    current_app = sys.modules["celery"].current_app
    url = current_app.conf.broker_read_url or current_app.conf.broker_url
    queue = (request.get("delivery_info") or {}).get("routing_key") or ""
    incoming = propagate.extract(_text(request).get)
    return message.take(_LIBRARY, _system(url), str(queue), incoming, describe, subject=name)


def ran(handling: Handling | None, result: Any) -> None:
    """The task is over. Its failure has been noted where Celery dealt with it."""
    if handling is None:
        return
    if isinstance(handling.span, Span) and not result[0]:
        handling.span.attributes.setdefault("celery.state", "SUCCESS")
    message.put_down(handling)


def run_failed(handling: Handling | None, exception: BaseException) -> None:
    """What leaves Celery's own tracing: a rejected message, an interrupted worker."""
    if handling is not None:
        message.put_down(handling, exception)


def failure(outcome: Any) -> None:
    """A task failed, is to be retried, was rejected or ignored: `outcome` says which, and has the exception."""
    span = context.current_span()
    if not isinstance(span, Span) or span.library != _LIBRARY:
        return
    span.set_attribute("celery.state", str(outcome.state))
    cause = outcome.retval
    if outcome.state == "RETRY":
        cause = getattr(cause, "exc", None)  # a retry without an exception is just for later
    if outcome.state in ("FAILURE", "RETRY") and isinstance(cause, BaseException):
        message.broke(span, cause)


def strategy(task: Any) -> Any:
    """A worker learns how to receive a task."""
    return task


def receiving(task: Any, handle: Any) -> Any:
    """What the worker's main process logs as it receives a task, before a pool has it, belongs to its transaction."""
    if task is None:
        return handle

    def received(delivered: Any, *args: Any, **kwargs: Any) -> Any:
        previous: Context | None = None
        try:
            previous = message.sort(propagate.extract(_text(delivered.headers or {}).get))
        except Exception as failure:  # noqa: BLE001 - Celery calls it, not woven code
            guard.contained(failure, f"{_LIBRARY} received")
        try:
            return handle(delivered, *args, **kwargs)
        finally:
            if previous is not None:
                context.leave(previous)

    return received


def exiting() -> None:
    """A pool's child process ends, without running what is registered at exit."""
    from weftline.agent import lifecycle

    lifecycle.flush(_FLUSH_SECONDS)


def _describe(attributes: dict[str, Any], headers: Mapping[str, Any], uuid: str) -> None:
    attributes["messaging.message.id"] = uuid
    if headers.get("root_id"):
        attributes["messaging.message.conversation_id"] = str(headers["root_id"])
    attributes["celery.task_name"] = str(headers["task"])
    if headers.get("retries"):
        attributes["celery.retries"] = headers["retries"]


PUBLISH = Advice(publish, published, not_published)
RUN = Advice(run, ran, run_failed)
FAILURE = Advice(failure)
STRATEGY = Advice(strategy, receiving)
EXITING = Advice(exiting)

POINTCUTS = [
    Pointcut(
        module="kombu.messaging",
        target="Producer.publish",
        advice=f"{__name__}:PUBLISH",
        args=("headers", "self", "routing_key", "exchange"),
        replaces=("headers",),
        kind="producer",
        scope=message.SCOPE,
        versions="celery>=5.3.1",
    ),
    *(
        Pointcut(
            module="celery.app.trace",
            target=target,
            advice=f"{__name__}:RUN",
            args=(name, "uuid", "request"),
            kind="consumer",
            scope=message.SCOPE,
            versions="celery>=5.3.1",
        )
        for target, name in (("fast_trace_task", "task"), ("trace_task_ret", "name"))
    ),
    *(
        Pointcut(
            module="celery.app.trace",
            target=f"TraceInfo.{method}",
            advice=f"{__name__}:FAILURE",
            args=("self",),
            kind="observe",
            versions="celery>=5.3.1",
        )
        for method in ("handle_failure", "handle_retry", "handle_reject", "handle_ignore")
    ),
    Pointcut(
        module="celery.worker.strategy",
        target="default",
        advice=f"{__name__}:STRATEGY",
        args=("task",),
        kind="observe",
        versions="celery>=5.3.1",
        returns=True,
    ),
    Pointcut(
        module="celery.concurrency.prefork",
        target="process_destructor",
        advice=f"{__name__}:EXITING",
        kind="observe",
        versions="celery>=5.3.1",
    ),
]
