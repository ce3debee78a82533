-- The spans of several traces, at most %(limit)s of each.
SELECT lower(hex(transaction_id)), lower(hex(span_id)), lower(hex(parent_span_id)), toUnixTimestamp64Nano(time), duration,
       service, name, toString(kind), toString(status), status_message, scope_name, scope_version, scope_attributes, resource, attributes,
       arrayMap(t -> toUnixTimestamp64Nano(t), events.time), events.name, events.attributes,
       arrayMap(t -> lower(hex(t)), links.trace_id), arrayMap(s -> lower(hex(s)), links.span_id), links.attributes,
       mapApply((k, type) -> (k, toString(type)), attribute_types)
FROM spans
WHERE transaction_id IN (SELECT arrayJoin(arrayMap(id -> toFixedString(unhex(id), 16), %(ids)s)))
ORDER BY transaction_id, spans.time
LIMIT %(limit)s BY transaction_id
