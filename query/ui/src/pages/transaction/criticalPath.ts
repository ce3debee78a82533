/**
 * What the request was waiting for, at every moment from its beginning to its end, and how that divides among services,
 * proxies and the network. Computed from the entries; what the records can't say for sure is marked as inferred. Pure.
 */
import type { Entry } from "../../api/queries";
import { repeats, type Times } from "./clocks";
import type { Tree } from "./tree";
import { proxyRole } from "./words";

/** The request waited for this entry itself, not for anything that it caused. Times as in `Times`. */
export type Segment = { index: number; start: number; end: number };

/** Children that took time, without those that repeat what their cause says. */
export function timedChildren(entries: readonly Entry[], tree: Tree, index: number): number[] {
  const below = (tree.children[index] ?? []).filter((child) => (entries[child]?.duration_ns ?? 0) > 0);
  const own = below.filter(
    (child) => !(repeats(entries[child] as Entry, entries[index]) && (tree.children[child]?.length ?? 0) === 0),
  );
  if (own.length > 0 || entries[index]?.kind === "span") return own;
  // Only the proxy's own attempts are known: they tell its waiting from its work.
  return below;
}

/** The root that lasted longest; -1 where nothing took time. */
export function longestRoot(entries: readonly Entry[]): number {
  let best = -1;
  entries.forEach((entry, index) => {
    if (entry.parent !== null || entry.duration_ns === 0) return;
    if (best < 0 || entry.duration_ns > (entries[best] as Entry).duration_ns) best = index;
  });
  return best;
}

/** Segments in order of time; without gap or overlap they cover the longest root from its beginning to its end. */
export function criticalPath(entries: readonly Entry[], tree: Tree, times: Times): Segment[] {
  const root = longestRoot(entries);
  if (root < 0) return [];
  const segments: Segment[] = [];
  type Step = { index: number; from: number; until: number; below: number[] | null };
  const stack: Step[] = [
    { index: root, from: times.start[root] as number, until: times.end[root] as number, below: null },
  ];
  for (let step = stack.pop(); step; step = stack.pop()) {
    if (step.until <= step.from) continue;
    const { index, from } = step;
    // Latest first: going back from the end, the entry waited for whichever child was last to end.
    step.below ??= timedChildren(entries, tree, index).sort(
      (a, b) => (times.end[a] as number) - (times.end[b] as number),
    );
    let waitedFor: number | undefined;
    for (let child = step.below.pop(); child !== undefined; child = step.below.pop()) {
      if ((times.start[child] as number) < step.until && (times.end[child] as number) > from) {
        waitedFor = child;
        break;
      }
    }
    if (waitedFor === undefined) {
      segments.push({ index, start: from, end: step.until });
      continue;
    }
    const end = Math.min(times.end[waitedFor] as number, step.until);
    const start = Math.max(times.start[waitedFor] as number, from);
    if (end < step.until) segments.push({ index, start: end, end: step.until });
    stack.push({ index, from, until: start, below: step.below });
    stack.push({ index: waitedFor, from: start, until: end, below: null });
  }
  return segments.sort((a, b) => a.start - b.start);
}

export type Place = "service" | "proxy" | "network" | "unrecorded";
export const PLACE_NAMES: Record<Place, string> = {
  service: "in the service",
  proxy: "in its proxy",
  network: "network and connecting",
  unrecorded: "waiting for something that recorded nothing",
};

export type Share = { place: Place; service: string; time: number; inferred: boolean; longest: number };

/** Where an entry's own time on the critical path is spent. */
export function placeOf(entries: readonly Entry[], tree: Tree, index: number): { place: Place; inferred: boolean } {
  const entry = entries[index] as Entry;
  const role = proxyRole(entry);
  const sends =
    (entry.kind === "span" && (entry.span_kind === "client" || entry.span_kind === "producer")) ||
    entry.kind === "attempt";
  if (sends) {
    const followed = timedChildren(entries, tree, index).length > 0;
    return { place: followed ? "network" : "unrecorded", inferred: true };
  }
  if (role === "") return { place: "service", inferred: false };
  // Without spans, one record stands for the proxy's work and its way to the next hop alike.
  return { place: "proxy", inferred: entry.kind === "access_log" };
}

/** The critical path by place and service, the largest share first. The shares add up to the whole. */
export function timeSplit(entries: readonly Entry[], tree: Tree, path: readonly Segment[]): Share[] {
  const shares = new Map<string, Share & { most: number }>();
  for (const { index, start, end } of path) {
    const { place, inferred } = placeOf(entries, tree, index);
    const service = entries[index]?.service ?? "";
    const key = `${place} ${service}`;
    const share = shares.get(key) ?? { place, service, time: 0, inferred: false, longest: index, most: 0 };
    share.time += end - start;
    share.inferred ||= inferred;
    if (end - start > share.most) {
      share.most = end - start;
      share.longest = index;
    }
    shares.set(key, share);
  }
  return [...shares.values()].sort((a, b) => b.time - a.time).map(({ most: _, ...share }) => share);
}
