CREATE MATERIALIZED VIEW IF NOT EXISTS services_from_logs TO services AS
SELECT toString(logs.service) AS service, max(logs.time) AS last_time
FROM logs
WHERE service != ''
GROUP BY service
