"""Starlette, and FastAPI on it: a server span per HTTP request or WebSocket, or the server's taken over; its route."""

from typing import Any

from weftline.agent import foreign, serve
from weftline.agent.context import Transaction
from weftline.agent.plugins import asgi
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.starlette"
_APPLICATION = "weftline.agent.application"


def enter(app: Any, scope: asgi.Scope, send: asgi.Send) -> tuple[asgi.Send, Any]:
    """Begins the span, or takes over the server's; the response's start is watched."""
    if scope.get(_APPLICATION) is app or scope["type"] not in asgi.SERVED:
        return send, None  # FastAPI's own call has come by before Starlette's; or it is no request
    scope[_APPLICATION] = app
    if not foreign.alone() and _foreign(app):
        asgi.withdraw(scope)
        return send, None
    # Both frameworks can trace by themselves once a TracerProvider is set; these are their own off switches.
    scope["starlette.opentelemetry"] = True
    scope.setdefault("fastapi.telemetry", None)
    request = asgi.begin(scope, _LIBRARY)
    return (send if request is None else asgi.watch(request, send)), (request, scope)


def leave(token: tuple[Transaction | None, asgi.Scope] | None, result: Any) -> None:  # noqa: ARG001 - advice gets it
    """Notes the route and ends the span, if it is ours; the body has been sent."""
    if token is not None:
        request, scope = token
        _route(scope)
        if request is not None:
            asgi.leave(request, None)


def error(token: tuple[Transaction | None, asgi.Scope] | None, exception: BaseException) -> None:
    """An exception came out (Starlette sends its 500 first, then raises again)."""
    if token is not None:
        request, scope = token
        _route(scope)
        asgi.noted(scope, exception)
        asgi.error(request, exception)


def handling(route: Any, scope: asgi.Scope) -> None:
    """A plain route handles a request. FastAPI's router doesn't leave it in the scope, nor do older Starlettes'."""
    request = asgi.current(scope)
    if request is not None and request.span is not None:
        serve.route(route_template(scope, route), request.span)


def mounting(mount: Any, scope: asgi.Scope) -> tuple[Any, asgi.Scope]:
    """A mount hands a request on, perhaps to an application without routes, such as a folder of files."""
    return mount, scope


def mounted(token: tuple[Any, asgi.Scope] | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """No route below handled it. Older Starlettes don't leave the mount in the scope."""
    if token is not None:
        mount, scope = token
        handling(mount, scope)


def route_template(scope: asgi.Scope, handling: Any = None) -> str:
    """The template of the route that handled a request, with the mounts and prefixes above it; empty without one."""
    # FastAPI keeps an included router's route, prefix and all, beside the route as it was declared
    included = scope.get("fastapi", {}).get("effective_route_context")
    route = included or scope.get("route") or handling
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


def _route(scope: asgi.Scope) -> None:
    request = asgi.current(scope)
    if request is None or request.span is None:  # sampled out
        return
    if "http.route" not in request.span.attributes:
        serve.route(route_template(scope), request.span)


ENTRY = Advice(enter, leave, error)
HANDLING = Advice(handling)
MOUNT = Advice(mounting, mounted, mounted)
_VERSIONS = "starlette>=0.27"

POINTCUTS = [
    Pointcut(
        module="starlette.applications",
        target="Starlette.__call__",
        advice=f"{__name__}:ENTRY",
        args=("self", "scope", "send"),
        replaces=("send",),
        kind="server",
        scope="http.server",
        versions=_VERSIONS,
    ),
    Pointcut(
        "starlette.routing", "Route.handle", f"{__name__}:HANDLING", ("self", "scope"), "observe", versions=_VERSIONS
    ),
    Pointcut(
        "starlette.routing", "Mount.handle", f"{__name__}:MOUNT", ("self", "scope"), "observe", versions=_VERSIONS
    ),
]
