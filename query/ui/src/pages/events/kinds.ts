import type { EventKind } from "../../api/queries";

/** What each kind is called, and the colour it shares with the kinds of the same sort; all in the order of their sorts. */
export const KINDS: Record<EventKind, { name: string; series: number }> = {
  upstream_connect_failure: { name: "connect failure", series: 1 },
  upstream_reset: { name: "upstream reset", series: 1 },
  no_healthy_upstream: { name: "no healthy upstream", series: 1 },
  outlier_ejection: { name: "outlier ejection", series: 1 },
  timeout: { name: "timeout", series: 2 },
  client_abort: { name: "client abort", series: 8 },
  retry: { name: "retry", series: 3 },
  retry_exhaustion: { name: "retries used up", series: 3 },
  circuit_breaking: { name: "circuit breaker", series: 4 },
  overload: { name: "overload", series: 4 },
  rate_limit: { name: "rate limit", series: 4 },
  no_route: { name: "no route", series: 6 },
  protocol_error: { name: "protocol error", series: 6 },
  proxy_unready: { name: "proxy not ready", series: 6 },
  authorization_denial: { name: "denied", series: 7 },
  fault_injection: { name: "injected fault", series: 5 },
};

export function isKind(text: string): text is EventKind {
  return text in KINDS;
}
