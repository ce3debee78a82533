"""An OTLP/gRPC receiver that keeps what it gets, for tests of what proxies and the agent send."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Span:
    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    resource: dict[str, Any]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    trace_id: str
    span_id: str
    body: str
    resource: dict[str, Any]
    attributes: dict[str, Any]


@dataclass(slots=True)
class Sink:
    """Grows while the server runs; `settle` waits for what is expected."""

    port: int = 0
    spans: list[Span] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    attempts: list[Log] = field(default_factory=list)
    """Envoy's logs of upstream attempts; not among `logs`."""
    log_requests: list[bytes] = field(default_factory=list)
    """Every ExportLogsServiceRequest as it came, for the store."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def settle(self, enough: Callable[["Sink"], bool], seconds: float = 15.0) -> None:
        """Until ``enough(self)`` is true, then until nothing has come for 0.4 s, so that extra rows are seen too."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not enough(self) and time.monotonic() < deadline:
                self.changed.wait(0.2)
            while self.changed.wait(0.4) and time.monotonic() < deadline:
                pass


@contextmanager
def otlp_grpc_sink() -> Iterator[Sink]:
    """A sink listening on 127.0.0.1:``sink.port``."""
    sink = Sink()
    server = grpc.server(ThreadPoolExecutor(2))

    class Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            with sink.changed:
                for group in request.resource_spans:
                    resource = _values(group.resource.attributes)
                    for scope in group.scope_spans:
                        sink.spans.extend(_span(span, resource) for span in scope.spans)
                sink.changed.notify_all()
            return trace_service_pb2.ExportTraceServiceResponse()

    class Logs(logs_service_pb2_grpc.LogsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            with sink.changed:
                sink.log_requests.append(request.SerializeToString())
                for group in request.resource_logs:
                    resource = _values(group.resource.attributes)
                    for scope in group.scope_logs:
                        for log in (_log(record, resource) for record in scope.log_records):
                            attempt = log.attributes.get("access_log_type") == "UpstreamEnd"
                            (sink.attempts if attempt else sink.logs).append(log)
                sink.changed.notify_all()
            return logs_service_pb2.ExportLogsServiceResponse()

    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Logs(), server)
    sink.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield sink
    finally:
        server.stop(None).wait()


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value") or "string_value") for item in attributes}


def _span(span: Any, resource: dict[str, Any]) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=span.name,
        kind=KINDS[span.kind],
        resource=resource,
        attributes=_values(span.attributes),
    )


def _log(log: Any, resource: dict[str, Any]) -> Log:
    return Log(
        trace_id=log.trace_id.hex(),
        span_id=log.span_id.hex(),
        body=log.body.string_value,
        resource=resource,
        attributes=_values(log.attributes),
    )
