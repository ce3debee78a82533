-- One row a span out of concatenated ExportTraceServiceRequests (otlp_spans.proto). $VALUE and $KEY_VALUES stand for
-- the types of any_value.type, $LAMBDAS for any_value.sql. The resource's map is built once per ResourceSpans, the scope's once per ScopeSpans.
-- {tenant:String} is a parameter of the request: all rows of an insert are one tenant's.
-- A span without a valid id fails the batch (OTLP: such a span is invalid); the caller finds the message by halving.
INSERT INTO spans (tenant, time, duration, transaction_id, span_id, parent_span_id, trace_state, flags, name, kind, service,
  status, status_message, scope_name, scope_version, scope_attributes, resource, attributes, attribute_types,
  events.time, events.name, events.attributes, links.trace_id, links.span_id, links.attributes)
WITH
$LAMBDAS
SELECT
  {tenant:String},
  fromUnixTimestamp64Nano(span.start_time_unix_nano::Int64),
  if(span.end_time_unix_nano > span.start_time_unix_nano, span.end_time_unix_nano - span.start_time_unix_nano, 0),
  toFixedString(span.trace_id, 16), toFixedString(span.span_id, 8), toFixedString(span.parent_span_id, 8),
  span.trace_state, span.flags, span.name, if(span.kind BETWEEN 0 AND 5, span.kind, 0), service,
  if(span.status.code BETWEEN 0 AND 2, span.status.code, 0), span.status.message,
  scope_name, scope_version, scope_attributes, resource, to_map(span.attributes), to_types(span.attributes),
  arrayMap(t -> fromUnixTimestamp64Nano(t::Int64), span.events.time_unix_nano), span.events.name,
  arrayMap(a -> to_map(a), span.events.attributes),
  arrayMap(id -> toFixedString(id, 16), span.links.trace_id), arrayMap(id -> toFixedString(id, 8), span.links.span_id),
  arrayMap(a -> to_map(a), span.links.attributes)
FROM (
  SELECT resource, resource['service.name'] AS service, scope_spans.scope.name AS scope_name,
    scope_spans.scope.version AS scope_version, to_map(scope_spans.scope.attributes) AS scope_attributes, scope_spans.spans AS spans
  FROM (
    SELECT to_map(resource.attributes) AS resource, scope_spans
    FROM input('resource Tuple(attributes $KEY_VALUES), scope_spans Array(Tuple(scope Tuple(name LowCardinality(String), version LowCardinality(String), attributes $KEY_VALUES), spans Array(Tuple(trace_id String, span_id String, parent_span_id String, trace_state String, flags UInt32, name LowCardinality(String), kind Int32, start_time_unix_nano UInt64, end_time_unix_nano UInt64, attributes $KEY_VALUES, events Array(Tuple(time_unix_nano UInt64, name LowCardinality(String), attributes $KEY_VALUES)), links Array(Tuple(trace_id String, span_id String, attributes $KEY_VALUES)), status Tuple(code Int32, message String)))))')
  ) ARRAY JOIN scope_spans
) ARRAY JOIN spans AS span
WHERE NOT throwIf(length(span.trace_id) != 16 OR span.trace_id = unhex('00000000000000000000000000000000'),
                  'a span whose trace_id is not 16 bytes with one that is not zero')
  AND NOT throwIf(length(span.span_id) != 8 OR span.span_id = unhex('0000000000000000'),
                  'a span whose span_id is not 8 bytes with one that is not zero')
FORMAT ProtobufList
