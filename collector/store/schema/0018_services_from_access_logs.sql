CREATE MATERIALIZED VIEW IF NOT EXISTS services_from_access_logs TO services AS
SELECT toString(access_logs.service) AS service, max(access_logs.time) AS last_time
FROM access_logs
WHERE service != ''
GROUP BY service
