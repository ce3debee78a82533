WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT lower(hex(transaction_id)), lower(hex(span_id)), toUnixTimestamp64Nano(time), service, severity_number, severity_text,
       body, event_name, scope_name, resource, attributes
FROM logs
WHERE transaction_id = id
   OR transaction_id GLOBAL IN (SELECT trace_id FROM access_logs WHERE transaction_id = id AND trace_id != toFixedString('', 16))
ORDER BY logs.time
LIMIT %(limit)s
