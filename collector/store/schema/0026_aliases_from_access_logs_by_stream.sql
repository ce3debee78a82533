-- As 0014, and the stream id: start and interim records of a request have it before they have anything else.
ALTER TABLE aliases_from_access_logs MODIFY QUERY
SELECT pair.2 AS alias, transaction_id, pair.1 AS kind, min(access_logs.time) AS time
FROM access_logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', request_id),
  ('request_id', if(stream_id = request_id, '', stream_id)),
  ('trace_id', if(trace_id IN (transaction_id, toFixedString('', 16)), '', lower(hex(trace_id))))]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind
