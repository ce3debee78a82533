"""The messages and services of Jaeger's `api_v2` and `api_v3`, as far as they are served: names, numbers and types.

Built at import out of the tables below with protobuf's own descriptors, so no generated code is kept. Source:
jaeger-idl, `proto/api_v2/{model,query}.proto` and `proto/api_v3/query_service.proto`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pool, duration_pb2, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from opentelemetry.proto.trace.v1 import trace_pb2

V2: Final = "jaeger.api_v2"
V3: Final = "jaeger.api_v3"
_TIME: Final = "google.protobuf.Timestamp"
_DURATION: Final = "google.protobuf.Duration"
_QUERY: Final = (
    "string service_name 1", "string operation_name 2", f"{_TIME} start_time_min 4", f"{_TIME} start_time_max 5",
    f"{_DURATION} duration_min 6", f"{_DURATION} duration_max 7", "int32 search_depth 8", "bool raw_traces 9",
)  # fmt: skip
_PERIOD: Final = (f"{_TIME} start_time 1", f"{_TIME} end_time 2")

V2_ENUMS: Final = {
    "ValueType": ("STRING", "BOOL", "INT64", "FLOAT64", "BINARY"),
    "SpanRefType": ("CHILD_OF", "FOLLOWS_FROM"),
}
V2_MESSAGES: Final[dict[str, Sequence[str]]] = {
    "KeyValue": (
        "string key 1", "ValueType v_type 2", "string v_str 3", "bool v_bool 4", "int64 v_int64 5",
        "double v_float64 6", "bytes v_binary 7",
    ),
    "Log": (f"{_TIME} timestamp 1", "repeated KeyValue fields 2"),
    "SpanRef": ("bytes trace_id 1", "bytes span_id 2", "SpanRefType ref_type 3"),
    "Process": ("string service_name 1", "repeated KeyValue tags 2"),
    "Span": (
        "bytes trace_id 1", "bytes span_id 2", "string operation_name 3", "repeated SpanRef references 4",
        "uint32 flags 5", f"{_TIME} start_time 6", f"{_DURATION} duration 7", "repeated KeyValue tags 8",
        "repeated Log logs 9", "Process process 10", "string process_id 11", "repeated string warnings 12",
    ),
    "DependencyLink": ("string parent 1", "string child 2", "uint64 call_count 3", "string source 4"),
    "GetTraceRequest": ("bytes trace_id 1", f"{_TIME} start_time 2", f"{_TIME} end_time 3", "bool raw_traces 4"),
    "SpansResponseChunk": ("repeated Span spans 1",),
    "ArchiveTraceRequest": ("bytes trace_id 1", f"{_TIME} start_time 2", f"{_TIME} end_time 3"),
    "ArchiveTraceResponse": (),
    "TraceQueryParameters": (*_QUERY, "map tags 3"),
    "FindTracesRequest": ("TraceQueryParameters query 1",),
    "GetServicesRequest": (),
    "GetServicesResponse": ("repeated string services 1",),
    "GetOperationsRequest": ("string service 1", "string span_kind 2"),
    "Operation": ("string name 1", "string span_kind 2"),
    "GetOperationsResponse": ("repeated string operationNames 1", "repeated Operation operations 2"),
    "GetDependenciesRequest": _PERIOD,
    "GetDependenciesResponse": ("repeated DependencyLink dependencies 1",),
}  # fmt: skip
V3_MESSAGES: Final[dict[str, Sequence[str]]] = {
    "GetTraceRequest": ("string trace_id 1", f"{_TIME} start_time 2", f"{_TIME} end_time 3", "bool raw_traces 4"),
    "TraceQueryParameters": (*_QUERY, "map attributes 3"),
    "FindTracesRequest": ("TraceQueryParameters query 1",),
    "GetServicesRequest": (),
    "GetServicesResponse": ("repeated string services 1",),
    "GetOperationsRequest": ("string service 1", "string span_kind 2"),
    "Operation": ("string name 1", "string span_kind 2"),
    "GetOperationsResponse": ("repeated Operation operations 1",),
    "GetDependenciesRequest": _PERIOD,
    "Dependency": ("string parent 1", "string child 2", "uint64 call_count 3"),
    "DependenciesResponse": ("repeated Dependency dependencies 1",),
    "ServiceSummary": ("string name 1", "int32 span_count 2", "int32 error_span_count 3"),
    "TraceSummary": (
        "string trace_id 1", "string root_service_name 2", "string root_operation_name 3",
        "fixed64 min_start_time_unix_nano 4", "fixed64 max_end_time_unix_nano 5", "int32 span_count 6",
        "int32 error_span_count 7", "int32 orphan_span_count 8", "repeated ServiceSummary services 9",
    ),
    "FindTraceSummariesRequest": ("TraceQueryParameters query 1",),
    "FindTraceSummariesResponse": ("repeated TraceSummary summaries 1",),
}  # fmt: skip


class Method(NamedTuple):
    """One method of a service; ``answer`` is a message's name in the same package, or a full name."""

    name: str
    request: str
    answer: str
    streams: bool = False


_TRACES: Final = "opentelemetry.proto.trace.v1.TracesData"
METHODS: Final = {
    V2: (
        Method("GetTrace", "GetTraceRequest", "SpansResponseChunk", streams=True),
        Method("ArchiveTrace", "ArchiveTraceRequest", "ArchiveTraceResponse"),
        Method("FindTraces", "FindTracesRequest", "SpansResponseChunk", streams=True),
        Method("GetServices", "GetServicesRequest", "GetServicesResponse"),
        Method("GetOperations", "GetOperationsRequest", "GetOperationsResponse"),
        Method("GetDependencies", "GetDependenciesRequest", "GetDependenciesResponse"),
    ),
    V3: (
        Method("GetTrace", "GetTraceRequest", _TRACES, streams=True),
        Method("FindTraces", "FindTracesRequest", _TRACES, streams=True),
        Method("GetServices", "GetServicesRequest", "GetServicesResponse"),
        Method("GetOperations", "GetOperationsRequest", "GetOperationsResponse"),
        Method("GetDependencies", "GetDependenciesRequest", "DependenciesResponse"),
        Method("FindTraceSummaries", "FindTraceSummariesRequest", "FindTraceSummariesResponse", streams=True),
    ),
}
_SCALARS: Final = {
    name: getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("string", "bytes", "bool", "int32", "int64", "uint32", "uint64", "fixed64", "double")
}


def _file(
    name: str, package: str, messages: Mapping[str, Sequence[str]], enums: Mapping[str, Sequence[str]]
) -> FileDescriptorProto:
    file = FileDescriptorProto(name=name, package=package, syntax="proto3")
    file.dependency.extend(one.DESCRIPTOR.name for one in (timestamp_pb2, duration_pb2, trace_pb2))
    for enum, values in enums.items():
        described = file.enum_type.add(name=enum)
        for number, value in enumerate(values):
            described.value.add(name=value, number=number)
    for message, fields in messages.items():
        _describe(file.message_type.add(name=message), fields, package, enums)
    service = file.service.add(name="QueryService")
    for method in METHODS[package]:
        service.method.add(
            name=method.name,
            input_type=f".{package}.{method.request}",
            output_type=f".{_full(method.answer, package)}",
            server_streaming=method.streams,
        )
    return file


def _describe(
    message: DescriptorProto, fields: Sequence[str], package: str, enums: Mapping[str, Sequence[str]]
) -> None:
    for text in fields:
        *label, kind, name, number = text.split()
        field = message.field.add(name=name, number=int(number))
        field.label = FieldDescriptorProto.LABEL_REPEATED if label else FieldDescriptorProto.LABEL_OPTIONAL
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        elif kind == "map":
            entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
            entry.options.map_entry = True
            _describe(entry, ("string key 1", "string value 2"), package, {})
            field.label = FieldDescriptorProto.LABEL_REPEATED
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{package}.{message.name}.{entry.name}"
        else:
            field.type = FieldDescriptorProto.TYPE_ENUM if kind in enums else FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{_full(kind, package)}"


def _full(name: str, package: str) -> str:
    return name if "." in name else f"{package}.{name}"


def message(package: str, name: str) -> type[Any]:
    """The class of a message; ``name`` may be a full name of another package."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(_full(name, package)))


_POOL: Final = descriptor_pool.Default()
_POOL.Add(_file("jaeger/api_v2/query.proto", V2, V2_MESSAGES, V2_ENUMS))
_POOL.Add(_file("jaeger/api_v3/query_service.proto", V3, V3_MESSAGES, {}))
