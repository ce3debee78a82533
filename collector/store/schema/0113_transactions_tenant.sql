-- As 0008, 0009 and 0025, by tenant.
ALTER TABLE transactions_from_spans MODIFY QUERY
SELECT
  spans.tenant AS tenant,
  transaction_id,
  toDate(spans.time) AS day,
  min(spans.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(spans.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS spans,
  countIf(status = 'error') AS errors,
  argMinState(toString(name), addDays(spans.time, 1)) AS root
FROM spans
GROUP BY transaction_id, day, tenant;

ALTER TABLE transactions_from_logs MODIFY QUERY
SELECT
  logs.tenant AS tenant,
  transaction_id,
  toDate(logs.time) AS day,
  min(logs.time) AS first_time,
  max(logs.time) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS logs,
  countIf(severity_number >= 17) AS errors
FROM logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day, tenant;

ALTER TABLE transactions_from_access_logs MODIFY QUERY
WITH arrayFilter(flag -> flag != '', splitByChar(',', toString(access_logs.response_flags))) AS flags
SELECT
  access_logs.tenant AS tenant,
  transaction_id,
  toDate(access_logs.time) AS day,
  min(access_logs.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  uniqStateIf(record_id, kind IN ('end', 'connection')) AS access_log_records,
  uniqStateIf(record_id, kind IN ('end', 'connection') AND (
    access_logs.response_code >= 500 OR (kind = 'end' AND access_logs.response_code = 0 AND method != '')
    OR notEmpty(arrayFilter(flag -> flag NOT IN ('DI', 'RFCF'), flags)))) AS access_log_errors,
  arrayDistinct(arrayFlatten(groupArray(flags))) AS response_flags,
  argMinStateIf(access_logs.response_code, access_logs.time, kind = 'end') AS response_code,
  argMinStateIf(if(method != '', concat(toString(method), ' ', path), concat('TCP ', toString(upstream_cluster))), access_logs.time,
                kind IN ('end', 'connection')) AS root
FROM access_logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day, tenant
