CREATE MATERIALIZED VIEW IF NOT EXISTS logs_from_otlp_logs TO logs AS
SELECT trace_id AS transaction_id, time, span_id, service, severity_number, severity_text, body, event_name, scope_name,
       resource, attributes
FROM otlp_logs
WHERE NOT mapContains(attributes, 'access_log_type')
