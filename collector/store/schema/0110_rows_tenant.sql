-- Whose row it is: '' where tenants are not told apart. The token or header of the request says so, at the edge.
-- Every read is of one tenant: store/tenants.py. Rows of one tenant have one value here, which costs next to nothing, and the
-- sort keys stay: a look-up by ID reads the same granules, whoever's they are.
ALTER TABLE otlp_logs ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1));

ALTER TABLE spans ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1));

ALTER TABLE logs ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1));

ALTER TABLE access_logs ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1));

ALTER TABLE half_edges ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1));

ALTER TABLE proxy_stats ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
