"""Flask: a server span per request from its WSGI entry; the route; exceptions Flask turns into a 500."""

from collections.abc import Callable
from typing import Any

from weftline.agent import foreign, http_attributes, semconv, serve
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import extract
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.flask"
_ENTERED = "weftline.agent.entered"
_HEADERS = {
    semconv.TRACEPARENT: "HTTP_TRACEPARENT",
    semconv.TRACESTATE: "HTTP_TRACESTATE",
    semconv.REQUEST_ID: "HTTP_X_REQUEST_ID",
    semconv.TRANSACTION_ID: "HTTP_X_TRANSACTION_ID",
}

StartResponse = Callable[..., Any]


def enter(app: Any, environ: dict[str, Any], start_response: StartResponse) -> tuple[StartResponse, Any]:
    """Begins the span; the response's start is watched for its status and gets the transaction ID."""
    if _ENTERED in environ or foreign.instruments("flask", "FlaskInstrumentor", app):
        return start_response, None
    environ[_ENTERED] = True
    request = serve.begin(extract(lambda name: environ.get(_HEADERS[name])), _LIBRARY, _describe, environ)

    def start(status: str, headers: list[tuple[str, str]], *rest: Any, **named: Any) -> Any:
        try:
            request.status = int(status[:3])
            if not any(name.lower() == semconv.TRANSACTION_ID for name, _ in headers):
                headers = [*headers, (semconv.TRANSACTION_ID, request.transaction_id)]
        except Exception as error:  # noqa: BLE001 - the server judges malformed responses, not we
            guard.contained(error, f"{_LIBRARY} start_response")
        return start_response(status, headers, *rest, **named)

    return start, request


def leave(request: serve.Request | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """Ends the span. The body may still be streamed; what a generator writes is outside of it."""
    if request is not None:
        serve.finish(request)


def error(request: serve.Request | None, exception: BaseException) -> None:
    """Ends the span of a request that Flask let an exception out of."""
    if request is not None:
        serve.finish(request, exception)


def matched() -> None:
    """The URL has been matched: the route is known before the view runs."""
    from flask import request

    rule = request.url_rule  # a proxy: each look at it costs
    if rule is not None:
        serve.route(rule.rule, serve.server_span())


def _describe(environ: dict[str, Any], attributes: dict[str, Any]) -> str:
    name = http_attributes.method(attributes, environ.get("REQUEST_METHOD", ""))
    scheme = environ.get("wsgi.url_scheme", "http")
    # WSGI hands paths as latin-1 of the bytes; the bytes are UTF-8
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    attributes["url.path"] = path.encode("latin-1", "replace").decode("utf-8", "replace") or "/"
    attributes["url.scheme"] = scheme
    if environ.get("QUERY_STRING"):
        attributes["url.query"] = http_attributes.query(environ["QUERY_STRING"])
    host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"
    http_attributes.server(attributes, host, scheme)
    attributes["network.protocol.version"] = environ.get("SERVER_PROTOCOL", "").removeprefix("HTTP/") or None
    attributes["user_agent.original"] = environ.get("HTTP_USER_AGENT")
    attributes["client.address"] = http_attributes.client_address(
        environ.get("HTTP_X_FORWARDED_FOR"), environ.get("REMOTE_ADDR")
    )
    return name


ENTRY = Advice(enter, leave, error)
MATCHED = Advice(matched)
EXCEPTION = Advice(serve.failed)

POINTCUTS = [
    Pointcut(
        module="flask.app",
        target="Flask.wsgi_app",
        advice=f"{__name__}:ENTRY",
        args=("self", "environ", "start_response"),
        replaces=("start_response",),
        kind="server",
        scope="http.server",
        versions="flask>=2.2",
    ),
    Pointcut(
        module="flask.app",
        target="Flask.full_dispatch_request",
        advice=f"{__name__}:MATCHED",
        kind="observe",
        versions="flask>=2.2",
    ),
    Pointcut(
        module="flask.app",
        target="Flask.handle_exception",
        advice=f"{__name__}:EXCEPTION",
        args=("e",),
        kind="observe",
        versions="flask>=2.2",
    ),
]
