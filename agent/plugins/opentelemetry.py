"""OpenTelemetry's API: our headers join its global propagators when they are first asked for, not before: most programs
never import them."""

from weftline.agent.pointcut import Advice, Pointcut

_registering = False


def asked() -> None:
    """The program injects or extracts by itself."""
    global _registering  # noqa: PLW0603 - register() asks, too
    if not _registering:
        _registering = True
        try:
            from weftline.agent.propagate import textmap

            textmap.register()
        finally:
            _registering = False


ASKED = Advice(asked)

POINTCUTS = [
    Pointcut(
        module="opentelemetry.propagate",
        target="get_global_textmap",
        advice=f"{__name__}:ASKED",
        kind="observe",
        versions="opentelemetry-api>=1.45",
    ),
]
