CREATE VIEW IF NOT EXISTS searchable_logs AS
SELECT transaction_id, time, service,
       body AS log, severity_number AS level, scope_name AS scope, event_name AS event,
       attributes, resource,
       body AS text
FROM logs
