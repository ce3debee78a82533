CREATE MATERIALIZED VIEW IF NOT EXISTS aliases_from_logs TO aliases AS
SELECT pair.2 AS alias, transaction_id, pair.1 AS kind, min(logs.time) AS time
FROM logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind
