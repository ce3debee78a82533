-- The same access log may come twice by two ways: a sum would count it twice. Sets of record_id don't, in whatever order
-- the rows come: read them with uniqMerge. errors keeps the spans' and logs'.
ALTER TABLE transactions
  ADD COLUMN IF NOT EXISTS access_log_records AggregateFunction(uniq, UInt64) COMMENT 'record_ids of requests and connections that are over' CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS access_log_errors AggregateFunction(uniq, UInt64) COMMENT 'of those, the ones that ended from 500 on, without a response, or with a flag that is not harmless' CODEC(ZSTD(1)),
  MODIFY COLUMN errors COMMENT 'spans with status error, logs from ERROR on; not access logs',
  MODIFY COLUMN access_logs COMMENT 'no longer counted here: uniqMerge(access_log_records)'
