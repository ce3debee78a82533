"""A plain HTTP server that answers with the headers it got, as JSON, and redirects or fails on demand. Untraced."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Echo:
    """`url` to call; `got` holds (path, headers in lower case) of each request in order, `heads` their headers as they
    came."""

    url: str = ""
    got: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


@contextmanager
def echo_server() -> Iterator[Echo]:
    """`/redirect` leads to `/end`; `/status/N` answers N; everything else 200."""
    echo = Echo()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            echo.got.append((self.path, headers))
            echo.heads.append(str(self.headers))
            body = json.dumps(headers).encode()
            part = self.path.split("?")[0].split("/")
            status = int(part[2]) if part[1] == "status" else 302 if part[1] == "redirect" else 200
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/end")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            """Of a body in chunks, which it reads and forgets."""
            while (size := int(self.rfile.readline(), 16)) > 0:
                self.rfile.read(size + 2)
            self.rfile.readline()
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    echo.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield echo
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
