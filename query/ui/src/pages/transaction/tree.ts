/** The entries of a transaction as a tree, each followed by what it caused. Pure, and iterative: it may be 100,000 deep. */
export type Tree = {
  /** By index: what stands above it; null at the top. */
  parent: readonly (number | null)[];
  /** Indices of entries, each parent before its children, children in the service's order. */
  order: readonly number[];
  /** By index of the entry: its place in `order`, and the place after the last one below it. */
  place: Int32Array;
  end: Int32Array;
  children: readonly (readonly number[])[];
  depth: Int32Array;
  deepest: number;
};

export function grow(parent: readonly (number | null)[]): Tree {
  const children: number[][] = parent.map(() => []);
  const depth = new Int32Array(parent.length);
  const roots: number[] = [];
  let deepest = 0;
  parent.forEach((above, index) => {
    if (above === null) roots.push(index);
    else children[above]?.push(index);
  });
  const order: number[] = [];
  const place = new Int32Array(parent.length);
  const end = new Int32Array(parent.length);
  const stack = roots.reverse();
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    place[index] = order.length;
    order.push(index);
    const above = parent[index] ?? null;
    if (above !== null) {
      depth[index] = (depth[above] ?? 0) + 1;
      deepest = Math.max(deepest, depth[index] ?? 0);
    }
    const below = children[index] ?? [];
    for (let at = below.length - 1; at >= 0; at--) stack.push(below[at] as number);
  }
  for (let at = order.length - 1; at >= 0; at--) {
    const index = order[at] as number;
    const last = children[index]?.at(-1);
    end[index] = last === undefined ? at + 1 : (end[last] as number);
  }
  return { parent, order, place, end, children, depth, deepest };
}

/** All that stands above one, nearest first. */
export function causes({ parent }: Tree, index: number): number[] {
  const above: number[] = [];
  for (let at = parent[index] ?? null; at !== null; at = parent[at] ?? null) above.push(at);
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
  collapsed: (index: number) => boolean,
  wanted: ((index: number) => boolean) | null,
): Shown {
  const context = new Set<number>();
  let needed: Uint8Array | null = null;
  if (wanted) {
    needed = new Uint8Array(tree.order.length);
    for (let at = tree.order.length - 1; at >= 0; at--) {
      const index = tree.order[at] as number;
      const itself = wanted(index);
      if (!itself && !needed[index]) continue;
      if (!itself) context.add(index);
      needed[index] = 1;
      const above = tree.parent[index] ?? null;
      if (above !== null) needed[above] = 1;
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
