CREATE MATERIALIZED VIEW IF NOT EXISTS operations_from_spans TO operations AS
SELECT toString(spans.service) AS service, toString(spans.name) AS name, toString(spans.kind) AS kind,
       max(spans.time) AS last_time
FROM spans
WHERE service != ''
GROUP BY service, name, kind
