-- Aliases the other way round: under which transaction ID the records are that have nothing but this transaction's
-- x-request-id (0023), so that they are found without a scan. Whoever paired the two may come before or after them.
CREATE TABLE IF NOT EXISTS request_ids (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  request_transaction_id FixedString(16) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (transaction_id, request_transaction_id)
SETTINGS non_replicated_deduplication_window = 10000
