-- As 0016, 0017, 0018 and 0055, with the tenant.
ALTER TABLE services_from_spans MODIFY QUERY
SELECT spans.tenant AS tenant, toString(spans.service) AS service, max(spans.time) AS last_time
FROM spans
WHERE service != ''
GROUP BY service, tenant;

ALTER TABLE services_from_logs MODIFY QUERY
SELECT logs.tenant AS tenant, toString(logs.service) AS service, max(logs.time) AS last_time
FROM logs
WHERE service != ''
GROUP BY service, tenant;

ALTER TABLE services_from_access_logs MODIFY QUERY
SELECT access_logs.tenant AS tenant, toString(access_logs.service) AS service, max(access_logs.time) AS last_time
FROM access_logs
WHERE service != ''
GROUP BY service, tenant;

ALTER TABLE operations_from_spans MODIFY QUERY
SELECT spans.tenant AS tenant, toString(spans.service) AS service, toString(spans.name) AS name, toString(spans.kind) AS kind,
       max(spans.time) AS last_time
FROM spans
WHERE service != ''
GROUP BY service, name, kind, tenant
