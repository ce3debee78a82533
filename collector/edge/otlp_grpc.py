"""OTLP/gRPC: TraceService/Export and LogsService/Export, the message's bytes passed through undecoded."""

from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

from weftline.collector.edge.otlp import Receiver
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.store.protocol import Signal

SERVICES = {
    "opentelemetry.proto.collector.trace.v1.TraceService": Signal.SPANS,
    "opentelemetry.proto.collector.logs.v1.LogsService": Signal.LOGS,
}

Handler = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


def create_server(receiver: Receiver, address: str, *, max_request_bytes: int) -> tuple[grpc.aio.Server, int]:
    """A server that listens on ``address`` once started, and its port. Raises RuntimeError if it can't bind."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", max_request_bytes), ("grpc.so_reuseport", 0)])
    for service, signal in SERVICES.items():
        method = grpc.unary_unary_rpc_method_handler(_export(receiver, signal))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    return server, server.add_insecure_port(address)


def _export(receiver: Receiver, signal: Signal) -> Handler:
    async def export(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            await receiver.receive(signal, message)
        except BadMessage as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TryLater as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        return b""  # an Export…ServiceResponse without partial_success

    return export
