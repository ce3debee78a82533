-- What search can say of a span: a column a field of the language, under the field's name (query/search/fields.py).
CREATE VIEW IF NOT EXISTS searchable_spans AS
SELECT transaction_id, time, toUnixTimestamp64Nano(time) AS time_ns, service, duration,
       toString(status) AS status,
       name, toString(kind) AS kind, status_message, scope_name AS scope, scope_version, events.name AS event,
       attributes, resource, scope_attributes, events.attributes AS event_attributes, links.attributes AS link_attributes,
       concat(name, '\n', status_message) AS text
FROM spans;

CREATE VIEW IF NOT EXISTS searchable_logs AS
SELECT transaction_id, time, service,
       body AS log, severity_number AS level, scope_name AS scope, event_name AS event,
       attributes, resource,
       body AS text
FROM logs;

-- An access log has no status of its own: it failed as transactions_from_access_logs counts it. What has a column is found
-- under its OpenTelemetry name too, so that one search finds spans and the requests that only a proxy saw.
CREATE VIEW IF NOT EXISTS searchable_access_logs AS
SELECT transaction_id, time, service, duration,
       if(response_code >= 500 OR (kind = 'end' AND response_code = 0 AND method != '')
          OR notEmpty(arrayFilter(flag -> flag NOT IN ('DI', 'RFCF'), flags)), 'error', 'unset') AS status,
       method, authority, path, protocol,
       response_code AS code,
       arrayFilter(flag -> flag != '', splitByChar(',', toString(response_flags))) AS flags,
       response_code_details AS details,
       upstream_cluster AS cluster, upstream_host AS upstream, upstream_attempts AS attempts,
       route_name AS route, proxy_role AS proxy, node_id AS node, grpc_status,
       mapUpdate(attributes, map(
         'http.request.method', toString(method), 'url.path', path(path), 'server.address', toString(authority),
         'http.response.status_code', toString(response_code))) AS attributes,
       resource,
       concat(method, ' ', path, '\n', response_code_details, '\n', upstream_transport_failure_reason) AS text
FROM access_logs;

-- What search can say of a transaction as a whole. A transaction that lasted past midnight has two days, and is whole on each.
CREATE VIEW IF NOT EXISTS searchable_transactions AS
SELECT transaction_id, arrayJoin(groupUniqArray(transactions.day)) AS day,
       toUnixTimestamp64Nano(max(last_time)) - toUnixTimestamp64Nano(min(first_time)) AS total_duration,
       sum(transactions.spans) AS spans, sum(transactions.logs) AS logs, uniqMerge(access_log_records) AS access_logs,
       sum(transactions.errors) + uniqMerge(access_log_errors) AS errors,
       argMinMerge(transactions.root) AS root, argMinMerge(transactions.response_code) AS response_code,
       groupUniqArrayArray(transactions.services) AS services
FROM transactions
GROUP BY transaction_id
