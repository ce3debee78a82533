-- Which service calls which, in halves: a caller's half is that a service made a span, a callee's half that it was called
-- by one. They land in any order, in different inserts; a reader joins those of its window (read/dependencies.sql), so an
-- edge is counted once however often one of its ends was told (a proxy's span and its access log have the same ids).
-- One row a transaction, service and insert; a call whose two ends are of one service in one insert is no edge and left out.
CREATE TABLE IF NOT EXISTS half_edges (
  hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  ids Array(FixedString(8)) COMMENT 'of all its spans, recorded or only named by a proxy: any of them may call' CODEC(LZ4),
  calls Nested(
    parent_span_id FixedString(8),
    span_id FixedString(8),
    time DateTime('UTC'),
    duration UInt64,
    failed Bool
  ) COMMENT 'that it got' CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(hour)
ORDER BY (hour, transaction_id)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000;

-- Looking for each parent among a transaction's ids costs their product, and what a lambda sees is copied for every call: the
-- 70,000 ids of a transaction 70,000 times, 37 GB, so that its insert would never go through. Of a large one all calls are
-- kept, and the lambda sees no ids. The ids and the calls are one array: two cost more.
CREATE MATERIALIZED VIEW IF NOT EXISTS half_edges_from_spans TO half_edges AS
WITH
  if(length(ids) > 1000, [], ids) AS looked_in,
  arrayFilter(call -> call.1 != toFixedString('', 8) AND NOT has(looked_in, call.1), of_spans) AS got
SELECT tenant, hour, transaction_id, service, of_spans.2 AS ids,
       got.1 AS `calls.parent_span_id`, got.2 AS `calls.span_id`, got.3 AS `calls.time`, got.4 AS `calls.duration`,
       got.5 AS `calls.failed`
FROM (
  SELECT spans.tenant AS tenant, toStartOfHour(toDateTime(spans.time, 'UTC')) AS hour, transaction_id, service,
         groupArray((parent_span_id, span_id, toDateTime(spans.time, 'UTC'), duration, status = 'error')) AS of_spans
  FROM spans
  WHERE service != ''
  GROUP BY hour, transaction_id, service, tenant
);

-- A proxy called with every attempt whose id is logged and was called by the parent that arrived, recorded or not.
CREATE MATERIALIZED VIEW IF NOT EXISTS half_edges_from_access_logs TO half_edges AS
WITH
  arrayFilter(id -> id != toFixedString('', 8), arrayDistinct(arrayConcat(served, sent))) AS ids_named,
  arrayFilter(call -> call.1 != toFixedString('', 8) AND call.2 != toFixedString('', 8), of_records) AS got
SELECT tenant, hour, transaction_id, service, ids_named AS ids,
       got.1 AS `calls.parent_span_id`, got.2 AS `calls.span_id`, got.3 AS `calls.time`, got.4 AS `calls.duration`,
       got.5 AS `calls.failed`
FROM (
  SELECT access_logs.tenant AS tenant, toStartOfHour(toDateTime(access_logs.time, 'UTC')) AS hour, transaction_id, service,
         groupArray(access_logs.span_id) AS served, groupArray(access_logs.upstream_span_id) AS sent,
         groupArray((access_logs.parent_span_id, access_logs.span_id, toDateTime(access_logs.time, 'UTC'), duration,
                     response_code >= 500 OR (kind = 'end' AND response_code = 0 AND method != ''))) AS of_records
  FROM access_logs
  WHERE service != '' AND kind != 'interim'
  GROUP BY hour, transaction_id, service, tenant
)
WHERE notEmpty(ids)
