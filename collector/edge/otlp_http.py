"""OTLP/HTTP: POST /v1/traces, /v1/logs and /v1/metrics, in protobuf and in JSON.

Bodies follow the OpenTelemetry protocol 1.x, section "OTLP/HTTP Response": an answer has the content type of its
request, an error is a google.rpc.Status.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial

from google.protobuf import json_format
from google.rpc.status_pb2 import Status

from weftline.collector.edge.admission import Hold
from weftline.collector.edge.otlp import MetricsRefusal, Receiver
from weftline.collector.edge.otlp_requests import LOGS, METRICS, TRACES, Service, Taken, response
from weftline.collector.edge.route import Dialect, Route
from weftline.collector.otlp_json import to_protobuf
from weftline.collector.store.protocol import Signal

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def routes(receiver: Receiver, metrics: MetricsRefusal) -> dict[str, Route]:
    """By path."""

    def store(signal: Signal) -> Callable[[bytes, Hold, str], Awaitable[Taken]]:
        return lambda message, hold, tenant: receiver.receive(signal, message, hold, tenant)

    async def refuse(message: bytes, _hold: Hold, _tenant: str) -> Taken:
        return metrics.receive(receiver, message)

    steps = {TRACES: store(Signal.SPANS), LOGS: store(Signal.LOGS), METRICS: refuse}
    return {
        service.path: Route(service.signal, receiver, _dialects(service), receive) for service, receive in steps.items()
    }


def _dialects(service: Service) -> dict[str, Dialect]:
    return {
        PROTOBUF: Dialect(PROTOBUF, bytes, partial(_protobuf, service), _protobuf_status),
        JSON: Dialect(JSON, partial(to_protobuf, service.request), partial(_json, service), _json_status),
    }


def _protobuf(service: Service, taken: Taken) -> tuple[int, bytes]:
    return 200, response(service, taken).SerializeToString()


def _protobuf_status(code: int, reason: str) -> bytes:
    body: bytes = Status(code=code, message=reason).SerializeToString()
    return body


def _json(service: Service, taken: Taken) -> tuple[int, bytes]:
    return 200, json.dumps(json_format.MessageToDict(response(service, taken))).encode()


def _json_status(code: int, reason: str) -> bytes:
    return json.dumps({"code": code, "message": reason}).encode()
