-- Lines logged outside any request have no transaction.
CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_from_logs TO transactions AS
SELECT
  transaction_id,
  toDate(logs.time) AS day,
  min(logs.time) AS first_time,
  max(logs.time) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS logs,
  countIf(severity_number >= 17) AS errors
FROM logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day
