"""An HTTP/1.1 server behind a proxy under test: does what the path says, and remembers the headers of every request.

/slow… answers after 1.5 s, /busy always 503, /busy-once 503 when it sees an x-request-id for the first time, /closes hangs
up instead of answering, /rubbish breaks the protocol, anything else 200.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Upstream:
    port: int = 0
    requests: list[Mapping[str, str]] = field(default_factory=list)
    """Headers with lower-case names, oldest request first; a header in several lines has them all, after `, `."""


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Listening on 127.0.0.1:``port``."""
    seen = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
            known = any(headers.get("x-request-id") == request.get("x-request-id") for request in seen.requests)
            seen.requests.append(headers)
            what = self.path.split("?")[0].strip("/")
            status = 200
            if what.startswith("slow"):
                time.sleep(1.5)
            elif what == "busy" or (what == "busy-once" and not known):
                status = 503
            elif what in ("closes", "rubbish"):
                if what == "rubbish":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")
                self.close_connection = True
                return
            try:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
            except OSError:  # nobody waits any more
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
