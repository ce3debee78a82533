-- Lines the applications logged.
CREATE TABLE IF NOT EXISTS logs (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  severity_number UInt8 CODEC(ZSTD(1)),
  severity_text LowCardinality(String) CODEC(ZSTD(1)),
  body String CODEC(ZSTD(1)),
  event_name LowCardinality(String) CODEC(ZSTD(1)),
  scope_name LowCardinality(String) CODEC(ZSTD(1)),
  resource Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (intDiv(toUnixTimestamp64Nano(time), 900000000000), transaction_id, time)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS logs_from_otlp_logs TO logs AS
SELECT tenant, trace_id AS transaction_id, time, span_id, service, severity_number, severity_text, body, event_name, scope_name,
       resource, attributes
FROM otlp_logs
WHERE NOT mapContains(attributes, 'access_log_type')
