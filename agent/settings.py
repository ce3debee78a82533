"""The agent's settings: OpenTelemetry's variables by their names, ours under `WEFTLINE_AGENT_`.

A bad value never fails the observed program: :func:`load` leaves it out and says so.
"""

import dataclasses
import logging
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from weftline.agent import env
from weftline.agent.env import option
from weftline.agent.sample import Sampler, by_route

GRPC_ENDPOINT: Final = "http://127.0.0.1:4317"
Propagator = Literal["tracecontext", "baggage", "b3", "b3multi", "jaeger", "none"]
Exporter = Literal["otlp", "none"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set. Times are seconds unless their variable's OpenTelemetry meaning is milliseconds."""

    PREFIX: ClassVar[str] = "WEFTLINE_AGENT_"

    disabled: bool = option(False, "true: the agent does nothing at all", env="OTEL_SDK_DISABLED")
    service_name: str = option(
        "", "the service's name; else service.name of the resource attributes", env="OTEL_SERVICE_NAME"
    )
    resource_attributes: tuple[str, ...] = option(
        (), "key=value pairs, percent-encoded, sent with everything", env="OTEL_RESOURCE_ATTRIBUTES"
    )
    endpoint: str = option(
        "http://127.0.0.1:4318", "where OTLP is sent; for grpc http://127.0.0.1:4317", env="OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    traces_endpoint: str = option(
        "",
        "whole URL for spans, instead of endpoint + /v1/traces; for grpc its host and port count",
        env="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    )
    logs_endpoint: str = option(
        "", "whole URL for logs, instead of endpoint + /v1/logs", env="OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
    )
    headers: tuple[str, ...] = option(
        (), "key=value pairs, percent-encoded, sent as HTTP headers or gRPC metadata", env="OTEL_EXPORTER_OTLP_HEADERS"
    )
    protocol: Literal["http/protobuf", "grpc"] = option(
        "http/protobuf", "how OTLP is spoken; grpc needs grpcio", env="OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    timeout: float = option(
        10.0, "seconds (as in OpenTelemetry's Python SDK) one export may take", env="OTEL_EXPORTER_OTLP_TIMEOUT"
    )
    compression: Literal["none", "gzip"] = option(
        "none", "how request bodies are compressed", env="OTEL_EXPORTER_OTLP_COMPRESSION"
    )
    certificate: str = option(
        "", "file with the CA certificates trusted for https", env="OTEL_EXPORTER_OTLP_CERTIFICATE"
    )
    schedule_delay: int = option(1000, "milliseconds between exports of spans and logs", env="OTEL_BSP_SCHEDULE_DELAY")
    max_queue_size: int = option(
        8192, "spans, and as many logs, that may wait; newer ones are dropped", env="OTEL_BSP_MAX_QUEUE_SIZE"
    )
    max_export_batch_size: int = option(512, "spans or logs in one request", env="OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
    sampler: Sampler = option(  # noqa: RUF009 - option() makes a field, as in every line here
        "parentbased_always_on", "which transactions get spans", env="OTEL_TRACES_SAMPLER"
    )
    sampler_arg: float = option(1.0, "the share of traceidratio samplers, 0 to 1", env="OTEL_TRACES_SAMPLER_ARG")
    sample_routes: tuple[str, ...] = option(
        (), "shares by path, such as /health=0,/checkout=1,/api/*=0.1; the first that matches decides"
    )
    excluded_urls: tuple[str, ...] = option(
        (), "regular expressions of paths that get no spans", env="OTEL_PYTHON_EXCLUDED_URLS"
    )
    propagators: tuple[Propagator, ...] = option(
        ("tracecontext", "baggage"), "header formats written besides ours; all are read", env="OTEL_PROPAGATORS"
    )
    traces_exporter: Exporter = option(  # noqa: RUF009 - option() makes a field, as in every line here
        "otlp", "none: spans are not sent", env="OTEL_TRACES_EXPORTER"
    )
    logs_exporter: Exporter = option(  # noqa: RUF009 - option() makes a field, as in every line here
        "otlp", "none: log records are stamped but not sent", env="OTEL_LOGS_EXPORTER"
    )
    server_request_headers: tuple[str, ...] = option(
        (), "regular expressions of request headers that server spans record; credentials are redacted",
        env="OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    )  # fmt: skip
    server_response_headers: tuple[str, ...] = option(
        (), "the same of responses", env="OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE"
    )
    client_request_headers: tuple[str, ...] = option(
        (), "request headers that client spans record", env="OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST"
    )
    client_response_headers: tuple[str, ...] = option(
        (), "the same of responses", env="OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE"
    )
    sanitized_headers: tuple[str, ...] = option(
        (), "regular expressions of recorded headers whose values are redacted too",
        env="OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
    )  # fmt: skip
    attribute_value_length_limit: int = option(
        16384, "characters of an attribute's string that are kept", env="OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
    )
    span_attribute_count_limit: int = option(
        128, "attributes kept of a span or a log record", env="OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"
    )
    span_event_count_limit: int = option(128, "events kept of a span", env="OTEL_SPAN_EVENT_COUNT_LIMIT")
    disabled_instrumentations: tuple[str, ...] = option(
        (), "plugins left out, comma-separated; * for all", env="OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    )
    log_level: str = option("INFO", "level from which log records are sent; they are stamped at any level")
    exit_timeout: float = option(3.0, "seconds the flush at exit and on SIGTERM may take")
    status_folder: str = option(
        "", "folder of what `weftline-agent status` reads, a small file a process; none: not written; else in TMPDIR"
    )
    strict: bool = option(False, "true: errors inside advice are raised (for tests of plugins)")

    def problems(self) -> dict[str, str]:
        """Fields whose values parse but can't be used, with what was expected."""
        wrong = {}
        if not 0 <= self.sampler_arg <= 1:
            wrong["sampler_arg"] = "expected a share from 0 to 1"
        wrong |= {name: "expected a number above 0" for name in _POSITIVE if getattr(self, name) <= 0}
        for name in ("endpoint", "traces_endpoint", "logs_endpoint"):
            if getattr(self, name) and not _is_url(getattr(self, name)):
                wrong[name] = "expected an http:// or https:// URL"
        try:
            by_route(self.sample_routes, (), lambda _trace_id, _flags: True)
        except ValueError:
            wrong["sample_routes"] = "expected /path=share, with shares from 0 to 1"
        try:
            by_route((), self.excluded_urls, lambda _trace_id, _flags: True)
        except re.error:
            wrong["excluded_urls"] = "expected regular expressions"
        wrong |= {name: "expected regular expressions" for name in _PATTERNS if not _are_patterns(getattr(self, name))}
        if level(self.log_level) is None:
            wrong["log_level"] = "expected a level's name or number"
        return wrong


_POSITIVE = (
    "timeout", "schedule_delay", "max_queue_size", "max_export_batch_size", "attribute_value_length_limit",
    "span_attribute_count_limit", "span_event_count_limit", "exit_timeout",
)  # fmt: skip


_PATTERNS = (
    "server_request_headers", "server_response_headers", "client_request_headers", "client_response_headers",
    "sanitized_headers",
)  # fmt: skip


def load(environ: Mapping[str, str]) -> tuple[Settings, str]:
    """The settings, and what was wrong in one sentence (empty if nothing). Bad values give way to the defaults."""
    wrong: list[str] = []
    known = {variable.name: variable.field for variable in env.variables(Settings)}
    usable = {}
    for name in sorted(environ):
        if name not in known and not name.startswith(Settings.PREFIX):
            continue
        try:
            env.read(Settings, {name: environ[name]})
            usable[name] = environ[name]
        except env.SettingsError as error:
            wrong.append(str(error))
    settings = env.read(Settings, usable)
    names = {field: name for name, field in known.items()}
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Settings)}
    if settings.protocol == "grpc":
        defaults["endpoint"] = GRPC_ENDPOINT
        if names["endpoint"] not in usable:
            settings = dataclasses.replace(settings, endpoint=GRPC_ENDPOINT)
    bad = settings.problems()
    wrong += [f"{names[field]}={getattr(settings, field)!r}: {expected}" for field, expected in bad.items()]
    return dataclasses.replace(settings, **{field: defaults[field] for field in bad}), "; ".join(wrong)


def pairs(items: tuple[str, ...]) -> dict[str, str]:
    """`key=value` items as OpenTelemetry's variables have them: percent-decoded, malformed ones left out."""
    parts = (item.partition("=") for item in items)
    return {
        urllib.parse.unquote(key.strip()): urllib.parse.unquote(value.strip())
        for key, equals, value in parts
        if equals and key.strip()
    }


def level(text: str) -> int | None:
    """A logging level's number by its name or its number."""
    if text.strip().isdigit():
        return int(text)
    return logging.getLevelNamesMapping().get(text.strip().upper())


def _are_patterns(texts: tuple[str, ...]) -> bool:
    try:
        return all(re.compile(text) for text in texts)
    except re.error:
        return False


def _is_url(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
