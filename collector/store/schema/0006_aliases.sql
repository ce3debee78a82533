-- Other names of a transaction. Envoy rewrites the character at index 14 of an x-request-id (the UUID's version), so the
-- key has it masked; what reads by alias masks the same way (read/resolve.sql).
CREATE TABLE IF NOT EXISTS aliases (
  alias_key String MATERIALIZED if(match(alias, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
                                   concat(substring(lower(alias), 1, 14), '_', substring(lower(alias), 16)), alias) CODEC(ZSTD(1)),
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  alias String CODEC(ZSTD(1)),
  kind LowCardinality(String) COMMENT 'request_id, trace_id or application' CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (alias_key, transaction_id, tenant)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;

-- x-request-id as our agent and OpenTelemetry record it (an array of strings) and as Envoy's tracer does.
-- Maps of spans that have none of the keys are not looked at: whether a batch has a key at all stands in its dictionary, and
-- in most batches it has not.
CREATE MATERIALIZED VIEW IF NOT EXISTS aliases_from_spans TO aliases AS
SELECT tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(of_spans.time) AS time
FROM (
  SELECT tenant, transaction_id, time, attributes
  FROM spans
  WHERE has(mapKeys(attributes), 'guid:x-request-id') OR has(mapKeys(attributes), 'http.request.header.x-request-id')
     OR has(mapKeys(attributes), 'weftline.alias')
) AS of_spans
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', attributes['guid:x-request-id']),
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
GROUP BY alias, transaction_id, kind, tenant;

CREATE MATERIALIZED VIEW IF NOT EXISTS aliases_from_logs TO aliases AS
SELECT logs.tenant AS tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(logs.time) AS time
FROM logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind, tenant;

-- A trace id is an alias where a service passed on x-transaction-id only, so that a new trace began behind it. The stream id:
-- start and interim records of a request have it before they have anything else.
CREATE MATERIALIZED VIEW IF NOT EXISTS aliases_from_access_logs TO aliases AS
SELECT access_logs.tenant AS tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(access_logs.time) AS time
FROM access_logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', request_id),
  ('request_id', if(stream_id = request_id, '', stream_id)),
  ('trace_id', if(trace_id IN (transaction_id, toFixedString('', 16)), '', lower(hex(trace_id))))]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind, tenant
