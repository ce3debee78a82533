"""Every name that crosses a process border: headers, attributes, topics' contents.

Whoever speaks first owns the vocabulary: the agent and the proxies write these names, the collector's SQL and the
query service read them. Standard names are OpenTelemetry's semantic conventions 1.44; ours start with
``weftline.``. Standard library only: the observed program imports this.
"""

from typing import Final

# --- Headers ---------------------------------------------------------------------------------------------------
TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
REQUEST_ID: Final = "x-request-id"
"""Envoy's request id. An alias of the transaction; Envoy rewrites its character at index 14."""
TRANSACTION_ID: Final = "x-transaction-id"
"""The transaction ID for people and for services without tracing: 32 lower-case hex digits, the W3C trace id."""

# --- Attributes of ours ------------------------------------------------------------------------------------------
ALIAS: Final = "weftline.alias"
"""Another name of the transaction, set by the application (`weftline.agent.alias("order-4711")`)."""
REQUEST_ID_ATTRIBUTE: Final = "http.request.header.x-request-id"
"""OpenTelemetry's name for a captured request header; its value is an array of strings."""
PARENT_SPAN_ID: Final = "weftline.parent_span_id"
"""On log records of a request that was sampled out: the span id that arrived in `traceparent`. No span says it."""
PROXY_ROLE: Final = "weftline.proxy.role"
"""Resource attribute of an Envoy's spans and logs: `edge`, `gateway`, `sidecar-inbound` or `sidecar-outbound`.
An attribute of the span or record itself where the resource can't say it (Istio)."""
EVENT_ALIAS: Final = "weftline.alias"
"""`event_name` of the log record that carries an alias: it must arrive also when no span does."""

# --- Fields of an Envoy access log (attributes of its OTLP log record) ---------------------------------------------
# A log record is an access log when it has ACCESS_LOG_TYPE.
ACCESS_LOG_TYPE: Final = "access_log_type"
ACCESS_LOG_FIELDS: Final = {
    ACCESS_LOG_TYPE: "%ACCESS_LOG_TYPE%",
    "transaction_id": "%REQ(X-TRANSACTION-ID)%",
    "parent_traceparent": "%FILTER_STATE(weftline.parent:PLAIN)%",
    "upstream_traceparent": "%REQ(TRACEPARENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "stream_id": "%STREAM_ID%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "response_flags": "%RESPONSE_FLAGS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_hosts_attempted": "%UPSTREAM_HOSTS_ATTEMPTED%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_request_attempt_count": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "route_name": "%ROUTE_NAME%",
    "duration_ms": "%DURATION%",  # for requests whose client left: nothing was sent downstream, so no duration_us
    "duration_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "request_duration_us": "%COMMON_DURATION(DS_RX_BEG:DS_RX_END:us)%",
    "response_duration_us": "%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "connection_id": "%CONNECTION_ID%",
    "upstream_connection_id": "%UPSTREAM_CONNECTION_ID%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "user_agent": "%REQ(USER-AGENT)%",
    "response_tx_duration_us": "%COMMON_DURATION(US_RX_BEG:DS_TX_END:us)%",
    "upstream_connection_pool_ready_duration_ms": "%UPSTREAM_CONNECTION_POOL_READY_DURATION%",
    "downstream_wire_bytes_received": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
    "downstream_wire_bytes_sent": "%DOWNSTREAM_WIRE_BYTES_SENT%",
    "upstream_wire_bytes_received": "%UPSTREAM_WIRE_BYTES_RECEIVED%",
    "upstream_wire_bytes_sent": "%UPSTREAM_WIRE_BYTES_SENT%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%",  # SPIFFE identity of the caller
    "downstream_tls_version": "%DOWNSTREAM_TLS_VERSION%",
    "upstream_peer_uri_san": "%UPSTREAM_PEER_URI_SAN%",
    "upstream_tls_version": "%UPSTREAM_TLS_VERSION%",
    "route_resolution_count": "%ROUTE_RESOLUTION_COUNT%",
    "listener_direction": "%CEL(xds.listener_direction)%",  # 1 inbound, 2 outbound
    "first_upstream_tx_us": "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
    "last_upstream_tx_us": "%COMMON_DURATION(DS_RX_BEG:US_TX_END:us)%",
    "last_upstream_rx_us": "%COMMON_DURATION(DS_RX_BEG:US_RX_END:us)%",
    "first_downstream_tx_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_BEG:us)%",
    "downstream_peer_subject": "%DOWNSTREAM_PEER_SUBJECT%",
    "downstream_local_uri_san": "%DOWNSTREAM_LOCAL_URI_SAN%",
}
"""Attribute name to Envoy command operator. Envoy writes `-` where it has nothing; the store reads it as empty."""
ACCESS_LOG_RECORD_FIELDS: Final = {
    "start_time": "%START_TIME(%s.%6f)%",
    "trace_id": "%TRACE_ID%",
    "span_id": "%SPAN_ID%",
}
"""What an OTLP log record has as fields of its own, for formats that have nothing but names and values."""

# What only a request's end knows; in an attempt's log Envoy writes `-`.
_OF_THE_REQUEST: Final = (
    "parent_traceparent", "stream_id", "protocol", "response_code_details", "connection_termination_details",
    "request_duration_us", "response_tx_duration_us", "downstream_wire_bytes_received", "downstream_wire_bytes_sent",
    "route_resolution_count",
)  # fmt: skip
ATTEMPT_LOG_FIELDS: Final = {
    **{name: operator for name, operator in ACCESS_LOG_FIELDS.items() if name not in _OF_THE_REQUEST},
    # Envoy counts attempts for the request only; the header that goes upstream says which one this is.
    "upstream_request_attempt_count": "%REQ(X-ENVOY-ATTEMPT-COUNT)%",
    # An attempt's time points begin with the attempt: its DS_RX_BEG is not the request's.
    "duration_us": "%COMMON_DURATION(DS_RX_BEG:US_RX_END:us)%",
    "upstream_connection_pool_ready_duration_us": "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
}
"""The same for the log of one upstream attempt (`router.upstream_log`; its ACCESS_LOG_TYPE is `UpstreamEnd`)."""
