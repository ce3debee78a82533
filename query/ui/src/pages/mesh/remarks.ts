/** What of a proxy's health deserves attention, in words. Pure. */
import type { ProxyHealth } from "../../api/queries";

export type Remark = { text: string; severity: "bad" | "warn" };

type Cluster = ProxyHealth["clusters"][number];
/** From which on the time a connection takes is worth a word, in ms. */
const SLOW_CONNECT_MS = 100;
const REFUSED: readonly (readonly [keyof Cluster, string])[] = [
  ["pending_overflow", "refused: too many waited for a connection"],
  ["requests_overflow", "refused: too many at a time"],
  ["retry_overflow", "retries not made: too many at a time"],
  ["connect_failures", "connections failed"],
  ["ejections", "hosts ejected"],
];
const NOTED: readonly (readonly [keyof Cluster, string])[] = [
  ["timeouts", "timeouts"],
  ["retry_limit_exceeded", "times all retries used up"],
  ["connections_overflow", "times no further connection allowed"],
];

/** Of the proxy itself. */
export function remarksOnProxy(proxy: ProxyHealth): Remark[] {
  const found: Remark[] = [];
  if (proxy.loses && proxy.recorded === 0) {
    found.push({ text: "No access log arrived: it sends none, or they don't name this node.", severity: "bad" });
  } else if (proxy.loses) {
    found.push({
      text:
        proxy.dropped > 0
          ? `Access logs are lost; by its own account it dropped ${proxy.dropped}.`
          : "Access logs are lost, and it doesn't say where: look at what stands between it and the collector.",
      severity: "bad",
    });
  } else if (-proxy.lost > proxy.uncertainty) {
    found.push({
      text: "More access logs than requests: they arrive twice, or the clocks disagree.",
      severity: "warn",
    });
  }
  if (proxy.spans_dropped > 0) found.push({ text: `${proxy.spans_dropped} spans dropped.`, severity: "warn" });
  return found;
}

/** Of one of its upstream clusters. */
export function remarksOnCluster(cluster: Cluster): Remark[] {
  const found: Remark[] = Object.entries(cluster.breakers_open)
    .filter(([, share]) => share > 0)
    .map(([name, share]) => ({
      text: `circuit breaker ${name} open at ${Math.round(100 * share)} % of looks`,
      severity: "bad",
    }));
  for (const [name, text] of REFUSED) {
    if (Number(cluster[name]) > 0) found.push({ text: `${cluster[name]} ${text}`, severity: "bad" });
  }
  for (const [name, text] of NOTED) {
    if (Number(cluster[name]) > 0) found.push({ text: `${cluster[name]} ${text}`, severity: "warn" });
  }
  if (cluster.hosts > 0 && cluster.healthy_hosts < cluster.hosts) {
    found.push({ text: `${cluster.healthy_hosts} of ${cluster.hosts} hosts healthy`, severity: "bad" });
  }
  if (cluster.connect_ms !== null && cluster.connect_ms >= SLOW_CONNECT_MS) {
    found.push({ text: `a connection takes ${Math.round(cluster.connect_ms)} ms`, severity: "warn" });
  }
  return found;
}
