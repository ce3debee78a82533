-- Spans of one day in the order they are stored in, so that nothing has to be sorted or kept.
SELECT toUnixTimestamp64Nano(spans.time), duration, lower(hex(transaction_id)), lower(hex(span_id)), lower(hex(parent_span_id)), trace_state, flags,
       name, toInt8(kind), toInt8(status), status_message, scope_name, scope_version, scope_attributes, resource, attributes,
       arrayMap(t -> toUnixTimestamp64Nano(t), events.time), events.name, events.attributes,
       arrayMap(t -> lower(hex(t)), links.trace_id), arrayMap(s -> lower(hex(s)), links.span_id), links.attributes,
       mapApply((k, type) -> (k, toString(type)), attribute_types)
FROM spans
WHERE toDate(spans.time) = toDate(%(day)s)
  AND spans.time >= fromUnixTimestamp64Nano(%(since)s) AND spans.time < fromUnixTimestamp64Nano(%(until)s) AND $SELECTED
ORDER BY intDiv(toUnixTimestamp64Nano(spans.time), 900000000000), transaction_id, spans.time
