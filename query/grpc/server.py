"""The gRPC server of the query process: Jaeger's two query services, reflection, health."""

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from weftline.collector.access.gate import OPEN, Access
from weftline.collector.access.identity import Denied
from weftline.collector.errors import AskOtherwise, Misconfigured, TryLater
from weftline.collector.store.protocol import Reader
from weftline.collector.store.searcher import Searcher
from weftline.query.access.audit import Audit, Audits
from weftline.query.grpc.api_v2 import QueryServiceV2
from weftline.query.grpc.api_v3 import QueryServiceV3
from weftline.query.grpc.errors import Refused
from weftline.query.grpc.guard import Guard
from weftline.query.grpc.messages import METHODS, V2, V3, Method, message
from weftline.query.settings import QuerySettings

logger = logging.getLogger(__name__)

THREADS: Final = 10
"""Calls answered at a time; the store's reads block."""
METRICS: Final = f"{V2}.metrics.MetricsQueryService"
"""Jaeger says it is well, yet doesn't serve it."""


def create_server(
    reader: Reader,
    searcher: Searcher,
    settings: QuerySettings,
    access: Access = OPEN,
    audit: Audit = Audits(),  # noqa: B008 - it is frozen
) -> tuple[grpc.Server, int]:
    """A server that listens once started, and its port; raises `Misconfigured` if it can't have the port.

    Who may call is asked for each call, but for reflection and health: those say nothing of what was sent.
    """
    guard = Guard(access, audit)
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="grpc"), options=[("grpc.so_reuseport", 0)])
    services = {V2: QueryServiceV2(reader, searcher, settings), V3: QueryServiceV3(reader, searcher, settings)}
    for package, service in services.items():
        handlers = {
            method.name: _handler(package, method, getattr(service, _snake(method.name)), guard)
            for method in METHODS[package]
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_name(package), handlers),))
    names = [*map(_name, services), METRICS]
    state = health.HealthServicer()
    for name in ("", *names):
        state.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    reflection.enable_server_reflection((*map(_name, services), health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        port = server.add_insecure_port(f"{host}:{settings.grpc_port}")
    except RuntimeError as error:
        raise Misconfigured(
            f"The query service can't listen on {host}:{settings.grpc_port} for gRPC. Choose another port "
            "with WEFTLINE_QUERY_GRPC_PORT; 0 takes a free one."
        ) from error
    return server, port


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _name(package: str) -> str:
    return f"{package}.QueryService"


def _handler(package: str, method: Method, answer: Callable[[Any], Any], guard: Guard) -> grpc.RpcMethodHandler:
    name = f"/{_name(package)}/{method.name}"

    def unary(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with guard.call(name, request, context) as run:
                return run(answer, request)
        except Exception as error:  # noqa: BLE001 - every failure needs a status
            _abort(context, method, error)

    def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            with guard.call(name, request, context) as run:
                answers = iter(run(answer, request))
                while (one := run(next, answers, None)) is not None:
                    yield one
        except Exception as error:  # noqa: BLE001 - as above
            _abort(context, method, error)

    make = grpc.unary_stream_rpc_method_handler if method.streams else grpc.unary_unary_rpc_method_handler
    return make(
        stream if method.streams else unary,
        request_deserializer=message(package, method.request).FromString,
        response_serializer=message(package, method.answer).SerializeToString,
    )


def _abort(context: grpc.ServicerContext, method: Method, error: Exception) -> NoReturn:
    match error:
        case Denied():
            code = grpc.StatusCode.PERMISSION_DENIED if error.known else grpc.StatusCode.UNAUTHENTICATED
            context.set_trailing_metadata((("www-authenticate", error.challenge),))
            context.abort(code, str(error))
        case Refused():
            context.abort(error.code, str(error))
        case AskOtherwise():
            text = f"the search can't be answered because {error}; narrow its time"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        case TryLater():
            logger.warning("The store can't answer method=%s: %s", method.name, error)
            context.abort(grpc.StatusCode.UNAVAILABLE, f"The store can't answer now: {error}")
        case _:
            logger.error("Answering failed method=%s error=%r.", method.name, error, exc_info=error)
            context.abort(grpc.StatusCode.INTERNAL, "The query service failed on this request; its log has the reason.")
    raise AssertionError("abort raises")
