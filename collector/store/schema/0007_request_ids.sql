-- Aliases the other way round: under which transaction ID the records are that have nothing but this transaction's
-- x-request-id (access_logs_from_otlp_logs), so that they are found without a scan. Whoever paired the two may come before or
-- after them.
CREATE TABLE IF NOT EXISTS request_ids (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  request_transaction_id FixedString(16) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (transaction_id, request_transaction_id, tenant)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS request_ids_from_aliases TO request_ids AS
SELECT
  tenant,
  transaction_id,
  toFixedString(if(match(alias, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
                   unhex(replaceAll(concat(substring(lower(alias), 1, 14), '0', substring(lower(alias), 16)), '-', '')),
                   toString(MD5(alias))), 16) AS request_transaction_id,
  time
FROM aliases
WHERE kind = 'request_id' AND request_transaction_id != transaction_id
