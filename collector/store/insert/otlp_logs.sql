-- One row a log record out of concatenated ExportLogsServiceRequests (otlp_logs.proto); placeholders as in otlp_spans.sql.
-- The table keeps nothing: its views put application logs and Envoy's access logs where they belong.
-- An id of a wrong length means "not associated" (OTLP), not an error.
-- An Envoy that isn't told its service (Istio's provider) has that of its own cluster, and its role among the attributes.
INSERT INTO otlp_logs (tenant, time, trace_id, span_id, flags, severity_number, severity_text, body, event_name, service,
  scope_name, resource, attributes)
WITH
$LAMBDAS
SELECT
  {tenant:String},
  fromUnixTimestamp64Nano(if(record.time_unix_nano > 0, record.time_unix_nano, record.observed_time_unix_nano)::Int64),
  toFixedString(if(length(record.trace_id) = 16, record.trace_id, ''), 16),
  toFixedString(if(length(record.span_id) = 8, record.span_id, ''), 8),
  record.flags, if(record.severity_number BETWEEN 0 AND 24, record.severity_number, 0), record.severity_text,
  value_text(record.body.string_value, record.body.bool_value, record.body.int_value, record.body.double_value,
             record.body.array_value.values, record.body.kvlist_value.values, record.body.bytes_value),
  record.event_name,
  if(service = '' AND mapContains(record_attributes, 'access_log_type'), resource['cluster_name'], service),
  scope_logs.scope.name,
  if(record_attributes['weftline.proxy.role'] IN ('', '-'), resource,
     mapUpdate(resource, map('weftline.proxy.role', record_attributes['weftline.proxy.role'])::Map(LowCardinality(String), String))),
  to_map(record.attributes) AS record_attributes
FROM (
  SELECT resource, resource['service.name'] AS service, scope_logs
  FROM (
    SELECT to_map(resource.attributes) AS resource, scope_logs
    FROM input('resource Tuple(attributes $KEY_VALUES), scope_logs Array(Tuple(scope Tuple(name LowCardinality(String)), log_records Array(Tuple(time_unix_nano UInt64, observed_time_unix_nano UInt64, severity_number Int32, severity_text LowCardinality(String), event_name LowCardinality(String), flags UInt32, trace_id String, span_id String, body $VALUE, attributes $KEY_VALUES))))')
  ) ARRAY JOIN scope_logs
) ARRAY JOIN scope_logs.log_records AS record
FORMAT ProtobufList
