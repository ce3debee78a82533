-- As 0012, 0013, 0026 and 0028, with the tenant.
ALTER TABLE aliases_from_spans MODIFY QUERY
SELECT spans.tenant AS tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(spans.time) AS time
FROM spans
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', attributes['guid:x-request-id']),
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
GROUP BY alias, transaction_id, kind, tenant;

ALTER TABLE aliases_from_logs MODIFY QUERY
SELECT logs.tenant AS tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(logs.time) AS time
FROM logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind, tenant;

ALTER TABLE aliases_from_access_logs MODIFY QUERY
SELECT access_logs.tenant AS tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(access_logs.time) AS time
FROM access_logs
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', request_id),
  ('request_id', if(stream_id = request_id, '', stream_id)),
  ('trace_id', if(trace_id IN (transaction_id, toFixedString('', 16)), '', lower(hex(trace_id))))]) AS pair
WHERE transaction_id != toFixedString('', 16)
GROUP BY alias, transaction_id, kind, tenant;

ALTER TABLE request_ids_from_aliases MODIFY QUERY
SELECT
  tenant,
  transaction_id,
  toFixedString(if(match(alias, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
                   unhex(replaceAll(concat(substring(lower(alias), 1, 14), '0', substring(lower(alias), 16)), '-', '')),
                   toString(MD5(alias))), 16) AS request_transaction_id,
  time
FROM aliases
WHERE kind = 'request_id' AND request_transaction_id != transaction_id
