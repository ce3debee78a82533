"""FastAPI: the same advice as Starlette's, one layer further out, where FastAPI would begin tracing by itself."""

from weftline.agent.pointcut import Pointcut

POINTCUTS = [
    Pointcut(
        module="fastapi.applications",
        target="FastAPI.__call__",
        advice="weftline.agent.plugins.starlette:ENTRY",
        args=("self", "scope", "send"),
        replaces=("send",),
        kind="server",
        scope="http.server",
        versions="fastapi>=0.100",
    ),
]
