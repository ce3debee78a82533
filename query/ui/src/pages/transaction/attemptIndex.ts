/** The attempts of a proxy's request, wherever in the tree they stand: below it, or below the spans beside it. Pure. */
import type { AccessLogEntry, Entry } from "../../api/queries";
import type { Times } from "./clocks";

type Proxy = AccessLogEntry | Extract<Entry, { kind: "attempt" }>;

/** What is the same in the records of a request and of its attempts. */
function requestKey(entry: Proxy): string {
  return JSON.stringify([
    entry.service,
    entry.node_id,
    entry.proxy_role,
    entry.request_id,
    entry.connection_id,
    entry.path,
  ]);
}

/** Indices of requests and of attempts by what they have in common. */
export type AttemptIndex = ReadonlyMap<string, { requests: number[]; attempts: number[] }>;

export function indexAttempts(entries: readonly Entry[]): AttemptIndex {
  const byKey = new Map<string, { requests: number[]; attempts: number[] }>();
  entries.forEach((entry, index) => {
    if (entry.kind !== "access_log" && entry.kind !== "attempt") return;
    const key = requestKey(entry);
    let group = byKey.get(key);
    if (!group) {
      group = { requests: [], attempts: [] };
      byKey.set(key, group);
    }
    (entry.kind === "attempt" ? group.attempts : group.requests).push(index);
  });
  return byKey;
}

/** Indices of the attempts made for the request that entry `index` is, or is an attempt of; in order of time. */
export function attemptsOf(known: AttemptIndex, entries: readonly Entry[], times: Times, index: number): number[] {
  const entry = entries[index];
  if (!entry || (entry.kind !== "access_log" && entry.kind !== "attempt")) return [];
  const group = known.get(requestKey(entry));
  if (!group) return [];
  const within = (request: number, attempt: number) => {
    const start = times.start[attempt] as number;
    return start >= (times.start[request] as number) && start <= (times.end[request] as number);
  };
  const request = entry.kind === "access_log" ? index : group.requests.find((one) => within(one, index));
  if (request === undefined) return [index];
  return group.attempts
    .filter((attempt) => within(request, attempt))
    .sort((a, b) => (times.start[a] as number) - (times.start[b] as number));
}
