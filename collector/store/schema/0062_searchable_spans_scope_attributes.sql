-- As 0050, with the scope's attributes.
CREATE OR REPLACE VIEW searchable_spans AS
SELECT transaction_id, time, toUnixTimestamp64Nano(time) AS time_ns, service, duration,
       toString(status) AS status,
       name, toString(kind) AS kind, status_message, scope_name AS scope, scope_version, events.name AS event,
       attributes, resource, scope_attributes, events.attributes AS event_attributes, links.attributes AS link_attributes,
       concat(name, '\n', status_message) AS text
FROM spans
