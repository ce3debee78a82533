CREATE MATERIALIZED VIEW IF NOT EXISTS services_from_spans TO services AS
SELECT toString(spans.service) AS service, max(spans.time) AS last_time
FROM spans
WHERE service != ''
GROUP BY service
