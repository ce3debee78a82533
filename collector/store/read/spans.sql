-- Also the spans of traces that began behind a service that passed on x-transaction-id only: its access logs know them.
WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT lower(hex(transaction_id)), lower(hex(span_id)), lower(hex(parent_span_id)), toUnixTimestamp64Nano(time), duration,
       service, name, toString(kind), toString(status), status_message, scope_name, scope_version, scope_attributes, resource, attributes,
       arrayMap(t -> toUnixTimestamp64Nano(t), events.time), events.name, events.attributes,
       arrayMap(t -> lower(hex(t)), links.trace_id), arrayMap(s -> lower(hex(s)), links.span_id), links.attributes,
       mapApply((k, type) -> (k, toString(type)), attribute_types)
FROM spans
WHERE transaction_id = id
   OR transaction_id GLOBAL IN (SELECT trace_id FROM access_logs WHERE transaction_id = id AND trace_id != toFixedString('', 16))
ORDER BY spans.time
LIMIT %(limit)s
