SELECT reinterpretAsUInt64(span_id), toUnixTimestamp64Nano(access_logs.time), service, log_type, request_id, stream_id, path, duration, response_code,
       upstream_host, upstream_attempts
FROM access_logs
WHERE transaction_id IN (SELECT id FROM ids)
  AND $FROM_TO AND access_logs.time >= fromUnixTimestamp64Nano(%(since)s) AND access_logs.time <= fromUnixTimestamp64Nano(%(until)s)
