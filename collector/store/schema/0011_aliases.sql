-- Other names of a transaction. Envoy rewrites the character at index 14 of an x-request-id (the UUID's version), so the
-- key has it masked; what reads by alias masks the same way (read/resolve.sql).
CREATE TABLE IF NOT EXISTS aliases (
  alias_key String MATERIALIZED if(match(alias, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
                                   concat(substring(lower(alias), 1, 14), '_', substring(lower(alias), 16)), alias) CODEC(ZSTD(1)),
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  alias String CODEC(ZSTD(1)),
  kind LowCardinality(String) COMMENT 'request_id, trace_id or application' CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (alias_key, transaction_id)
SETTINGS non_replicated_deduplication_window = 10000
