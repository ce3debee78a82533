CREATE MATERIALIZED VIEW IF NOT EXISTS span_metrics_from_spans TO span_metrics AS
SELECT toStartOfMinute(toDateTime(spans.time, 'UTC')) AS minute, service, name, toString(spans.kind) AS kind,
       count() AS calls, countIf(status = 'error') AS errors,
       quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(spans.duration) AS duration
FROM spans
WHERE service != ''
GROUP BY minute, service, name, kind
