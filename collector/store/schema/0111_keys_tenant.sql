-- Where rows of one key merge into one, those of two tenants must not: an ID that two tenants use is two transactions.
ALTER TABLE transactions ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (transaction_id, tenant);

ALTER TABLE aliases ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (alias_key, transaction_id, tenant);

ALTER TABLE request_ids ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (transaction_id, request_transaction_id, tenant);

ALTER TABLE services ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (service, tenant);

ALTER TABLE operations ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (service, name, kind, tenant);

ALTER TABLE events ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (time, id, tenant);

ALTER TABLE span_metrics ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (service, minute, name, kind, tenant);

ALTER TABLE proxy_records ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1)),
  MODIFY ORDER BY (node_id, second, tenant)
