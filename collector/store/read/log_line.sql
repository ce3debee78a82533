-- As span_line.sql.
formatRow('JSONCompactEachRow',
       lower(hex(transaction_id)), lower(hex(span_id)), toUnixTimestamp64Nano(time), service, severity_number, severity_text,
       body, event_name, scope_name, resource, attributes) AS line
