"""werkzeug's server (`flask run`): a request from its environ to the last byte of its body and its access log.

Frameworks inside take the span over. The server's `start_response` is a closure, so status and header are put in
where they are written.
"""

from typing import Any

from weftline.agent import http_headers, semconv, serve
from weftline.agent.plugins import wsgi
from weftline.agent.pointcut import Advice, Pointcut

_VERSIONS = "werkzeug>=2.2"
_HEADER = semconv.TRANSACTION_ID.encode()


def making() -> None:
    """Nothing is to be done before there is an environ."""


def made(token: Any, environ: wsgi.Environ) -> None:  # noqa: ARG001 - advice gets the token
    """The environ is there."""
    wsgi.born(environ)


def status(code: Any) -> None:
    """The status line is written."""
    request = wsgi.handling()
    if request is not None:
        request.status = int(code)


def headers(handler: Any) -> None:
    """The headers are complete: the transaction ID is added unless the application has set one itself."""
    request = wsgi.handling()
    if request is None or not serve.response_id(request):
        return
    lines = getattr(handler, "_headers_buffer", ())  # the status line first, each with its line break
    if http_headers.server_response is not None:
        parts = (line.partition(b":") for line in lines[1:])
        http_headers.server_response.note_on(request.span, ((name, value.strip()) for name, _, value in parts))
    if not any(line.lower().startswith(_HEADER + b":") for line in lines):
        handler.send_header(semconv.TRANSACTION_ID, serve.response_id(request))


MADE = Advice(making, made)
STATUS = Advice(status)
HEADERS = Advice(headers)

POINTCUTS = [
    Pointcut(
        module="werkzeug.serving",
        target="WSGIRequestHandler.run_wsgi",
        advice="weftline.agent.plugins.wsgi:HANDLE",
        kind="server",
        scope="http.server",
        versions=_VERSIONS,
    ),
    Pointcut(
        module="werkzeug.serving",
        target="WSGIRequestHandler.make_environ",
        advice=f"{__name__}:MADE",
        kind="observe",
        versions=_VERSIONS,
    ),
    Pointcut("http.server", "BaseHTTPRequestHandler.send_response", f"{__name__}:STATUS", ("code",), "observe"),
    Pointcut("http.server", "BaseHTTPRequestHandler.end_headers", f"{__name__}:HEADERS", ("self",), "observe"),
]
