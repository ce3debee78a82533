-- What search can say of a span: a column a field of the language, under the field's name (query/search/fields.py).
CREATE VIEW IF NOT EXISTS searchable_spans AS
SELECT transaction_id, time, service, duration,
       toString(status) AS status,
       name, toString(kind) AS kind, status_message, scope_name AS scope, events.name AS event,
       attributes, resource,
       concat(name, '\n', status_message) AS text
FROM spans
