-- The door for OTLP log records: keeps nothing, its views sort them into logs and access_logs.
CREATE TABLE IF NOT EXISTS otlp_logs (
  time DateTime64(9, 'UTC'),
  trace_id FixedString(16),
  span_id FixedString(8),
  flags UInt32,
  severity_number UInt8,
  severity_text LowCardinality(String),
  body String,
  event_name LowCardinality(String),
  service LowCardinality(String),
  scope_name LowCardinality(String),
  resource Map(LowCardinality(String), String),
  attributes Map(LowCardinality(String), String),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = Null
