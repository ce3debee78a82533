-- The log lines of several transactions, at most %(limit)s of each.
SELECT lower(hex(transaction_id)), lower(hex(span_id)), toUnixTimestamp64Nano(time), service, severity_number, severity_text,
       body, event_name, scope_name, resource, attributes
FROM logs
WHERE transaction_id IN (SELECT arrayJoin(arrayMap(id -> toFixedString(unhex(id), 16), CAST(%(ids)s AS Array(String)))))
ORDER BY transaction_id, logs.time
LIMIT %(limit)s BY transaction_id
