-- Rate, errors and duration of spans by service, operation, kind and minute. The sketch's quantiles are off by 1 % at the most.
-- proxy tells Envoys' spans from the application's, which bear the same service: read/red.sql counts a request once. It is the
-- proxy's role, 'proxy' where that isn't said, '' for an application. Envoy's scope tells (looking for its tag in every span's
-- attributes would cost three times as much); spans of formats that know no scope get it as they come in (edge/otel_tags.py).
CREATE TABLE IF NOT EXISTS span_metrics (
  minute DateTime('UTC') COMMENT 'of the start of the span' CODEC(Delta, ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  name LowCardinality(String) CODEC(ZSTD(1)),
  kind LowCardinality(String) CODEC(ZSTD(1)),
  calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
  errors SimpleAggregateFunction(sum, UInt64) COMMENT 'with status error' CODEC(T64, ZSTD(1)),
  duration AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), UInt64) COMMENT 'ns' CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  proxy LowCardinality(String) COMMENT 'role of the Envoy whose span it is, empty for an application' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (service, minute, name, kind, tenant, proxy)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_metrics_from_spans TO span_metrics AS
SELECT spans.tenant AS tenant, toStartOfMinute(toDateTime(spans.time, 'UTC')) AS minute, service, name, toString(spans.kind) AS kind,
       count() AS calls, countIf(status = 'error') AS errors,
       quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(spans.duration) AS duration,
       if(scope_name = 'envoy', if(resource['weftline.proxy.role'] != '', resource['weftline.proxy.role'], 'proxy'), '') AS proxy
FROM spans
WHERE service != ''
GROUP BY minute, service, name, kind, tenant, proxy
