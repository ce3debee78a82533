-- As 0057, 0058 and 0060, with the tenant.
ALTER TABLE half_edges_from_spans MODIFY QUERY
WITH arrayFilter(call -> call.1 != toFixedString('', 8) AND (length(ids) > 1000 OR NOT has(ids, call.1)), of_spans) AS got
SELECT tenant, hour, transaction_id, service, ids,
       got.1 AS `calls.parent_span_id`, got.2 AS `calls.span_id`, got.3 AS `calls.time`, got.4 AS `calls.duration`,
       got.5 AS `calls.failed`
FROM (
  SELECT spans.tenant AS tenant, toStartOfHour(toDateTime(spans.time, 'UTC')) AS hour, transaction_id, service, groupArray(span_id) AS ids,
         groupArray((parent_span_id, span_id, toDateTime(spans.time, 'UTC'), duration, status = 'error')) AS of_spans
  FROM spans
  WHERE service != ''
  GROUP BY hour, transaction_id, service, tenant
);

ALTER TABLE half_edges_from_access_logs MODIFY QUERY
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
WHERE notEmpty(ids);

ALTER TABLE span_metrics_from_spans MODIFY QUERY
SELECT spans.tenant AS tenant, toStartOfMinute(toDateTime(spans.time, 'UTC')) AS minute, service, name, toString(spans.kind) AS kind,
       count() AS calls, countIf(status = 'error') AS errors,
       quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(spans.duration) AS duration
FROM spans
WHERE service != ''
GROUP BY minute, service, name, kind, tenant
