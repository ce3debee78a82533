"""Who sends: the resource attributes that go with every span and log record."""

import os

from weftline.agent import installed
from weftline.agent.settings import Settings, pairs

UNKNOWN_SERVICE = "unknown_service:python"


def service_name(settings: Settings) -> str:
    """OTEL_SERVICE_NAME, else service.name of OTEL_RESOURCE_ATTRIBUTES, else OpenTelemetry's word for none."""
    return settings.service_name or pairs(settings.resource_attributes).get("service.name") or UNKNOWN_SERVICE


def version() -> str:
    """The installed agent's version."""
    return installed.version("weftline") or "0"


def attributes(settings: Settings, distro_version: str) -> dict[str, str | int]:
    """The attributes of this process. A forked child asks again: its pid and instance are its own."""
    import socket  # not before the application: gevent patches it
    import uuid

    import opentelemetry.version

    return {
        "service.instance.id": str(uuid.uuid4()),
        "host.name": socket.gethostname(),
        **pairs(settings.resource_attributes),
        "service.name": service_name(settings),
        "process.pid": os.getpid(),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": opentelemetry.version.__version__,
        "telemetry.distro.name": "weftline-agent",
        "telemetry.distro.version": distro_version,
    }
