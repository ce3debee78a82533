CREATE TABLE IF NOT EXISTS services (
  service String,
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
ORDER BY (service, tenant)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS services_from_spans TO services AS
SELECT spans.tenant AS tenant, toString(spans.service) AS service, max(spans.time) AS last_time
FROM spans
WHERE service != ''
GROUP BY service, tenant;

CREATE MATERIALIZED VIEW IF NOT EXISTS services_from_logs TO services AS
SELECT logs.tenant AS tenant, toString(logs.service) AS service, max(logs.time) AS last_time
FROM logs
WHERE service != ''
GROUP BY service, tenant;

CREATE MATERIALIZED VIEW IF NOT EXISTS services_from_access_logs TO services AS
SELECT access_logs.tenant AS tenant, toString(access_logs.service) AS service, max(access_logs.time) AS last_time
FROM access_logs
WHERE service != ''
GROUP BY service, tenant
