"""In the shape of a Datadog trace agent, as far as ddtrace asks: takes traces (`PUT /v0.4/traces`, msgpack), counts
their spans and answers that all services are kept. A fake: a real agent is not to be had as a package.

usage: python -m bench.agent.trace_agent PORT, in ddtrace's environment; GET /count answers the spans.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgpack  # type: ignore[import-not-found] # in an environment of its own

counted = {"spans": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        if self.path == "/v0.4/traces":
            counted["spans"] += sum(map(len, msgpack.unpackb(body)))
        self.answer(b'{"rate_by_service": {"service:,env:": 1}}')

    do_POST = do_PUT

    def do_GET(self) -> None:
        if self.path == "/count":
            self.answer(str(counted["spans"]).encode())
        else:
            self.answer(b'{"version": "7.60.0", "endpoints": ["/v0.4/traces"], "client_drop_p0s": false}')

    def chunk(self) -> bytes:
        data = self.rfile.read(int(self.rfile.readline().split(b";")[0], 16))
        self.rfile.readline()
        return data

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
