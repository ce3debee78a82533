/** The entries of a transaction as a tree, each followed by what it caused. Pure, and iterative: it may be 100,000 deep. */
import type { Entry } from "../../api/queries";

export type Tree = {
  /** Indices of entries, each parent before its children, children in the service's order. */
  order: readonly number[];
  /** By index of the entry: its place in `order`, and the place after the last one below it. */
  place: Int32Array;
  end: Int32Array;
  children: readonly (readonly number[])[];
  depth: Int32Array;
  deepest: number;
};

export function grow(entries: readonly Pick<Entry, "parent">[]): Tree {
  const children: number[][] = entries.map(() => []);
  const depth = new Int32Array(entries.length);
  const roots: number[] = [];
  let deepest = 0;
  entries.forEach(({ parent }, index) => {
    if (parent === null) roots.push(index);
    else {
      children[parent]?.push(index);
      // A cause always stands before what it caused.
      depth[index] = (depth[parent] ?? 0) + 1;
      deepest = Math.max(deepest, depth[index] ?? 0);
    }
  });
  const order: number[] = [];
  const place = new Int32Array(entries.length);
  const end = new Int32Array(entries.length);
  const stack = roots.reverse();
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    place[index] = order.length;
    order.push(index);
    const below = children[index] ?? [];
    for (let at = below.length - 1; at >= 0; at--) stack.push(below[at] as number);
  }
  for (let at = order.length - 1; at >= 0; at--) {
    const index = order[at] as number;
    const last = children[index]?.at(-1);
    end[index] = last === undefined ? at + 1 : (end[last] as number);
  }
  return { order, place, end, children, depth, deepest };
}

/** The causes of an entry, nearest first. */
export function causes(entries: readonly Pick<Entry, "parent">[], index: number): number[] {
  const above: number[] = [];
  for (let at = entries[index]?.parent ?? null; at !== null; at = entries[at]?.parent ?? null) above.push(at);
  return above;
}

export type Shown = {
  /** Indices of the entries that have a row. */
  rows: number[];
  /** Those that are there only because of what they caused. */
  context: ReadonlySet<number>;
};

/** The rows in view: nothing below a collapsed one, and with a filter only what it wants and the causes of that. */
export function shown(
  tree: Tree,
  entries: readonly Entry[],
  collapsed: (index: number) => boolean,
  wanted: ((entry: Entry) => boolean) | null,
): Shown {
  const context = new Set<number>();
  let needed: Uint8Array | null = null;
  if (wanted) {
    needed = new Uint8Array(entries.length);
    for (let at = tree.order.length - 1; at >= 0; at--) {
      const index = tree.order[at] as number;
      const entry = entries[index] as Entry;
      const itself = wanted(entry);
      if (!itself && !needed[index]) continue;
      if (!itself) context.add(index);
      needed[index] = 1;
      if (entry.parent !== null) needed[entry.parent] = 1;
    }
  }
  const rows: number[] = [];
  for (let at = 0; at < tree.order.length; ) {
    const index = tree.order[at] as number;
    if (needed && !needed[index]) {
      at = tree.end[index] as number;
      continue;
    }
    rows.push(index);
    at = collapsed(index) ? (tree.end[index] as number) : at + 1;
  }
  return { rows, context };
}
