-- The root is what the first access log was, where there is one: a span's name says less, so spans come a day later.
CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_from_spans TO transactions AS
SELECT
  transaction_id,
  toDate(spans.time) AS day,
  min(spans.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(spans.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS spans,
  countIf(status = 'error') AS errors,
  argMinState(toString(name), addDays(spans.time, 1)) AS root
FROM spans
GROUP BY transaction_id, day
