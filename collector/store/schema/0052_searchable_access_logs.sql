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
FROM access_logs
