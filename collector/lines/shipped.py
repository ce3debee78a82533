"""What log shippers make of an access log line: Fluent Bit's and Vector's envelopes, the container runtimes'. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weftline.collector.errors import BadMessage
from weftline.collector.lines.access_log import Record, parse, record

_CRI = re.compile(r"\S+T\S+ (?:stdout|stderr) (?P<part>[FP])(?::\S*)? (?P<line>.*)", re.DOTALL)
_ENVELOPE = ("log_processed", "log", "message")
"""Where the line is: Fluent Bit's Merge_Log_Key by its documentation, its and docker's `log`, Vector's `message`."""
_SHIPPERS = frozenset({"@timestamp", "kubernetes", "source_type"})
"""Of Fluent Bit's Kafka output, of both, and of Vector: where one of them is, a shipper has been at work …"""
_ITS_OWN = _SHIPPERS | {"time", "timestamp", "stream", "_p", "logtag", "file", *_ENVELOPE}
"""… and these are its own, also where the line's fields are merged into the envelope (Merge_Log, `. |= parse_json`)."""
_SERVICE_LABELS = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app", "k8s-app")
_KUBERNETES = {
    "pod_name": "k8s.pod.name",
    "namespace_name": "k8s.namespace.name",  # Fluent Bit
    "pod_namespace": "k8s.namespace.name",  # Vector
    "container_name": "k8s.container.name",
    "host": "k8s.node.name",  # Fluent Bit
    "pod_node_name": "k8s.node.name",  # Vector
}


def unpack(text: str) -> Record:
    """The record of a line that may be wrapped; what the wrapping says of its pod becomes resource attributes.

    The line's own word wins. Raises `BadMessage`.
    """
    if match := _CRI.fullmatch(text):
        if match["part"] == "P":
            raise BadMessage("It is a part of a line that the container runtime has split.")
        text = match["line"]
    if not text.lstrip().startswith("{"):
        return parse(text)
    try:
        values = json.loads(text)
    except ValueError as error:
        raise BadMessage(f"It begins like JSON and isn't: {error}.") from None
    inner = next((values[name] for name in _ENVELOPE if isinstance(values.get(name), str | dict)), None)
    match inner:
        case str() if inner.strip():
            found = parse(inner)
        case dict():
            found = record(inner)
        case _:
            own = _ITS_OWN if values.keys() & _SHIPPERS else frozenset(_ENVELOPE)
            found = record({name: value for name, value in values.items() if name not in own})
    pod = values.get("kubernetes")
    return replace(found, resource={**_pod(pod), **found.resource}) if isinstance(pod, dict) else found


def _pod(pod: Mapping[str, Any]) -> dict[str, str]:
    out = {name: str(pod[key]) for key, name in _KUBERNETES.items() if pod.get(key)}
    labels = pod.get("labels") or pod.get("pod_labels") or {}
    service = next((str(labels[name]) for name in _SERVICE_LABELS if labels.get(name)), "")
    if service:
        out["service.name"] = service
    if "k8s.pod.name" in out:
        out["node_name"] = ".".join(filter(None, (out["k8s.pod.name"], out.get("k8s.namespace.name"))))
    return out
