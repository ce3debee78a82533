-- As 0114, without a look at the maps of spans that have none of the keys: whether a batch has a key at all stands in its
-- dictionary, and in most batches it has not.
ALTER TABLE aliases_from_spans MODIFY QUERY
SELECT tenant, pair.2 AS alias, transaction_id, pair.1 AS kind, min(of_spans.time) AS time
FROM (
  SELECT tenant, transaction_id, time, attributes
  FROM spans
  WHERE has(mapKeys(attributes), 'guid:x-request-id') OR has(mapKeys(attributes), 'http.request.header.x-request-id')
     OR has(mapKeys(attributes), 'weftline.alias')
) AS of_spans
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', attributes['guid:x-request-id']),
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
GROUP BY alias, transaction_id, kind, tenant
