-- The rows of otlp_spans.sql, made by store/native.
INSERT INTO spans (tenant, transaction_id, time, duration, span_id, parent_span_id, trace_state, flags, service, name, kind,
  status, status_message, scope_name, scope_version, scope_attributes, resource, attributes, attribute_types,
  events.time, events.name, events.attributes, links.trace_id, links.span_id, links.attributes)
FORMAT Native
