"""Records → the bytes of an OTLP ExportLogsServiceRequest, as Envoy's own logger would have sent them. Pure."""

from collections.abc import Iterable, Mapping

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from weftline.collector.lines.access_log import Record


def request(records: Iterable[Record]) -> bytes:
    """One request; records of one resource stand together, in their order."""
    groups: dict[tuple[tuple[str, str], ...], ResourceLogs] = {}
    out = ExportLogsServiceRequest()
    for record in records:
        key = tuple(sorted(record.resource.items()))
        group = groups.get(key)
        if group is None:
            group = groups[key] = out.resource_logs.add()
            group.resource.attributes.extend(_attributes(record.resource))
            group.scope_logs.add()
        group.scope_logs[0].log_records.append(
            LogRecord(
                time_unix_nano=record.time,
                trace_id=record.trace_id,
                span_id=record.span_id,
                attributes=_attributes(record.fields),
            )
        )
    return out.SerializeToString()


def _attributes(values: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=text)) for name, text in values.items()]
