-- A span as one line of JSON, an array of the fields that store/lines.py makes a row of. Much of what a look-up costs is a column of
-- its answer, and the driver's work for each cell of it; this is one column, and decoded at once.
formatRow('JSONCompactEachRow',
       lower(hex(transaction_id)), lower(hex(span_id)), lower(hex(parent_span_id)), toUnixTimestamp64Nano(time), duration,
       service, name, kind, status, status_message, scope_name, scope_version, scope_attributes, resource, attributes,
       arrayMap(t -> toUnixTimestamp64Nano(t), events.time), events.name, events.attributes,
       arrayMap(t -> lower(hex(t)), links.trace_id), arrayMap(s -> lower(hex(s)), links.span_id), links.attributes,
       attribute_types) AS line
