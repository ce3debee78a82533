-- What each service's spans were called.
CREATE TABLE IF NOT EXISTS operations (
  service String,
  name String,
  kind LowCardinality(String),
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
ORDER BY (service, name, kind, tenant)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS operations_from_spans TO operations AS
SELECT spans.tenant AS tenant, toString(spans.service) AS service, toString(spans.name) AS name, toString(spans.kind) AS kind,
       max(spans.time) AS last_time
FROM spans
WHERE service != ''
GROUP BY service, name, kind, tenant
