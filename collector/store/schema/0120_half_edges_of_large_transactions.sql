-- As 0117, with one array for the ids and the calls. And what a lambda sees is copied for every call, the 70,000 ids of a
-- transaction 70,000 times (37 GB, so that its insert never went through): of a large one it sees none, so all calls are kept.
ALTER TABLE half_edges_from_spans MODIFY QUERY
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
)
