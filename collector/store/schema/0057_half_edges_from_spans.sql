-- Looking for each parent among a transaction's ids costs their product, so of a large one all calls are kept.
CREATE MATERIALIZED VIEW IF NOT EXISTS half_edges_from_spans TO half_edges AS
WITH arrayFilter(call -> call.1 != toFixedString('', 8) AND (length(ids) > 1000 OR NOT has(ids, call.1)), of_spans) AS got
SELECT hour, transaction_id, service, ids,
       got.1 AS `calls.parent_span_id`, got.2 AS `calls.span_id`, got.3 AS `calls.time`, got.4 AS `calls.duration`,
       got.5 AS `calls.failed`
FROM (
  SELECT toStartOfHour(toDateTime(spans.time, 'UTC')) AS hour, transaction_id, service, groupArray(span_id) AS ids,
         groupArray((parent_span_id, span_id, toDateTime(spans.time, 'UTC'), duration, status = 'error')) AS of_spans
  FROM spans
  WHERE service != ''
  GROUP BY hour, transaction_id, service
)
