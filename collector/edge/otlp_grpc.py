"""OTLP/gRPC: TraceService/Export and LogsService/Export, the message's bytes passed through; MetricsService answered.

OpenTelemetry protocol 1.x, section "OTLP/gRPC Response": a sender that must wait gets a google.rpc.RetryInfo.
"""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from weftline.collector.access.gate import OPEN, Access, peer_of
from weftline.collector.access.identity import Denied, Role
from weftline.collector.edge.admission import OverCapacity, RateLimit
from weftline.collector.edge.otlp import MetricsRefusal, Receiver
from weftline.collector.edge.otlp_requests import LOGS, METRICS, TRACES, Service, Taken, response
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.store.protocol import Signal

Handler = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]
Take = Callable[[bytes, str], Awaitable[Taken]]
"""Message and tenant."""


def create_server(
    receiver: Receiver,
    address: str,
    *,
    max_request_bytes: int,
    max_header_bytes: int,
    rate: RateLimit,
    metrics: MetricsRefusal,
    access: Access = OPEN,
) -> tuple[grpc.aio.Server, int]:
    """A server that listens on ``address`` once started, and its port. Raises RuntimeError if it can't bind."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", max_request_bytes),
            ("grpc.max_metadata_size", max_header_bytes),
            ("grpc.so_reuseport", 0),
        ]
    )

    def store(signal: Signal) -> Take:
        return lambda message, tenant: receiver.receive(signal, message, tenant=tenant)

    async def refuse(message: bytes, _tenant: str) -> Taken:
        return metrics.receive(receiver, message)

    for service, take in ((TRACES, store(Signal.SPANS)), (LOGS, store(Signal.LOGS)), (METRICS, refuse)):
        method = grpc.unary_unary_rpc_method_handler(_export(service, receiver, take, rate, access))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.grpc, {"Export": method}),))
    return server, server.add_insecure_port(address)


def _export(service: Service, receiver: Receiver, take: Take, rate: RateLimit, access: Access) -> Handler:
    async def export(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        peer = context.peer()
        sender = peer.rpartition(":")[0]
        try:
            tenant = access.admit(context.invocation_metadata() or (), peer_of(peer), Role.WRITE).tenant
        except Denied as error:
            receiver.denied(service.signal, error)
            await turn_away(context, error)
        try:
            rate.check(sender)
        except OverCapacity as error:
            receiver.later(service.signal, error)
            await come_back(context, error)
        rate.charge(sender, len(message))
        try:
            taken = await take(message, tenant)
        except BadMessage as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TryLater as error:
            await come_back(context, error)
        return response(service, taken).SerializeToString()

    return export


async def turn_away(context: grpc.aio.ServicerContext, error: Denied) -> NoReturn:
    """End the call of someone who may not; senders don't try again."""
    code = grpc.StatusCode.PERMISSION_DENIED if error.known else grpc.StatusCode.UNAUTHENTICATED
    await context.abort(code, str(error), trailing_metadata=(("www-authenticate", error.challenge),))
    raise AssertionError("abort raises")


async def come_back(context: grpc.aio.ServicerContext, error: TryLater) -> NoReturn:
    """End the call with a status that senders retry, with the seconds to wait."""
    code = grpc.StatusCode.RESOURCE_EXHAUSTED if isinstance(error, OverCapacity) else grpc.StatusCode.UNAVAILABLE
    wait = AnyMessage()
    wait.Pack(RetryInfo(retry_delay=Duration(nanos=0, seconds=max(1, round(error.seconds)))))
    status = Status(code=code.value[0], message=str(error), details=[wait]).SerializeToString()
    await context.abort(code, str(error), trailing_metadata=(("grpc-status-details-bin", status),))
    raise AssertionError("abort raises")
