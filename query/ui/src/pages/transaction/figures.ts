/** Counts and times of a transaction's entries by service or by name. Pure. */
import type { Entry } from "../../api/queries";
import { words } from "./words";

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

export function statistics(entries: readonly Entry[], by: "service" | "name"): Figure[] {
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
    figure.self += entry.self_ns;
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
