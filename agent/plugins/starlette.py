"""Starlette, and FastAPI on top of it: a server span per HTTP request from the ASGI entry; route and exceptions."""

from collections.abc import Awaitable, Callable
from typing import Any

from weftline.agent import foreign, http_attributes, propagate, semconv, serve
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.starlette"
_ENTERED = "weftline.agent.entered"
_HEADER_NAMES = {name.encode(): name for name in propagate.NAMES}
_TRANSACTION_ID = semconv.TRANSACTION_ID.encode()

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def enter(app: Any, scope: Scope, send: Send) -> tuple[Send, Any]:
    """Begins the span; the response's start is watched for its status and gets the transaction ID."""
    if scope["type"] != "http" or _ENTERED in scope or _foreign(app):
        return send, None
    scope[_ENTERED] = True  # a mounted application gets a copy of the scope, and so knows
    # Both frameworks can trace by themselves once a TracerProvider is set; these are their own off switches.
    scope["starlette.opentelemetry"] = True
    scope.setdefault("fastapi.telemetry", None)
    request = serve.begin(propagate.extract(_headers(scope).get), _LIBRARY, _describe, scope)

    async def watched(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = _started(message, request)
        await send(message)

    return watched, (request, scope)


def leave(token: tuple[serve.Request, Scope] | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """Ends the span; the body has been sent."""
    if token is not None:
        request, scope = token
        serve.route(route_template(scope), request.span)
        serve.finish(request)


def error(token: tuple[serve.Request, Scope] | None, exception: BaseException) -> None:
    """Ends the span of a request an exception came out of (Starlette sends its 500 first, then raises again)."""
    if token is not None:
        request, scope = token
        serve.route(route_template(scope), request.span)
        serve.finish(request, exception)


def route_template(scope: Scope) -> str:
    """The template of the route that handled a request, with the mounts and prefixes above it; empty without one."""
    # FastAPI keeps an included router's route, prefix and all, beside the route as it was declared
    included = scope.get("fastapi", {}).get("effective_route_context")
    route = included or scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    if not isinstance(template, str):
        return ""
    above = scope.get("root_path", "").rstrip("/")
    if getattr(route, "routes", None) is not None:  # a mount, already part of the root path
        return f"{above}/{{path}}"
    return f"{above}{template}"


def _foreign(app: Any) -> bool:
    return foreign.instruments("starlette", "StarletteInstrumentor", app) or foreign.instruments(
        "fastapi", "FastAPIInstrumentor", app
    )


def _started(message: dict[str, Any], request: serve.Request) -> dict[str, Any]:
    try:
        request.status = message["status"]
        headers = list(message.get("headers", ()))
        if not any(name.lower() == _TRANSACTION_ID for name, _ in headers):
            headers.append((_TRANSACTION_ID, request.transaction_id.encode()))
            return {**message, "headers": headers}
    except Exception as failure:  # noqa: BLE001 - the server judges malformed responses, not we
        guard.contained(failure, f"{_LIBRARY} send")
    return message


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = _HEADER_NAMES.get(raw)
        if name is not None:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


def _describe(scope: Scope, attributes: dict[str, Any]) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(name: bytes) -> str | None:
        value = headers.get(name)
        return None if value is None else value.decode("latin-1")

    name = http_attributes.method(attributes, scope["method"])
    scheme = scope.get("scheme", "http")
    attributes["url.path"] = scope["path"]
    attributes["url.scheme"] = scheme
    if scope.get("query_string"):
        attributes["url.query"] = http_attributes.query(scope["query_string"].decode("latin-1"))
    host = header(b"host")
    if host is None and scope.get("server"):
        host = f"{scope['server'][0]}:{scope['server'][1]}"
    if host:
        http_attributes.server(attributes, host, scheme)
    attributes["network.protocol.version"] = scope.get("http_version")
    attributes["user_agent.original"] = header(b"user-agent")
    peer = scope["client"][0] if scope.get("client") else None
    attributes["client.address"] = http_attributes.client_address(header(b"x-forwarded-for"), peer)
    return name


ENTRY = Advice(enter, leave, error)

POINTCUTS = [
    Pointcut(
        module="starlette.applications",
        target="Starlette.__call__",
        advice=f"{__name__}:ENTRY",
        args=("self", "scope", "send"),
        replaces=("send",),
        kind="server",
        scope="http.server",
        versions="starlette>=0.27",
    ),
]
