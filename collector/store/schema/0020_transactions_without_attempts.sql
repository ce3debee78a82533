-- Access logs counted, errors, root and response code are those of requests and connections that are over; flags and
-- times are those of every record.
ALTER TABLE transactions_from_access_logs MODIFY QUERY
SELECT
  transaction_id,
  toDate(access_logs.time) AS day,
  min(access_logs.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  countIf(kind IN ('end', 'connection')) AS access_logs,
  countIf(kind = 'end' AND (access_logs.response_code >= 500 OR (access_logs.response_code = 0 AND method != ''))) AS errors,
  arrayDistinct(arrayFlatten(groupArray(arrayFilter(flag -> flag != '', splitByChar(',', toString(access_logs.response_flags)))))) AS response_flags,
  argMinStateIf(access_logs.response_code, access_logs.time, kind = 'end') AS response_code,
  argMinStateIf(concat(toString(method), ' ', path), access_logs.time, kind = 'end') AS root
FROM access_logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day
