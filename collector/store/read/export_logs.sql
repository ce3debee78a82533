SELECT toUnixTimestamp64Nano(logs.time), lower(hex(transaction_id)), lower(hex(span_id)), severity_number, severity_text, body, event_name, scope_name,
       resource, attributes
FROM logs
WHERE toDate(logs.time) = toDate(%(day)s)
  AND logs.time >= fromUnixTimestamp64Nano(%(since)s) AND logs.time < fromUnixTimestamp64Nano(%(until)s) AND $SELECTED
ORDER BY intDiv(toUnixTimestamp64Nano(logs.time), 900000000000), transaction_id, logs.time
