CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_from_access_logs TO transactions AS
SELECT
  transaction_id,
  toDate(access_logs.time) AS day,
  min(access_logs.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS access_logs,
  countIf(access_logs.response_code >= 500 OR (access_logs.response_code = 0 AND method != '')) AS errors,
  arrayDistinct(arrayFlatten(groupArray(arrayFilter(flag -> flag != '', splitByChar(',', toString(access_logs.response_flags)))))) AS response_flags,
  argMinState(access_logs.response_code, access_logs.time) AS response_code,
  argMinState(concat(toString(method), ' ', path), access_logs.time) AS root
FROM access_logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day
