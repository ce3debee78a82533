-- What search can say of a span: a column a field of the language, under the field's name (query/search/fields.py).
CREATE VIEW IF NOT EXISTS searchable_spans AS
SELECT transaction_id, time, toUnixTimestamp64Nano(time) AS time_ns, service, duration,
       toString(status) AS status,
       name, toString(kind) AS kind, status_message, scope_name AS scope, scope_version, events.name AS event,
       attributes, resource, events.attributes AS event_attributes, links.attributes AS link_attributes,
       concat(name, '\n', status_message) AS text
FROM spans
