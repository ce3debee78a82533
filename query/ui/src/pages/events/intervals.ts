import type { EventCounts } from "../../api/queries";

export type Interval = {
  /** Milliseconds since the epoch. */
  start: number;
  total: number;
  byKind: Map<string, number>;
};

/** The counts of all services, interval by interval, those without an event included; oldest first. */
export function intervals(counts: EventCounts): Interval[] {
  const length = BigInt(counts.interval_ns);
  const first = BigInt(counts.since_unix_nano) / length;
  const last = (BigInt(counts.until_unix_nano) - 1n) / length;
  const all: Interval[] = Array.from({ length: Math.max(1, Number(last - first) + 1) }, (_, at) => ({
    start: Number(((first + BigInt(at)) * length) / 1_000_000n),
    total: 0,
    byKind: new Map(),
  }));
  for (const one of counts.counts) {
    const interval = all[Number(BigInt(one.start_unix_nano) / length - first)];
    if (!interval) continue;
    interval.total += one.count;
    interval.byKind.set(one.kind, (interval.byKind.get(one.kind) ?? 0) + one.count);
  }
  return all;
}

/** How many of each in all, most first. */
export function totals(counts: EventCounts, of: "kind" | "service"): [string, number][] {
  const sums = new Map<string, number>();
  for (const one of counts.counts) sums.set(one[of], (sums.get(one[of]) ?? 0) + one.count);
  return [...sums].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}
