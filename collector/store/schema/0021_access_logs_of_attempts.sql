-- As before, and for an attempt's log (access_log_type UpstreamEnd): Envoy knows no trace id there, but the traceparent is
-- the one that this attempt sent, so its span id is always upstream_span_id; upstream_attempts is the attempt's number,
-- 0 where the proxy doesn't count; the duration ends with the last byte received from upstream.
ALTER TABLE access_logs_from_otlp_logs MODIFY QUERY
WITH
  (key -> if(otlp_logs.attributes[key] = '-', '', otlp_logs.attributes[key])) AS field,
  (text -> if(match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-'), unhex(substring(text, 37, 16)), '')) AS span_id_of,
  (text -> if(match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-'), unhex(substring(text, 4, 32)), '')) AS trace_id_of,
  field('transaction_id') AS transaction,
  startsWith(field('access_log_type'), 'Upstream') AS attempt,
  toUInt16OrZero(field('upstream_request_attempt_count')) AS attempts,
  if(attempt AND otlp_logs.trace_id = toFixedString('', 16),
     toFixedString(trace_id_of(field('upstream_traceparent')), 16), otlp_logs.trace_id) AS trace
SELECT
  if(match(transaction, '^[0-9a-f]{32}$'), toFixedString(unhex(transaction), 16), trace) AS transaction_id,
  time,
  if(field('duration_us') != '', toUInt64OrZero(field('duration_us')) * 1000, toUInt64OrZero(field('duration_ms')) * 1000000) AS duration,
  trace AS trace_id,
  span_id,
  toFixedString(span_id_of(field('parent_traceparent')), 8) AS parent_span_id,
  toFixedString(if(attempt OR (attempts > 0 AND field('upstream_traceparent') != field('parent_traceparent')),
                   span_id_of(field('upstream_traceparent')), ''), 8) AS upstream_span_id,
  service,
  resource['weftline.proxy.role'] AS proxy_role,
  resource['node_name'] AS node_id,
  field('access_log_type') AS log_type,
  field('method') AS method,
  field('authority') AS authority,
  field('path') AS path,
  field('protocol') AS protocol,
  toUInt16OrZero(field('response_code')) AS response_code,
  field('response_flags') AS response_flags,
  field('response_code_details') AS response_code_details,
  field('upstream_transport_failure_reason') AS upstream_transport_failure_reason,
  field('connection_termination_details') AS connection_termination_details,
  field('upstream_cluster') AS upstream_cluster,
  field('upstream_host') AS upstream_host,
  attempts AS upstream_attempts,
  field('route_name') AS route_name,
  field('request_id') AS request_id,
  field('stream_id') AS stream_id,
  toUInt64OrZero(field('bytes_received')) AS bytes_received,
  toUInt64OrZero(field('bytes_sent')) AS bytes_sent,
  field('grpc_status') AS grpc_status,
  resource,
  mapFilter((k, v) -> v NOT IN ('-', '') AND k NOT IN (
    'access_log_type', 'transaction_id', 'parent_traceparent', 'upstream_traceparent', 'duration_us', 'duration_ms', 'method', 'authority',
    'path', 'protocol', 'response_code', 'response_flags', 'response_code_details', 'upstream_transport_failure_reason',
    'connection_termination_details', 'upstream_cluster', 'upstream_host', 'upstream_request_attempt_count', 'route_name',
    'request_id', 'stream_id', 'bytes_received', 'bytes_sent', 'grpc_status'), otlp_logs.attributes) AS attributes
FROM otlp_logs
WHERE mapContains(otlp_logs.attributes, 'access_log_type')
