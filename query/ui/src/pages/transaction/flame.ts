/** Entries with the same way of causes merged into one, for the flame graph. Pure. */
import type { Entry } from "../../api/queries";
import { nameOf } from "./figures";
import type { Tree } from "./tree";

export type Flame = {
  service: string;
  name: string;
  count: number;
  errors: number;
  /** ns spent in itself and in all below; parallel work counts for each. */
  time: number;
  self: number;
  children: Flame[];
  /** Index of the first entry it is made of. */
  example: number;
};

export function flame(entries: readonly Entry[], tree: Tree): Flame {
  const root = blank("", "every entry", -1);
  const byKey = new Map<Flame, Map<string, Flame>>();
  const of: Flame[] = new Array(entries.length);
  for (const index of tree.order) {
    const entry = entries[index] as Entry;
    const above = entry.parent === null ? root : (of[entry.parent] as Flame);
    const idle = entry.duration_ns === 0;
    if (idle || (entry.repeats && (tree.children[index]?.length ?? 0) === 0)) {
      of[index] = above;
      continue;
    }
    const name = nameOf(entry);
    const key = `${entry.service}\n${name}`;
    let siblings = byKey.get(above);
    if (!siblings) {
      siblings = new Map();
      byKey.set(above, siblings);
    }
    let node = siblings.get(key);
    if (!node) {
      node = blank(entry.service, name, index);
      siblings.set(key, node);
      above.children.push(node);
    }
    node.count++;
    node.errors += entry.error ? 1 : 0;
    node.self += entry.self_ns;
    of[index] = node;
  }
  // Nodes were made top down, so bottom up is the other way round.
  const all = [root];
  for (let at = 0; at < all.length; at++) all.push(...(all[at] as Flame).children);
  for (let at = all.length - 1; at >= 0; at--) {
    const node = all[at] as Flame;
    node.time = node.children.reduce((sum, child) => sum + child.time, node.self);
  }
  return root;
}

function blank(service: string, name: string, example: number): Flame {
  return { service, name, count: 0, errors: 0, time: 0, self: 0, children: [], example };
}

export type Box = { node: Flame; path: string; depth: number; left: number; width: number };

/** Boxes from the focused node down, left and width as shares of 1; those too narrow to see are left out. */
export function boxes(root: Flame, focus: string, narrowest: number): Box[] {
  let top = root;
  let at = "";
  for (const step of focus.split(".").filter(Boolean)) {
    const next = top.children[Number(step)];
    if (!next) break;
    top = next;
    at = at ? `${at}.${step}` : step;
  }
  const found: Box[] = [{ node: top, path: at, depth: 0, left: 0, width: 1 }];
  for (let index = 0; index < found.length; index++) {
    const box = found[index] as Box;
    let left = box.left;
    box.node.children.forEach((child, number) => {
      const width = top.time > 0 ? child.time / top.time : 0;
      if (width >= narrowest) {
        const path = box.path ? `${box.path}.${number}` : `${number}`;
        found.push({ node: child, path, depth: box.depth + 1, left, width });
      }
      left += width;
    });
  }
  return found;
}
