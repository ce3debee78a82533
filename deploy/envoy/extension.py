"""The form in which Envoy's configuration names an extension."""

from typing import Any

Json = dict[str, Any]

TYPE = "type.googleapis.com/envoy."


def typed(name: str, message: str, **config: Any) -> Json:
    """An extension: its name, its protobuf message (after `envoy.`) and that message's fields."""
    return {"name": name, "typed_config": {"@type": TYPE + message, **config}}


def append_header(header: str, value: str, action: str) -> Json:
    return {"append": {"append_action": action, "header": {"key": header, "value": value}}}
