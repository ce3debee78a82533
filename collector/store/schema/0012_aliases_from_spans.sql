-- x-request-id as our agent and OpenTelemetry record it (an array of strings) and as Envoy's tracer does.
CREATE MATERIALIZED VIEW IF NOT EXISTS aliases_from_spans TO aliases AS
SELECT pair.2 AS alias, transaction_id, pair.1 AS kind, min(spans.time) AS time
FROM spans
ARRAY JOIN arrayFilter(p -> p.2 != '', [
  ('request_id', attributes['guid:x-request-id']),
  ('request_id', trim(BOTH '[]"' FROM attributes['http.request.header.x-request-id'])),
  ('application', attributes['weftline.alias'])]) AS pair
GROUP BY alias, transaction_id, kind
