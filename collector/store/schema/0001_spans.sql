-- Spans, ordered by quarter hour (UTC) and transaction: a search reads the quarter hours of its window, a look-up one or two
-- granules of those that its row in `transactions` names (read/within.sql). A number, not a DateTime: any time has one.
-- trace_id and transaction ID are one thing here.
-- Parts stay compact up to 1 GiB: wide parts cost four times the system CPU at insert.
-- scope_attributes: few senders set them, so nearly all are empty: 0.006 bytes and 0.8 µs of CPU a span (of 11 µs).
-- attribute_types: which attributes are no text, and what they are: values are kept as text, numbers as JSON writes them.
-- tenant: whose row it is, '' where tenants are not told apart. The token or header of the request says so, at the edge, and
-- every read is of one tenant: store/tenants.py. Rows of one tenant have one value here, which costs next to nothing, and it
-- is in no sort key of rows: a look-up by ID reads the same granules, whoever's they are. Where rows of one key merge into
-- one, it is in the key: an ID that two tenants use is two transactions.
CREATE TABLE IF NOT EXISTS spans (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  duration UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  span_id FixedString(8) CODEC(NONE),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  trace_state String CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  name LowCardinality(String) CODEC(ZSTD(1)),
  kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) CODEC(ZSTD(1)),
  status Enum8('unset' = 0, 'ok' = 1, 'error' = 2) CODEC(ZSTD(1)),
  status_message String CODEC(ZSTD(1)),
  scope_name LowCardinality(String) CODEC(ZSTD(1)),
  scope_version LowCardinality(String) CODEC(ZSTD(1)),
  scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  resource Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attribute_types Map(LowCardinality(String), Enum8('int' = 1, 'double' = 2, 'bool' = 3)) CODEC(ZSTD(1)),
  events Nested(time DateTime64(9, 'UTC'), name LowCardinality(String), attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  links Nested(trace_id FixedString(16), span_id FixedString(8), attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (intDiv(toUnixTimestamp64Nano(time), 900000000000), transaction_id, time)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000
