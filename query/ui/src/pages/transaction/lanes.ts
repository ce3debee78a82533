/** A transaction's entries in one lane per service. Pure. */
import type { Entry } from "../../api/queries";
import type { Times } from "./clocks";
import { grow, type Tree } from "./tree";

export type Lane = {
  service: string;
  /** Indices of its entries. */
  entries: readonly number[];
  errors: number;
};

/**
 * The tree with a node for each service on top: the lane of `services[n]` has the index after all entries', plus n. An
 * entry stays below its cause where that is the same service's; what another service caused begins at the lane's edge.
 */
export function intoLanes(entries: readonly Entry[], services: readonly string[]): { tree: Tree; lanes: Lane[] } {
  const known = [...new Set([...services, ...entries.map(({ service }) => service)])];
  const place = new Map(known.map((service, at) => [service, at]));
  const members: number[][] = known.map(() => []);
  const parents: (number | null)[] = entries.map(({ service, parent }, index) => {
    const at = place.get(service) as number;
    members[at]?.push(index);
    return parent !== null && entries[parent]?.service === service ? parent : entries.length + at;
  });
  const lanes = known.map((service, at) => {
    const own = members[at] ?? [];
    return { service, entries: own, errors: own.filter((index) => entries[index]?.error).length };
  });
  return { tree: grow([...parents, ...known.map(() => null)]), lanes };
}

/** When a lane is busy: stretches of time in order, in ns; those closer than `least` are one. */
export function busy(lane: Lane, { start, end }: Times, least: number): [number, number][] {
  const found: [number, number][] = [];
  for (const index of [...lane.entries].sort((a, b) => (start[a] as number) - (start[b] as number))) {
    const [from, to] = [start[index] as number, end[index] as number];
    const last = found.at(-1);
    if (last && from - last[1] <= least) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}
