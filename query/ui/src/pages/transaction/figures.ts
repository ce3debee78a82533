/** Counts and times of a transaction's entries by service or by name. Pure. */
import type { Entry } from "../../api/queries";
import { repeats, type Times } from "./clocks";
import { timedChildren } from "./criticalPath";
import type { Tree } from "./tree";
import { words } from "./words";

/** Each entry's duration without what its children covered of it, in ns; 0 for a record that repeats a span. */
export function selfTimes(entries: readonly Entry[], tree: Tree, times: Times): Float64Array {
  const self = new Float64Array(entries.length);
  entries.forEach((entry, index) => {
    const cause = entry.parent === null ? undefined : entries[entry.parent];
    // What a proxy's span has said, its access log doesn't add to.
    if (cause?.kind === "span" && repeats(entry, cause)) return;
    const from = times.start[index] as number;
    const until = times.end[index] as number;
    let covered = 0;
    let reached = from;
    const below = timedChildren(entries, tree, index).sort(
      (a, b) => (times.start[a] as number) - (times.start[b] as number),
    );
    for (const child of below) {
      const start = Math.max(times.start[child] as number, reached);
      const end = Math.min(times.end[child] as number, until);
      if (end > start) {
        covered += end - start;
        reached = end;
      }
    }
    self[index] = entry.duration_ns - covered;
  });
  return self;
}

export type Figure = {
  service: string;
  name: string;
  count: number;
  errors: number;
  /** ns; 0 for log lines. */
  total: number;
  self: number;
  longest: number;
  /** Index of the entry that took longest, else of the first. */
  example: number;
};

export function statistics(entries: readonly Entry[], self: Float64Array, by: "service" | "name"): Figure[] {
  const figures = new Map<string, Figure>();
  entries.forEach((entry, index) => {
    const name = by === "service" ? "" : nameOf(entry);
    const key = `${entry.service}\n${name}`;
    let figure = figures.get(key);
    if (!figure) {
      figure = { service: entry.service, name, count: 0, errors: 0, total: 0, self: 0, longest: 0, example: index };
      figures.set(key, figure);
    }
    figure.count++;
    figure.errors += entry.error ? 1 : 0;
    figure.total += entry.duration_ns;
    figure.self += self[index] as number;
    if (entry.duration_ns > figure.longest) {
      figure.longest = entry.duration_ns;
      figure.example = index;
    }
  });
  return [...figures.values()].sort((a, b) => b.self - a.self || b.count - a.count);
}

/** The same for entries that do the same: without query strings, numbers and ids. */
export function nameOf(entry: Entry): string {
  const { proxy, text, level } = words(entry);
  switch (entry.kind) {
    case "span":
      return proxy ? `${proxy}: ${text}` : text;
    case "access_log":
      return `${proxy}: ${shape(text.replace(/\?.*$/s, ""))}`;
    case "attempt":
      return `${proxy}: attempt${entry.upstream_cluster ? ` to ${entry.upstream_cluster}` : ""}`;
    case "log":
      return `${level ?? "log"}: ${shape(text)}`;
  }
}

/** A text without what differs from request to request: `order 4711 of 0af7651916cd43dd` → `order # of #`. */
export function shape(text: string): string {
  return text.replace(/\b(?=[0-9a-f-]*\d)[0-9a-f-]{8,}\b|\d+(?:\.\d+)?/gi, "#");
}
