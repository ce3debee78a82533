"""A real OTLP/HTTP endpoint on loopback that keeps what it gets, decoded by opentelemetry-proto (not by our code)."""

import gzip
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}


class OtlpSink:
    """`spans()` and `logs()` are plain dicts, ids as hex, in the order of their time."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Answers to give before 200 is given: (status, headers)."""
        self.body = b""
        """The body of each answer."""
        self.url = ""
        self._changed = threading.Condition()

    def spans(self, **wanted: Any) -> list[dict[str, Any]]:
        """The spans so far whose fields equal `wanted`."""
        found = []
        for path, _, body in list(self.requests):
            if path.endswith("/v1/traces"):
                for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                    resource = attributes(group.resource.attributes)
                    for scope in group.scope_spans:
                        found += [_span(span, scope.scope, resource) for span in scope.spans]
        return sorted(_matching(found, wanted), key=lambda span: span["start"])

    def logs(self, **wanted: Any) -> list[dict[str, Any]]:
        """The log records so far whose fields equal `wanted`."""
        found = []
        for path, _, body in list(self.requests):
            if path.endswith("/v1/logs"):
                for group in ExportLogsServiceRequest.FromString(body).resource_logs:
                    resource = attributes(group.resource.attributes)
                    for scope in group.scope_logs:
                        found += [_log(log, scope.scope, resource) for log in scope.log_records]
        return sorted(_matching(found, wanted), key=lambda log: log["time"])

    def wait(self, condition: Callable[["OtlpSink"], Any], timeout: float = 15.0) -> Any:
        """What `condition` returns once it is true; fails with all that came when it doesn't become true."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (result := condition(self)):
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise AssertionError(f"not received in time; spans={self.spans()} logs={self.logs()}")
        return result

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """Keeps a request unless an answer other than 200 is due."""
        with self._changed:
            status, answer = self.answers.pop(0) if self.answers else (200, {})
            if status == 200:
                content = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                self.requests.append((path, headers, content))
            self._changed.notify_all()
        return status, answer


def attributes(pairs: Any) -> dict[str, Any]:
    """OTLP key-values as a dict."""
    return {pair.key: value(pair.value) for pair in pairs}


def value(any_value: AnyValue) -> Any:
    """An AnyValue as a Python value."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None


def _span(span: Any, scope: Any, resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "tracestate": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": KINDS.get(span.kind, "UNSPECIFIED"),
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "attributes": attributes(span.attributes),
        "events": [{"name": event.name, **attributes(event.attributes)} for event in span.events],
        "links": [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        "status": span.status.code,
        "scope": (scope.name, scope.version),
        "service": resource.get("service.name"),
        "resource": resource,
    }


def _log(log: Any, scope: Any, resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": log.trace_id.hex(),
        "span_id": log.span_id.hex(),
        "flags": log.flags,
        "body": value(log.body),
        "severity": (log.severity_number, log.severity_text),
        "time": log.time_unix_nano,
        "observed": log.observed_time_unix_nano,
        "attributes": attributes(log.attributes),
        "event_name": log.event_name,
        "logger": scope.name,
        "service": resource.get("service.name"),
        "resource": resource,
    }


def _matching(found: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in found if all(item[key] == expected for key, expected in wanted.items())]


@contextmanager
def otlp_sink() -> Iterator[OtlpSink]:
    """A sink that listens on a free port until the block ends."""
    sink = OtlpSink()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers = sink.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(sink.body)))
            self.end_headers()
            self.wfile.write(sink.body)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
