"""An OTLP/HTTP receiver in a process of its own: counts spans and log records, so that none is saved by losing it.

usage: python -m bench.agent.sink PORT; GET /count answers `spans logs`.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

counted = {"spans": 0, "logs": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            groups = ExportTraceServiceRequest.FromString(body).resource_spans
            counted["spans"] += sum(len(scope.spans) for group in groups for scope in group.scope_spans)
        elif self.path == "/v1/logs":
            groups = ExportLogsServiceRequest.FromString(body).resource_logs
            counted["logs"] += sum(len(scope.log_records) for group in groups for scope in group.scope_logs)
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(f"{counted['spans']} {counted['logs']}".encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
