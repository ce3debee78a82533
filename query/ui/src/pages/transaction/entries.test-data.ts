/** Entries by hand, for tests. Times in µs. */
import type { Entry } from "../../api/queries";

type Place = { at?: number; took?: number; parent?: number | null; service?: string; error?: boolean };

function placed({ at = 0, took = 0, parent = null, service = "cart", error = false }: Place) {
  return {
    time_unix_nano: String(1_795_327_632_000_000_000n + BigInt(at * 1000)),
    offset_ns: at * 1000,
    duration_ns: took * 1000,
    depth: 0,
    parent,
    parent_by: parent === null ? null : ("span" as const),
    error,
    correction_ns: 0,
    self_ns: took * 1000,
    repeats: false,
    service,
    transaction_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    attributes: {},
    resource: {},
  };
}

export function span(name: string, place: Place, more: Partial<Extract<Entry, { kind: "span" }>> = {}): Entry {
  return {
    ...placed(place),
    kind: "span",
    name,
    span_id: name.padStart(16, "0"),
    span_kind: "internal",
    parent_span_id: "",
    status: "unset",
    status_message: "",
    scope_name: "",
    scope_version: "",
    scope_attributes: {},
    attribute_types: {},
    events: [],
    links: [],
    ...more,
  };
}

export function log(body: string, place: Place, level = 9): Entry {
  return {
    ...placed(place),
    kind: "log",
    span_id: "",
    severity_number: level,
    severity_text: "",
    body,
    event_name: "",
    scope_name: "",
  };
}

export function access(
  role: string,
  place: Place,
  more: Partial<Extract<Entry, { kind: "access_log" }>> = {},
): Extract<Entry, { kind: "access_log" }> {
  return {
    ...placed(place),
    kind: "access_log",
    span_id: "",
    proxy_role: role,
    node_id: `${place.service ?? "cart"}-envoy`,
    log_type: "DownstreamEnd",
    trace_id: "",
    parent_span_id: "",
    upstream_span_id: "",
    method: "GET",
    authority: "shop",
    path: "/pay?order=4711",
    protocol: "HTTP/1.1",
    response_code: 200,
    response_flags: "",
    response_flags_text: "",
    response_code_details: "via_upstream",
    upstream_transport_failure_reason: "",
    connection_termination_details: "",
    upstream_cluster: "",
    upstream_host: "",
    upstream_attempts: 1,
    route_name: "",
    request_id: "r",
    stream_id: "",
    bytes_received: 0,
    bytes_sent: 0,
    grpc_status: "",
    record_id: "1",
    listener_direction: "",
    connection_id: 7,
    upstream_connection_id: 0,
    downstream_remote_address: "",
    downstream_local_address: "",
    upstream_local_address: "",
    upstream_hosts_attempted: [],
    time_to_last_rx_byte: 0,
    time_to_first_upstream_tx_byte: 0,
    time_to_last_upstream_tx_byte: 0,
    time_to_first_upstream_rx_byte: 0,
    time_to_last_upstream_rx_byte: 0,
    time_to_first_downstream_tx_byte: 0,
    connection_pool_ready_duration: 0,
    downstream_wire_bytes_received: 0,
    downstream_wire_bytes_sent: 0,
    upstream_wire_bytes_received: 0,
    upstream_wire_bytes_sent: 0,
    requested_server_name: "",
    downstream_tls_version: "",
    downstream_peer_subject: "",
    downstream_peer_uri_san: "",
    downstream_local_uri_san: "",
    upstream_peer_uri_san: "",
    ...more,
  };
}

export function attempt(
  number: number,
  place: Place,
  more: Partial<Extract<Entry, { kind: "access_log" }>> = {},
): Entry {
  return { ...access("sidecar-outbound", place, more), kind: "attempt", upstream_attempts: number };
}
