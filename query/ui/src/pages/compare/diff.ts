/** How two transactions differ: rows with the same way of causes are the same row. Pure. */
import type { Entry } from "../../api/queries";
import { nameOf } from "../transaction/figures";
import { grow } from "../transaction/tree";
import { proxyRole } from "../transaction/words";

export type Side = {
  count: number;
  errors: number;
  /** ns in all; 0 for log lines. */
  time: number;
  /** Response codes and flags, each once. */
  outcomes: string[];
};
export type Change = "only A" | "only B" | "slower" | "faster" | "failed in A" | "failed in B" | "count" | "same";
export type Difference = {
  depth: number;
  service: string;
  name: string;
  kind: Entry["kind"];
  a: Side;
  b: Side;
  change: Change;
};

/** Less is noise. */
const RATIO = 1.25;
const LEAST_NS = 1_000_000;

type Node = { service: string; name: string; kind: Entry["kind"]; a: Side; b: Side; children: Map<string, Node> };

/** The union of both trees, each row before those it caused, A's order first. `slower` and `failed` speak of B against A. */
export function diff(a: readonly Entry[], b: readonly Entry[]): Difference[] {
  const roots = new Map<string, Node>();
  merge(a, "a", roots);
  merge(b, "b", roots);
  const found: Difference[] = [];
  const stack: [Node, number][] = [...roots.values()].reverse().map((node) => [node, 0]);
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [node, depth] = next;
    const { service, name, kind } = node;
    found.push({ depth, service, name, kind, a: node.a, b: node.b, change: changeOf(node.a, node.b) });
    for (const child of [...node.children.values()].reverse()) stack.push([child, depth + 1]);
  }
  return found;
}

function merge(entries: readonly Entry[], side: "a" | "b", roots: Map<string, Node>): void {
  const nodes: Node[] = new Array(entries.length);
  for (const index of grow(entries).order) {
    const entry = entries[index] as Entry;
    const siblings = entry.parent === null ? roots : (nodes[entry.parent] as Node).children;
    const name = nameOf(entry);
    const key = JSON.stringify([entry.kind, entry.service, proxyRole(entry), name]);
    let node = siblings.get(key);
    if (!node) {
      node = { service: entry.service, name, kind: entry.kind, a: nothing(), b: nothing(), children: new Map() };
      siblings.set(key, node);
    }
    nodes[index] = node;
    const one = node[side];
    one.count++;
    one.errors += entry.error ? 1 : 0;
    one.time += entry.duration_ns;
    if (entry.kind === "access_log" || entry.kind === "attempt") {
      const outcome = `${entry.response_code} ${entry.response_flags}`.trim();
      if (!one.outcomes.includes(outcome)) one.outcomes.push(outcome);
    }
  }
}

function nothing(): Side {
  return { count: 0, errors: 0, time: 0, outcomes: [] };
}

function changeOf(a: Side, b: Side): Change {
  if (b.count === 0) return "only A";
  if (a.count === 0) return "only B";
  if (b.errors > 0 && a.errors === 0) return "failed in B";
  if (a.errors > 0 && b.errors === 0) return "failed in A";
  const of = { a: a.time / a.count, b: b.time / b.count };
  if (of.b - of.a > LEAST_NS && of.b > of.a * RATIO) return "slower";
  if (of.a - of.b > LEAST_NS && of.a > of.b * RATIO) return "faster";
  return a.count === b.count ? "same" : "count";
}
