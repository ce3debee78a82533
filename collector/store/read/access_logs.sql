WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT lower(hex(transaction_id)), lower(hex(trace_id)), lower(hex(span_id)), lower(hex(parent_span_id)),
       lower(hex(upstream_span_id)), toUnixTimestamp64Nano(time), duration, service, proxy_role, node_id, log_type, method,
       authority, path, protocol, response_code, response_flags, response_code_details,
       upstream_transport_failure_reason, connection_termination_details, upstream_cluster, upstream_host,
       upstream_attempts, route_name, request_id, stream_id, bytes_received, bytes_sent, grpc_status, resource, attributes,
       toString(kind)
FROM access_logs
WHERE transaction_id = id
ORDER BY access_logs.time
LIMIT %(limit)s
