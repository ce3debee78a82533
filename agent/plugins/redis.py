"""redis, synchronous and asynchronous, one server or a cluster: a client span for each command and each pipeline.

Arguments are never recorded, keys included: keys carry session ids. Publish/subscribe and the library's own
handshakes and health checks get no span.
"""

import weakref
from collections.abc import Sequence
from typing import Any

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = query.Library("redis", "RedisInstrumentor")
_VERSIONS = "redis>=4.2"
_SHOWN_ARGUMENTS = 10
_SHOWN_COMMANDS = 50
_brokers: weakref.WeakSet[Any] = weakref.WeakSet()
"""Connection pools of kombu's clients. Their connections' class doesn't tell: in what sends it is redis's own."""


def command(client: Any, args: Sequence[Any]) -> query.Query | None:
    """Begins the span of one command."""
    if _is_brokers(client):
        return None
    return query.begin(_LIBRARY, _describe_command, client, args)


def pipeline(client: Any) -> query.Query | None:
    """Begins the span of a pipeline; of one that is empty there is nothing to see."""
    stack = () if _is_brokers(client) else _stack(client)
    return query.begin(_LIBRARY, _describe_pipeline, client, stack) if stack else None


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span; the code is the prefix of the server's answer, such as WRONGTYPE."""
    if token is not None:
        query.failed(token, exception, _code(exception))


def making() -> None:
    """Nothing is to be done before there is a client."""


def made(token: Any, client: Any) -> None:  # noqa: ARG001 - advice gets the token
    """kombu, and so Celery, has made a client for its broker."""
    _brokers.add(client.connection_pool)


def _is_brokers(client: Any) -> bool:
    """Whether it is Celery's: its broker's housekeeping is no work of the application, and its tasks have spans."""
    pool = getattr(client, "connection_pool", None)
    return pool is not None and pool in _brokers


def _code(exception: BaseException) -> str | None:
    code = getattr(exception, "status_code", None)  # since 7.1
    if isinstance(code, str) and code:
        return code
    if not any(kind.__name__ == "ResponseError" for kind in type(exception).__mro__):
        return None  # the server never answered
    first = str(exception).partition(" ")[0]
    return first if first.isupper() and first.isalpha() else "ERR"  # the library takes ERR off


def _describe_command(attributes: dict[str, Any], client: Any, args: Sequence[Any]) -> str:
    name = query.readable(args[0]).upper() if args else ""
    attributes["db.system.name"] = "redis"
    attributes["db.operation.name"] = name
    attributes["db.query.text"] = _text(args)
    _where(attributes, client)
    return _name(attributes, name)


def _describe_pipeline(attributes: dict[str, Any], client: Any, stack: Sequence[Any]) -> str:
    commands = [getattr(item, "args", None) or item[0] for item in stack]
    names = {query.readable(args[0]).upper() for args in commands if args}
    # a cluster's `transaction` is a method
    multi = any(
        getattr(client, name, None) is True for name in ("transaction", "explicit_transaction", "is_transaction")
    )
    kind = "MULTI" if multi else "PIPELINE"
    operation = f"{kind} {next(iter(names))}" if len(names) == 1 else kind
    attributes["db.system.name"] = "redis"
    attributes["db.operation.name"] = operation
    if len(commands) > 1:
        attributes["db.operation.batch.size"] = len(commands)
    shown = [_text(args) for args in commands[:_SHOWN_COMMANDS]]
    attributes["db.query.text"] = "\n".join(shown if len(shown) == len(commands) else [*shown, "…"])
    _where(attributes, client)
    return _name(attributes, operation)


def _text(args: Sequence[Any]) -> str:
    values = min(len(args) - 1, _SHOWN_ARGUMENTS)
    rest = " …" if len(args) - 1 > values else ""
    return (query.readable(args[0]).upper() + " ?" * values + rest) if args else ""


def _stack(client: Any) -> Sequence[Any]:
    for name in ("command_stack", "_command_queue", "_command_stack"):
        found = getattr(client, name, None)
        if found:
            return list(found)
    strategy = getattr(client, "_execution_strategy", None)  # a cluster's pipeline
    return list(getattr(strategy, "command_queue", None) or ())


def _name(attributes: dict[str, Any], operation: str) -> str:
    """The operation and, as the conventions want it where there is no collection, the database."""
    namespace = attributes.get("db.namespace", "")
    return f"{operation} {namespace}" if namespace else operation or "redis"


def _where(attributes: dict[str, Any], client: Any) -> None:
    pool = getattr(client, "connection_pool", None)
    settings = getattr(pool, "connection_kwargs", None) or {}
    attributes_of = settings.get
    namespace = str(attributes_of("db") or 0) if pool is not None else ""
    address = attributes_of("host") or attributes_of("path") or ""
    port = attributes_of("port") or 0
    query.where(attributes, query.Server("redis", namespace, str(address), int(port) if attributes_of("host") else 0))


COMMAND = Advice(command, query.answered, error)
PIPELINE = Advice(pipeline, query.answered, error)
BROKERS = Advice(making, made)

POINTCUTS = [
    Pointcut(
        "kombu.transport.redis",
        "Channel._create_client",
        f"{__name__}:BROKERS",
        kind="observe",
        versions="kombu>=5.2.1",
    ),
    *(
        Pointcut(
            module=module,
            target=target,
            advice=f"{__name__}:{advice}",
            args=args,
            kind="client",
            scope=query.SCOPE,
            versions=_VERSIONS,
        )
        for module, target, advice, args in (
            ("redis.client", "Redis.execute_command", "COMMAND", ("self", "args")),
            ("redis.client", "Pipeline.immediate_execute_command", "COMMAND", ("self", "args")),
            ("redis.client", "Pipeline.execute", "PIPELINE", ("self",)),
            ("redis.asyncio.client", "Redis.execute_command", "COMMAND", ("self", "args")),
            ("redis.asyncio.client", "Pipeline.immediate_execute_command", "COMMAND", ("self", "args")),
            ("redis.asyncio.client", "Pipeline.execute", "PIPELINE", ("self",)),
            ("redis.cluster", "RedisCluster.execute_command", "COMMAND", ("self", "args")),
            ("redis.cluster", "ClusterPipeline.execute", "PIPELINE", ("self",)),
            ("redis.asyncio.cluster", "RedisCluster.execute_command", "COMMAND", ("self", "args")),
            ("redis.asyncio.cluster", "ClusterPipeline.execute", "PIPELINE", ("self",)),
        )
    ),
]
