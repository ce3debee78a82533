"""werkzeug's server (`flask run`): its access log, and bodies streamed after the application returned, belong to the
request they are for."""

from typing import Any

from opentelemetry.context.context import Context

from weftline.agent import context
from weftline.agent.pointcut import Advice, Pointcut


def leave(previous: Context | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The server has sent the answer and logged it."""
    if previous is not None:
        context.leave(previous)


HANDLE = Advice(context.serving, leave, leave)

POINTCUTS = [
    Pointcut(
        module="werkzeug.serving",
        target="WSGIRequestHandler.run_wsgi",
        advice=f"{__name__}:HANDLE",
        versions="werkzeug>=2.2",
    ),
]
