-- A trace id is an alias where a service passed on x-transaction-id only, so that a new trace began behind it.
CREATE MATERIALIZED VIEW IF NOT EXISTS aliases_from_access_logs TO aliases AS
SELECT pair.2 AS alias, transaction_id, pair.1 AS kind, min(access_logs.time) AS time
FROM access_logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', request_id),
  ('trace_id', if(trace_id IN (transaction_id, toFixedString('', 16)), '', lower(hex(trace_id))))]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind
