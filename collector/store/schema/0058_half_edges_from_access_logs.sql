-- A proxy called with every attempt whose id is logged and was called by the parent that arrived, recorded or not.
CREATE MATERIALIZED VIEW IF NOT EXISTS half_edges_from_access_logs TO half_edges AS
WITH
  arrayFilter(id -> id != toFixedString('', 8), arrayDistinct(arrayConcat(served, sent))) AS ids_named,
  arrayFilter(call -> call.1 != toFixedString('', 8) AND call.2 != toFixedString('', 8), of_records) AS got
SELECT hour, transaction_id, service, ids_named AS ids,
       got.1 AS `calls.parent_span_id`, got.2 AS `calls.span_id`, got.3 AS `calls.time`, got.4 AS `calls.duration`,
       got.5 AS `calls.failed`
FROM (
  SELECT toStartOfHour(toDateTime(access_logs.time, 'UTC')) AS hour, transaction_id, service,
         groupArray(access_logs.span_id) AS served, groupArray(access_logs.upstream_span_id) AS sent,
         groupArray((access_logs.parent_span_id, access_logs.span_id, toDateTime(access_logs.time, 'UTC'), duration,
                     response_code >= 500 OR (kind = 'end' AND response_code = 0 AND method != ''))) AS of_records
  FROM access_logs
  WHERE service != '' AND kind != 'interim'
  GROUP BY hour, transaction_id, service
)
WHERE notEmpty(ids)
