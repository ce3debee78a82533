"""Stand-ins for the shop's two services under the agent: plain HTTP servers that pass the trace on, as the agent does.

A fake, because the proxies' chain of ids is to be checked without the agent; the end-to-end tests run the real services.
Each makes a server span id and, where it calls on, a client span id, and remembers what it got and sent.
"""

import http.client
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PASSED_ON = ("x-request-id", "x-transaction-id", "tracestate")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request a service got. Span ids are 16 hex digits; ``sent`` is '' where it called nobody."""

    service: str
    headers: Mapping[str, str]
    trace_id: str
    parent: str
    flags: str
    sent: str


@contextmanager
def traced_apps(
    visits: list[Visit], *, cart: int, cart_outbound: int, payment: int, payment_outbound: int
) -> Iterator[None]:
    """Both services on the ports given; ``visits`` grows with every request.

    A request with ``cart_passes=none`` makes cart pass on nothing, with the name of a header that one alone; ``own``: it
    begins a trace of its own. payment always passes everything on.
    """
    servers = [_server("cart", cart, cart_outbound, visits), _server("payment", payment, payment_outbound, visits)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _server(service: str, port: int, outbound: int, visits: list[Visit]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            case = parse_qs(urlsplit(self.path).query).get("case", [""])[0]
            _, trace_id, parent, flags = self.headers["traceparent"].split("-")
            calls_on = service == "cart" or case == "booked"
            sent = secrets.token_hex(8) if calls_on else ""
            visits.append(Visit(service, dict(self.headers.items()), trace_id, parent, flags, sent))
            status, retry_after = 200, False
            if calls_on:
                status = self.call_on(f"00-{trace_id}-{sent}-{flags}")
            elif case == "declined":
                status = 500
            elif case == "slow":
                time.sleep(1.5)
            elif case == "busy" and self.headers["x-envoy-attempt-count"] == "1":
                status, retry_after = 503, True
            try:
                self.send_response(status)
                if retry_after:
                    self.send_header("retry-after", "0")
                self.send_header("content-length", "0")
                self.end_headers()
            except OSError:  # nobody waits any more
                self.close_connection = True

        def call_on(self, traceparent: str) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", outbound)
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            headers["traceparent"] = traceparent
            passes = parse_qs(urlsplit(self.path).query).get("cart_passes", [""])[0]
            if service == "cart" and passes == "own":
                headers = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
            elif service == "cart" and passes:
                headers = {name: it for name, it in headers.items() if name == passes}
            connection.request("POST", self.path, headers=headers)
            response = connection.getresponse()
            response.read()
            connection.close()
            return response.status

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server
