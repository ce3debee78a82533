/** Who calls whom as a graph: services, and upstreams that no row came from. Pure. */
import type { Dependencies, ProxiedCalls } from "../../api/queries";

export type Call = {
  from: string;
  /** A service, or an upstream cluster that nobody answered for; "" where a proxy chose none and answered itself. */
  to: string;
  known: boolean;
  perSecond: number;
  calls: number;
  errors: number;
  share: number;
  durations: Record<string, number>;
  /** The same calls as the proxies saw them: the caller's outbound ones, then the callee's inbound ones. */
  proxies: readonly ProxiedCalls[];
};

export type Service = { name: string; known: boolean; perSecond: number; share: number };

/** Of what one call is and nothing else, so that it stays while figures change. */
export function keyOf({ from, to, known }: Pick<Call, "from" | "to" | "known">): string {
  return JSON.stringify([from, to, known]);
}

/** All calls, those with the largest share of errors first, then the most frequent. */
export function calls({ dependencies, proxies }: Dependencies): Call[] {
  const inbound = (service: string) => proxies.filter((one) => one.service === service && isInbound(one));
  const outbound = proxies.filter((one) => !isInbound(one));
  const between = dependencies.map(
    (one): Call => ({
      from: one.caller,
      to: one.callee,
      known: true,
      perSecond: one.calls_per_second,
      calls: one.calls,
      errors: one.errors,
      share: one.error_ratio,
      durations: one.durations_ns,
      proxies: [
        ...outbound.filter(({ service, callee }) => service === one.caller && callee === one.callee),
        ...inbound(one.callee),
      ],
    }),
  );
  const unanswered = outbound
    .filter(({ callee }) => callee === "")
    .map(
      (one): Call => ({
        from: one.service,
        to: one.upstream_cluster,
        known: false,
        perSecond: one.calls_per_second,
        calls: one.calls,
        errors: one.errors,
        share: one.error_ratio,
        durations: one.durations_ns,
        proxies: [one],
      }),
    );
  return [...between, ...unanswered].sort((a, b) => b.share - a.share || b.calls - a.calls);
}

/** A proxy before its own application; where it doesn't say so, as Istio names its clusters. */
function isInbound({ proxy_role, upstream_cluster }: ProxiedCalls): boolean {
  return proxy_role === "sidecar-inbound" || (proxy_role === "" && upstream_cluster.startsWith("inbound|"));
}

/** What the calls are between, in the order of their names, with what arrives at each. */
export function services(all: readonly Call[]): Service[] {
  const found = new Map<string, { name: string; known: boolean; perSecond: number; failing: number }>();
  const of = (name: string, known: boolean) => {
    const key = endOf(name, known);
    const service = found.get(key) ?? { name, known, perSecond: 0, failing: 0 };
    found.set(key, service);
    return service;
  };
  for (const { from, to, known, perSecond, share } of all) {
    of(from, true);
    if (to === "") continue;
    const callee = of(to, known);
    callee.perSecond += perSecond;
    callee.failing += perSecond * share;
  }
  return [...found.values()]
    .map(({ name, known, perSecond, failing }) => ({ name, known, perSecond, share: failing / (perSecond || 1) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** A service and a cluster of the same name are two. */
export function endOf(name: string, known: boolean): string {
  return `${known ? "service" : "cluster"} ${name}`;
}

/** Those of or to a service; all without one. */
export function around(all: readonly Call[], service: string): Call[] {
  return service === "" ? [...all] : all.filter(({ from, to }) => from === service || to === service);
}

export type Severity = "fine" | "some" | "many";
const MANY = 0.05;

export function severity(share: number): Severity {
  return share >= MANY ? "many" : share > 0 ? "some" : "fine";
}
