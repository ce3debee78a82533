SELECT reinterpretAsUInt128(transaction_id), reinterpretAsUInt64(span_id), toUnixTimestamp64Nano(logs.time), service, severity_number, event_name, xxh3(body)
FROM logs
WHERE transaction_id IN (SELECT id FROM ids)
  AND $FROM_TO AND logs.time >= fromUnixTimestamp64Nano(%(since)s) AND logs.time <= fromUnixTimestamp64Nano(%(until)s)
