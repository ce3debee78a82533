SELECT lower(hex(transaction_id)), lower(hex(span_id)), lower(hex(parent_span_id)), lower(hex(upstream_span_id)), service,
       proxy_role, toUnixTimestamp64Nano(access_logs.time), response_code, response_flags, response_code_details,
       connection_termination_details, upstream_attempts, grpc_status, toString(kind)
FROM access_logs
PREWHERE $WITHIN
ORDER BY access_logs.time
LIMIT 10000
